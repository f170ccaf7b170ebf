"""Trains a small `BlipForQuestionAnswering` from scratch on the catalogue."""
