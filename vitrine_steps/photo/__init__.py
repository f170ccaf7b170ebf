"""From an encoded photo to the pixels that the image encoder expects, in time and memory that are limited."""
