"""Code of the Python steps of the Triton models; the builder copies what each needs beside its `model.py`."""
