"""The Triton model text_decode; see `vitrine_steps/models/text_decode.py`."""

from vitrine_steps.models.text_decode import TritonPythonModel

__all__ = ["TritonPythonModel"]
