"""A release out of a shop's data, in one command."""
