"""Measures what a user waits for and pays for. Timings live here, not in tests."""
