"""Hostile requests: many at random against a real server, and coverage-guided ones against the steps' own code."""
