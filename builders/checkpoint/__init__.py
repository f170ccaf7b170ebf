"""A checkpoint on disk: loaded, held to its pins, and its files' digests."""
