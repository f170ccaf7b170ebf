"""Runs a built repository under the real Triton of the `nvidia-pytriton` wheel, on a bare machine."""
