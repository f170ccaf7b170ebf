"""Language models that read a photo's features among their own tokens: as graphs with the decoding loop inside."""
