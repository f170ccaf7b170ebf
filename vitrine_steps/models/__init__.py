"""The `TritonPythonModel` of each Python step: tensors in, tensors out, and which error gets which code."""
