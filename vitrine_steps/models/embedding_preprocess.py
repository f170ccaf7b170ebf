"""Triton step: encoded photos in, pixels for the encoder of vectors out, with digests and the release."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
from functools import partial

import numpy as np
import triton_python_backend_utils as pb_utils

from vitrine_steps.photo.pixels import PhotoError, pixels_from_photo, sha256_of_photo
from vitrine_steps.triton.metrics import INVALID_ARG, ErrorCounter
from vitrine_steps.triton.photo_limits import photo_limits
from vitrine_steps.triton.release import read_release, release_rows
from vitrine_steps.triton.step import Tensors, answer_each, each_row, output_dims, parameter


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.side_px = output_dims(config, "EMBEDDING_PIXELS")[0]
        self.limits = photo_limits(config)
        self.draft_ratio = int(parameter(config, "draft_ratio"))
        self.entry = parameter(config, "entry")
        self.release = read_release(args["model_repository"])
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        caller_errors = {PhotoError: INVALID_ARG}
        return answer_each(
            requests, self.pixels, ("IMAGE",), self.errors, caller_errors=caller_errors, entry=self.entry
        )

    def pixels(self, inputs: Tensors) -> Tensors:
        photos = inputs["IMAGE"].reshape(-1).tolist()
        pixels = partial(pixels_from_photo, side_px=self.side_px, limits=self.limits, draft_ratio=self.draft_ratio)
        return {
            "EMBEDDING_PIXELS": np.stack(each_row(photos, pixels, PhotoError)),
            "IMAGE_SHA256": np.stack([sha256_of_photo(photo) for photo in photos]),
            "RELEASE": release_rows(self.release, len(photos)),
        }
