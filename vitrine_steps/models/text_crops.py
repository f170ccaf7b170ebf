"""Triton step: where text is in, lines of text for the recogniser out. See `reading/lines_of_text.py`."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json

import cv2
import triton_python_backend_utils as pb_utils

from vitrine_steps.reading.found import to_tensor
from vitrine_steps.reading.lines_of_text import affordable, boxes_in_map, line_tensors
from vitrine_steps.triton.metrics import ErrorCounter
from vitrine_steps.triton.step import Tensors, answer_each, parameter

_OVERLAP = 2
"""Area of all lines at most, over the photo's own."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        cv2.setNumThreads(1)
        config = json.loads(args["model_config"])
        self.most_lines, self.most_px = (int(parameter(config, name)) for name in ("most_lines", "most_line_px"))
        self.errors = ErrorCounter(args["model_name"])

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return answer_each(requests, self.lines, ("TEXT_MAP", "PHOTO_PIXELS"), self.errors)

    def lines(self, inputs: Tensors) -> Tensors:
        photo = inputs["PHOTO_PIXELS"][0]
        height, width = photo.shape[:2]
        boxes = boxes_in_map(inputs["TEXT_MAP"][0], height, width)
        count = affordable(
            boxes, most_lines=self.most_lines, most_px=self.most_px, most_area_px=_OVERLAP * height * width
        )
        read, left_out = boxes[:count], boxes[count:]
        lines = line_tensors(photo, read)
        rows = [{"box": read[line].tolist()} for line in lines.order]
        return {
            "LINE_PIXELS": lines.pixels[None],
            "LINE_WIDTH": lines.width[None],
            "GROUP_WIDTH": lines.group_width[None],
            "LINE_FACTS": to_tensor({"rows": rows, "left_out": len(left_out)}),
        }
