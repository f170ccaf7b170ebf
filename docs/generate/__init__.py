"""Builds what the documentation site takes from the repository: pages of other folders, links, command lines."""
