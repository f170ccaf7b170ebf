"""Triton step: brings the encoder's outputs to host memory, where the cache can keep them."""

from typing import Any

import numpy as np
from step import Tensors, answer_each


class TritonPythonModel:
    def execute(self, requests: list[Any]) -> list[Any]:
        return answer_each(requests, self.export, ("IMAGE_FEATURES", "IMAGE_POOLED", "IMAGE_SHA256"))

    def export(self, inputs: Tensors) -> Tensors:
        pooled = inputs["IMAGE_POOLED"].astype(np.float32)  # [B, E]
        norm = np.linalg.norm(pooled, axis=1, keepdims=True)
        return {
            "IMAGE_FEATURES": inputs["IMAGE_FEATURES"],
            "IMAGE_EMBEDDING": pooled / np.maximum(norm, np.finfo(np.float32).tiny),
            "IMAGE_SHA256": inputs["IMAGE_SHA256"],
        }
