"""The Triton model candidates_preprocess; see `vitrine_steps/models/candidates_preprocess.py`."""

from vitrine_steps.models.candidates_preprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
