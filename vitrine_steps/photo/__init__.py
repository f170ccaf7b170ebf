"""Decoding of photos into the pixels that the image encoder expects, in limited time and memory."""
