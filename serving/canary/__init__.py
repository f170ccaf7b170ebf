"""Watches the next release while it gets a share of the calls, and takes the share away where it does worse."""
