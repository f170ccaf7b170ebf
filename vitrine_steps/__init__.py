"""What the Python steps of the Triton models do; the builder copies what each needs beside its `model.py`."""
