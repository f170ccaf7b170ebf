"""Checks against a running server: hostile requests, an hour of faults, a GPU host."""
