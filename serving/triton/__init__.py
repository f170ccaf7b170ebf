"""Triton itself: where it is installed, its command line, its files, ports and log."""
