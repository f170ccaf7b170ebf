"""The Triton model question_preprocess; see `vitrine_steps/models/question_preprocess.py`."""

from vitrine_steps.models.question_preprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
