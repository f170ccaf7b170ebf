"""The Triton model answer_postprocess; see `vitrine_steps/models/answer_postprocess.py`."""

from vitrine_steps.models.answer_postprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
