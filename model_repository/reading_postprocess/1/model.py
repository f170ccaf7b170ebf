"""The Triton model reading_postprocess; see `vitrine_steps/models/reading_postprocess.py`."""

from vitrine_steps.models.reading_postprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
