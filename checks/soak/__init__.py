"""An hour of everything at once: whether anything grows, and whether anything is ever answered wrongly."""
