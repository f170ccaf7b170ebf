"""Triton step: the recogniser's characters in, all that was found in the photo out, as one text for the cache."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import hashlib
import json

import numpy as np
import triton_python_backend_utils as pb_utils

from vitrine_steps.features import stamp
from vitrine_steps.reading.characters import LineReader
from vitrine_steps.reading.codes import Code
from vitrine_steps.reading.found import Found, Line, to_tensor
from vitrine_steps.reading.reading_order import in_reading_order
from vitrine_steps.reading.sizes import CHARACTERS_FILE
from vitrine_steps.triton.metrics import ErrorCounter
from vitrine_steps.triton.release import read_release
from vitrine_steps.triton.step import Tensors, answer_each, version_folder

_INPUTS = ("IMAGE", "CHARACTER_IDS", "CHARACTER_PROBABILITIES", "LINE_FACTS", "PHOTO_FACTS")


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.reader = LineReader(json.loads((version_folder(args) / CHARACTERS_FILE).read_text("utf-8")))
        self.release = read_release(args["model_repository"])
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(requests, self.found, _INPUTS, self.errors)

    def found(self, inputs: Tensors) -> Tensors:
        photo, about = (json.loads(inputs[name][0, 0]) for name in ("PHOTO_FACTS", "LINE_FACTS"))
        ids, probabilities = inputs["CHARACTER_IDS"][0], inputs["CHARACTER_PROBABILITIES"][0]
        lines = []
        boxes = []
        for row, known in enumerate(about["rows"]):
            text, shares = self.reader.text(ids[row], probabilities[row])
            if not text:
                continue
            box = np.array(known["box"], np.float32) - [0, photo["margin"]]
            boxes.append(box)
            height_px = float(min(np.linalg.norm(box[3] - box[0]), np.linalg.norm(box[1] - box[0])))
            on_photo = (box / [photo["width"], photo["height"]]).clip(0, 1).tolist()
            lines.append(Line(text, on_photo, float(np.mean(shares)), float(np.min(shares)), height_px))
        sha256 = np.frombuffer(hashlib.sha256(inputs["IMAGE"][0, 0]).digest(), np.uint8)
        order = in_reading_order(np.array(boxes, np.float32).reshape(-1, 4, 2))
        return {
            "PHOTO_TEXT": to_tensor(
                Found(
                    stamp=stamp(sha256, self.release).tobytes().hex(),
                    lines=[lines[line] for line in order],
                    left_out=about["left_out"],
                    codes=[Code(**code) for code in photo["codes"]],
                )
            )
        }
