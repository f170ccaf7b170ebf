"""Synthetic product photos with known answers.

Everything here is a pure function of a seed: the same seed draws the same
photo and asks the same questions, on every machine with the pinned Pillow.
"""
