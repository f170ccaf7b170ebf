"""Questions for people: what the model handed over or got wrong, and what people answered."""
