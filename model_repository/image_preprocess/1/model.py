"""The Triton model image_preprocess; see `vitrine_steps/models/image_preprocess.py`."""

from vitrine_steps.models.image_preprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
