"""Triton step: an encoded photo in, upright pixels for reading text out, and the codes in it. See `reading/`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
from dataclasses import asdict
from functools import partial

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils
from rapidocr.utils.process_img import apply_vertical_padding

from vitrine_steps.photo.pixels import PhotoError, pixels_from_photo
from vitrine_steps.reading.codes import codes_in
from vitrine_steps.reading.found import to_tensor
from vitrine_steps.reading.lines_of_text import detector_pixels
from vitrine_steps.triton.metrics import INVALID_ARG, ErrorCounter
from vitrine_steps.triton.photo_limits import photo_limits
from vitrine_steps.triton.step import Tensors, answer_each, each_row, parameter

_LEAST_SIDE_PX = 30  # rapidocr's
_WIDEST = 8  # rapidocr's: a photo that is so many times as wide as high gets a margin above and below
_DRAFT_RATIO = 1  # a JPEG may be decoded at half its size where that is still the side that is read


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)
        config = json.loads(args["model_config"])
        self.side_px = int(parameter(config, "photo_side_px"))
        self.detector_side_px = int(parameter(config, "detector_side_px"))
        self.limits = photo_limits(config)
        self.entry = parameter(config, "entry")
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        caller_errors = {PhotoError: INVALID_ARG}
        return answer_each(
            requests, self.pixels, ("IMAGE",), self.errors, caller_errors=caller_errors, entry=self.entry
        )

    def pixels(self, inputs: Tensors) -> Tensors:
        pixels = partial(
            pixels_from_photo, side_px=self.side_px, limits=self.limits, draft_ratio=_DRAFT_RATIO, fit="inside"
        )
        [photo_rgb] = each_row(inputs["IMAGE"].reshape(-1).tolist(), pixels, PhotoError)
        codes = codes_in(photo_rgb)
        photo = photo_rgb[:, :, ::-1]
        height, width = photo.shape[:2]
        # A strip is not enlarged to that height, as rapidocr does: one of 2000 x 1 px would become 60,000 wide.
        below, beside = (max(0, _LEAST_SIDE_PX - side) for side in (height, width))
        photo = np.asarray(cv2.copyMakeBorder(photo, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
        photo, margins = apply_vertical_padding(photo, {}, _WIDEST, _LEAST_SIDE_PX)
        photo = np.ascontiguousarray(photo)
        about = {
            "height": height,
            "width": width,
            "margin": margins["padding_1"]["top"],
            "codes": [asdict(code) for code in codes],
        }
        return {
            "TEXT_PIXELS": detector_pixels(photo, self.detector_side_px)[None],
            "PHOTO_PIXELS": photo[None],
            "PHOTO_FACTS": to_tensor(about),
        }
