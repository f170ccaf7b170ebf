"""Triton step: brings the encoder's outputs to host memory, as the one tensor that the cache keeps."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import triton_python_backend_utils as pb_utils

from vitrine_steps.features import pack_features, stamp
from vitrine_steps.triton.metrics import ErrorCounter
from vitrine_steps.triton.release import read_release
from vitrine_steps.triton.step import Tensors, answer_each


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.release = read_release(args["model_repository"])
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(requests, self.packed, ("ENCODED_FEATURES", "IMAGE_POOLED", "IMAGE_SHA256"), self.errors)

    def packed(self, inputs: Tensors) -> Tensors:
        stamps = stamp(inputs["IMAGE_SHA256"], self.release)
        packed = pack_features(inputs["ENCODED_FEATURES"], inputs["IMAGE_POOLED"], stamps)
        return {"IMAGE_FEATURES": packed}
