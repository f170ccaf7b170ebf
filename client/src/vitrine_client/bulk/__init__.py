"""Whole catalogues: fixed questions about many photos, answered shard by shard. Needs `vitrine-client[bulk]`."""
