"""Readers of the feeds in which shops tell their products."""
