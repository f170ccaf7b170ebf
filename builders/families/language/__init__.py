"""What families of language models that see have in common, beside their graphs in `builders/graphs/language/`."""
