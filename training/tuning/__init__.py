"""Tuning of a checkpoint on labelled questions."""
