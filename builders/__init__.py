"""Compiles a BLIP checkpoint into a Triton model repository, and proves it equal to the reference."""
