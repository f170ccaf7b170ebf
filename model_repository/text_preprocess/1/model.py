"""The Triton model text_preprocess; see `vitrine_steps/models/text_preprocess.py`."""

from vitrine_steps.models.text_preprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
