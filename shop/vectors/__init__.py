"""Similar products: vectors of photos, with what a shop may filter by."""
