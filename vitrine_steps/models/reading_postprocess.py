"""Triton step: what was found in a photo in, its lines with their confidence and its codes out. See `certainty.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import math

import numpy as np
import triton_python_backend_utils as pb_utils

from vitrine_steps.features import FeatureMismatchError
from vitrine_steps.reading.certainty import CALIBRATION_FILE, confidence_of, read_line_calibration, status_of
from vitrine_steps.reading.found import found_from_tensor
from vitrine_steps.triton.metrics import INTERNAL, INVALID_ARG, ErrorCounter
from vitrine_steps.triton.mismatch import MismatchCounter
from vitrine_steps.triton.release import read_release, release_rows
from vitrine_steps.triton.step import Tensors, answer_each, utf8, version_folder
from vitrine_steps.verdict import RiskError, max_risk_from


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.calibration = read_line_calibration(version_folder(args) / CALIBRATION_FILE)
        self.release = read_release(args["model_repository"])
        self.mismatches = MismatchCounter(args["model_name"], self.release)
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(
            requests,
            self.reading,
            ("IMAGE", "PHOTO_TEXT"),
            self.errors,
            optional=("MAX_RISK",),
            caller_errors={FeatureMismatchError: INTERNAL, RiskError: INVALID_ARG},
        )

    def reading(self, inputs: Tensors) -> Tensors:
        found = found_from_tensor(inputs["PHOTO_TEXT"])
        stamps = np.frombuffer(bytes.fromhex(found.stamp), np.uint8)[None]
        self.mismatches.require_same_photos(inputs["IMAGE"], stamps)
        max_risk = max_risk_from(float(inputs["MAX_RISK"][0, 0]) if "MAX_RISK" in inputs else math.nan)
        confidences = [confidence_of(line, self.calibration) for line in found.lines]
        statuses = [status_of(confidence, self.calibration, max_risk) for confidence in confidences]
        return {
            "TEXT": utf8([line.text for line in found.lines])[None],
            "TEXT_BOX": np.array([line.box for line in found.lines], np.float32).reshape(1, -1, 4, 2),
            "TEXT_CONFIDENCE": np.array([confidences], np.float32),
            "TEXT_STATUS": utf8(statuses)[None],
            "LINES_LEFT_OUT": np.array([[found.left_out]], np.int32),
            "CODE": utf8([code.text for code in found.codes])[None],
            "CODE_KIND": utf8([code.kind for code in found.codes])[None],
            "CODE_BOX": np.array([code.box for code in found.codes], np.float32).reshape(1, -1, 4, 2),
            "RELEASE": release_rows(self.release, 1),
        }
