"""Draws requests whose tensors are wrong, for any model: also those that only ensembles are to call."""

import random
from typing import Any

import numpy as np
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.odd_bytes import odd_text
from checks.fuzz.tensors import bytes_tensor
from checks.fuzz.well_formed import PARAMETERS, set_parameter

MODELS = (
    "vqa", "vqa_choose", "image_embedding", "image_features", "image_preprocess", "image_encoder", "image_export",
    "embedding_export", "question_preprocess", "answer_decoder", "answer_postprocess", "candidates_preprocess",
    "answer_scorer", "choice_postprocess", "photo_reading", "photo_text", "text_preprocess", "text_detector",
    "text_crops", "text_recogniser", "text_decode", "reading_postprocess", "embedding_preprocess",
    "embedding_encoder", "", "nothing", "../vqa", "vqa/1", "vqa\0", "图",
)  # fmt: skip
_NAMES = (
    "IMAGE", "QUESTION", "CANDIDATES", "MAX_RISK", "IMAGE_FEATURES", "PIXELS", "IMAGE_SHA256", "QUESTION_IDS",
    "QUESTION_MASK", "ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "CANDIDATE_IDS", "CANDIDATE_LOGPROBS", "TEXT_PIXELS",
    "TEXT_MAP", "PHOTO_PIXELS", "LINE_PIXELS", "LINE_WIDTH", "GROUP_WIDTH", "PHOTO_FACTS", "LINE_FACTS", "PHOTO_TEXT",
    "EMBEDDING_PIXELS", "", "NOTHING",
)  # fmt: skip
_TYPES = ("BYTES", "UINT8", "INT32", "FP32", "FP16", "BOOL", "INT64", "", "FP128", "STRING")
_OUTPUTS = ("ANSWER", "HEATMAP", "RELEASE", "PROBABILITIES", "IMAGE_EMBEDDING", "NOTHING", "", "image_features")
_DIMENSIONS = (1, 1, 1, 2, 0, -1, 16, 17, 50, 52, 112, 192, 2**31 - 1, 2**31, 2**62, -(2**63))


class OddTensors:
    """An endless supply of serialised requests of ModelInfer."""

    def __init__(self, photos: list[bytes], configs: list[model_config_pb2.ModelConfig], draw: random.Random) -> None:
        """
        Args:
            configs: of the server's models, so that some requests are nearly right.
        """
        self._photos = photos
        self._configs = configs
        self._draw = draw

    def any_tensors(self) -> bytes:
        """Draw any names, types, shapes and contents, for any model: also those that only ensembles are to call."""
        draw = self._draw
        request = pb.ModelInferRequest(
            model_name=draw.choice(MODELS), model_version=draw.choice(("", "", "1", "2", "-1", "x"))
        )
        for _ in range(draw.choice((0, 1, 1, 2, 3, 7))):
            shape = [draw.choice(_DIMENSIONS) for _ in range(draw.choice((0, 1, 2, 2, 3, 4)))]
            tensor = request.inputs.add(name=draw.choice(_NAMES), datatype=draw.choice(_TYPES), shape=shape)
            self._add_parameter(tensor.parameters)
            if draw.random() < 0.85:
                request.raw_input_contents.append(self._content(shape))
            elif draw.random() < 0.5:
                tensor.contents.bytes_contents.append(draw.randbytes(20))
                tensor.contents.int_contents.extend([1, 2, 3])
        for _ in range(draw.choice((0, 0, 1, 3))):
            output = request.outputs.add(name=draw.choice(_OUTPUTS))
            self._add_parameter(output.parameters)
        self._add_parameter(request.parameters)
        return bytes(request.SerializeToString())

    def nearly_right(self) -> bytes:
        """Draw every input of one model, in its type, with any content, and now and then one thing wrong."""
        draw = self._draw
        config = draw.choice(self._configs)
        rows, loose = draw.choice((1, 1, 2, 3)), draw.choice((1, 2, 5))
        request = pb.ModelInferRequest(model_name=config.name)
        for tensor in config.input:
            if draw.random() < 0.03:
                continue
            shape = [rows, *(loose if dim == -1 else dim for dim in tensor.dims)]
            if draw.random() < 0.05:
                shape[draw.randrange(len(shape))] = draw.choice(_DIMENSIONS)
            kind = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_").replace("STRING", "BYTES")
            request.inputs.add(name=tensor.name, datatype=kind, shape=shape)
            count = int(np.clip(np.prod(np.array(shape, dtype=np.float64)), 0, 200_000))
            request.raw_input_contents.append(
                self._numbers(kind, count) if kind != "BYTES" else self._texts(tensor.name, count)
            )
        return bytes(request.SerializeToString())

    def _numbers(self, kind: str, count: int) -> bytes:
        width = {"UINT8": 1, "FP16": 2}.get(kind, 4)
        draw = self._draw
        return draw.choice(
            (
                lambda: draw.randbytes(count * width),
                lambda: bytes(count * width),
                lambda: b"\xff" * (count * width),  # -1, or not a number
                lambda: np.arange(count, dtype=np.int32).tobytes() if width == 4 else draw.randbytes(count * width),
            )
        )()

    def _texts(self, name: str, count: int) -> bytes:
        texts = [
            self._draw.choice(self._photos) if name == "IMAGE" else odd_text(self._draw) for _ in range(min(count, 64))
        ]
        return bytes_tensor(texts)

    def _content(self, shape: list[int]) -> bytes:
        count = int(np.clip(np.prod(np.array(shape, dtype=np.float64)), 0, 40_000)) if shape else 1
        draw = self._draw
        return draw.choice(
            (
                lambda: draw.randbytes(count * draw.choice((1, 2, 4, 8))),
                lambda: bytes_tensor([draw.choice(self._photos)] * min(count, 3)),
                lambda: (2**32 - 1).to_bytes(4, "little") + b"short",
                lambda: bytes(count * 4),
                lambda: b"",
            )
        )()

    def _add_parameter(self, parameters: Any) -> None:
        if self._draw.random() < 0.15:
            set_parameter(self._draw, parameters, self._draw.choice(PARAMETERS))
