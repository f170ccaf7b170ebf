"""The Triton model embedding_preprocess; see `vitrine_steps/models/embedding_preprocess.py`."""

from vitrine_steps.models.embedding_preprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
