"""Triton step: a photo's features in, its embedding and digest out."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import triton_python_backend_utils as pb_utils

from vitrine_steps.features import FeatureMismatchError, embedding_from_packed, stamp
from vitrine_steps.triton.metrics import INTERNAL, ErrorCounter
from vitrine_steps.triton.mismatch import MismatchCounter
from vitrine_steps.triton.release import read_release, release_rows
from vitrine_steps.triton.step import Tensors, answer_each


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.release = read_release(args["model_repository"])
        self.mismatches = MismatchCounter(args["model_name"], self.release)
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(
            requests,
            self.embedding,
            ("IMAGE", "IMAGE_FEATURES"),
            self.errors,
            caller_errors={FeatureMismatchError: INTERNAL},
        )

    def embedding(self, inputs: Tensors) -> Tensors:
        embedding, stamps = embedding_from_packed(inputs["IMAGE_FEATURES"])
        self.mismatches.require_same_photos(inputs["IMAGE"], stamps)
        release = release_rows(self.release, len(embedding))
        return {"IMAGE_EMBEDDING": embedding, "IMAGE_SHA256": stamp(stamps, self.release), "RELEASE": release}
