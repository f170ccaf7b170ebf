"""Proof that engines answer as the reference does: material, reference, comparison, timing."""
