"""Requests to read a photo as tensors, and what was read from tensors."""

import math

import numpy as np
from numpy.typing import NDArray

from vitrine_client.calls import Call, Tensors, bytes_tensor, risk_tensor
from vitrine_client.contract import READING
from vitrine_client.reading import Box, Code, Line, Reading

READING_OUTPUTS = (
    "TEXT",
    "TEXT_BOX",
    "TEXT_CONFIDENCE",
    "TEXT_STATUS",
    "LINES_LEFT_OUT",
    "CODE",
    "CODE_KIND",
    "CODE_BOX",
    "RELEASE",
)


def read_call(photo: bytes, max_risk: float | None) -> Call[Reading]:
    """Make the request to read one photo."""
    inputs = {"IMAGE": bytes_tensor(photo), **risk_tensor(max_risk)}
    return Call(READING, inputs, READING_OUTPUTS, _reading_from_tensors)


def _reading_from_tensors(tensors: Tensors, request_id: str) -> Reading:
    texts, kinds = tensors["TEXT"][0], tensors["CODE_KIND"][0]
    return Reading(
        lines=tuple(
            Line(text.decode("utf-8"), _box(box), None if math.isnan(share) else float(share), status.decode("ascii"))
            for text, box, share, status in zip(
                texts, tensors["TEXT_BOX"][0], tensors["TEXT_CONFIDENCE"][0], tensors["TEXT_STATUS"][0], strict=True
            )
        ),
        codes=tuple(
            Code(text.decode("utf-8"), kind.decode("utf-8"), _box(box))
            for text, kind, box in zip(tensors["CODE"][0], kinds, tensors["CODE_BOX"][0], strict=True)
        ),
        lines_left_out=int(tensors["LINES_LEFT_OUT"][0, 0]),
        release=tensors["RELEASE"][0, 0].decode("utf-8"),
        request_id=request_id,
    )


def _box(corners: NDArray[np.float32]) -> Box:
    return tuple((round(float(x), 5), round(float(y), 5)) for x, y in corners)
