"""Measures a running server's answers: accuracy by kind and language."""
