"""Engines in half precision and INT8, and what keeps them honest."""
