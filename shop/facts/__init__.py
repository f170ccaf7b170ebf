"""Answers from the catalogue, rules on who answers what, and listings whose photo contradicts them."""
