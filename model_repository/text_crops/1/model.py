"""The Triton model text_crops; see `vitrine_steps/models/text_crops.py`."""

from vitrine_steps.models.text_crops import TritonPythonModel

__all__ = ["TritonPythonModel"]
