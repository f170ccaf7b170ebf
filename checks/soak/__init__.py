"""Check of an hour of everything at once: whether anything grows, or is ever answered wrongly."""
