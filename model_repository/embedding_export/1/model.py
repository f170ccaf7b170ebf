"""The Triton model embedding_export; see `vitrine_steps/models/embedding_export.py`."""

from vitrine_steps.models.embedding_export import TritonPythonModel

__all__ = ["TritonPythonModel"]
