"""The Triton model choice_postprocess; see `vitrine_steps/models/choice_postprocess.py`."""

from vitrine_steps.models.choice_postprocess import TritonPythonModel

__all__ = ["TritonPythonModel"]
