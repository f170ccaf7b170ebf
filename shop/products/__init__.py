"""Products of shops, as their catalogues tell them."""
