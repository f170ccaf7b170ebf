"""Triton step: brings the encoder's outputs to host memory, as the one tensor that the cache keeps."""

from typing import Any

from features import packed_features
from metrics import ErrorCounter
from step import Tensors, answer_each


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[Any]) -> list[Any]:
        return answer_each(requests, self.packed, ("ENCODED_FEATURES", "IMAGE_POOLED", "IMAGE_SHA256"), self.errors)

    def packed(self, inputs: Tensors) -> Tensors:
        packed = packed_features(inputs["ENCODED_FEATURES"], inputs["IMAGE_POOLED"], inputs["IMAGE_SHA256"])
        return {"IMAGE_FEATURES": packed}
