"""The Triton model image_export; see `vitrine_steps/models/image_export.py`."""

from vitrine_steps.models.image_export import TritonPythonModel

__all__ = ["TritonPythonModel"]
