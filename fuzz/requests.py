"""Draws hostile requests: bytes that go to a gRPC method as they are."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import serialize_byte_tensor

PUBLIC = ("vqa", "vqa_choose", "image_embedding")
"""What callers are meant to call."""
_MOST_ELEMENTS = 2**40
INFER = "/inference.GRPCInferenceService/ModelInfer"
_OTHER_METHODS = (
    "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelConfig", "ModelStatistics",
    "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload", "SystemSharedMemoryStatus",
    "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister", "CudaSharedMemoryRegister", "TraceSetting",
    "LogSettings", "NoSuchMethod",
)  # fmt: skip
_MODELS = (
    "vqa", "vqa_choose", "image_embedding", "image_features", "image_preprocess", "image_encoder", "image_export",
    "embedding_export", "question_preprocess", "answer_decoder", "answer_postprocess", "candidates_preprocess",
    "answer_scorer", "choice_postprocess", "", "nothing", "../vqa", "vqa/1", "vqa\0", "图",
)  # fmt: skip
_NAMES = (
    "IMAGE", "QUESTION", "CANDIDATES", "MAX_RISK", "IMAGE_FEATURES", "PIXELS", "IMAGE_SHA256", "QUESTION_IDS",
    "QUESTION_MASK", "ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "CANDIDATE_IDS", "CANDIDATE_LOGPROBS", "", "NOTHING",
)  # fmt: skip
_TYPES = ("BYTES", "UINT8", "INT32", "FP32", "FP16", "BOOL", "INT64", "", "FP128", "STRING")
_OUTPUTS = ("ANSWER", "HEATMAP", "RELEASE", "PROBABILITIES", "IMAGE_EMBEDDING", "NOTHING", "", "image_features")
_QUESTIONS = (
    "What colour is it?", "这是什么？", "", " ", "\0", "什么" * 60, "why " * 900, "🙂" * 30, "[SEP] [CLS]", "\u202eabc",
    "Ａ１",
)  # fmt: skip
_DIMENSIONS = (1, 1, 1, 2, 0, -1, 16, 17, 50, 52, 112, 192, 2**31 - 1, 2**31, 2**62, -(2**63))
_PARAMETERS = ("timeout", "priority", "sequence_id", "sequence_start", "binary_data", "shared_memory_region", "x" * 200)


class Requests:
    """An endless supply, the same for the same seed."""

    def __init__(
        self, photos: list[bytes], configs: list[model_config_pb2.ModelConfig], seed: int, *, overflows: bool = False
    ) -> None:
        """
        Args:
            configs: of the server's models, so that some requests are nearly right.
            overflows: also shapes of so many elements that their number overflows, for the models that only ensembles
                are to call: such a request ends the step's process (Triton 2.51), which the server then replaces.
        """
        self._overflows = overflows
        self._photos = photos
        self._configs = configs
        self._draw = random.Random(seed)
        self._kinds: dict[str, Callable[[], tuple[str, bytes]]] = {
            "damaged photo": self._damaged_photo,
            "odd question": self._odd_question,
            "odd list": self._odd_list,
            "odd tensors": self._odd_tensors,
            "nearly right": self._nearly_right,
            "damaged request": self._damaged_request,
            "noise": self._noise,
            "other method": self._other_method,
        }

    def next(self) -> tuple[str, str, bytes]:
        """A kind, a method, and the bytes to send to it."""
        while True:
            kind = self._draw.choice(list(self._kinds))
            method, content = self._kinds[kind]()
            if self._overflows or method != INFER or not _overflows(content):
                return kind, method, content

    def _damaged(self, content: bytes) -> bytes:
        found = bytearray(content)
        if self._draw.random() < 0.3:
            del found[self._draw.randrange(len(found) + 1) :]
        for _ in range(self._draw.choice((1, 1, 2, 8, 64))):
            if not found:
                break
            at = self._draw.randrange(len(found))
            kind = self._draw.random()
            if kind < 0.6:
                found[at] = self._draw.randrange(256)
            elif kind < 0.8:
                found[at:at] = self._draw.randbytes(self._draw.choice((1, 4, 300)))
            else:
                del found[at : at + self._draw.choice((1, 4, 300))]
        return bytes(found)

    def _damaged_photo(self) -> tuple[str, bytes]:
        photo = self._draw.choice(self._photos)
        head = photo[:800]  # where the structure is
        damaged = self._damaged(head) + photo[800:] if self._draw.random() < 0.7 else self._damaged(photo)
        model = self._draw.choice(("vqa", "vqa", "image_embedding"))
        return INFER, self._request(model, IMAGE=[damaged], QUESTION=[b"What is it?"] if model == "vqa" else None)

    def _odd_question(self) -> tuple[str, bytes]:
        texts = [self._text() for _ in range(self._draw.choice((0, 1, 1, 1, 2, 16, 17, 40)))]
        return INFER, self._request("vqa", IMAGE=[self._draw.choice(self._photos)], QUESTION=texts)

    def _odd_list(self) -> tuple[str, bytes]:
        words = [self._text() for _ in range(self._draw.choice((0, 1, 2, 3, 64, 257)))]
        photo = self._draw.choice(self._photos)
        return INFER, self._request("vqa_choose", IMAGE=[photo], QUESTION=[self._text()], CANDIDATES=words)

    def _text(self) -> bytes:
        text = self._draw.choice(_QUESTIONS).encode()
        return self._damaged(text) if self._draw.random() < 0.4 else text

    def _request(self, model: str, **tensors: list[bytes] | None) -> bytes:
        request = pb.ModelInferRequest(model_name=model, id="fuzz")
        for name, values in tensors.items():
            if values is not None:
                request.inputs.add(name=name, datatype="BYTES", shape=[1, len(values)])
                request.raw_input_contents.append(_bytes_tensor(values))
        return bytes(request.SerializeToString())

    def _odd_tensors(self) -> tuple[str, bytes]:
        """Any names, types, shapes and contents, for any model: also those that only ensembles are to call."""
        draw = self._draw
        request = pb.ModelInferRequest(
            model_name=draw.choice(_MODELS), model_version=draw.choice(("", "", "1", "2", "-1", "x"))
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
        return INFER, bytes(request.SerializeToString())

    def _nearly_right(self) -> tuple[str, bytes]:
        """Every input of one model, in its type, with any content, and now and then one thing wrong."""
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
        return INFER, bytes(request.SerializeToString())

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
        texts = [self._draw.choice(self._photos) if name == "IMAGE" else self._text() for _ in range(min(count, 64))]
        return _bytes_tensor(texts)

    def _content(self, shape: list[int]) -> bytes:
        count = int(np.clip(np.prod(np.array(shape, dtype=np.float64)), 0, 40_000)) if shape else 1
        draw = self._draw
        return draw.choice(
            (
                lambda: draw.randbytes(count * draw.choice((1, 2, 4, 8))),
                lambda: _bytes_tensor([draw.choice(self._photos)] * min(count, 3)),
                lambda: (2**32 - 1).to_bytes(4, "little") + b"short",
                lambda: bytes(count * 4),
                lambda: b"",
            )
        )()

    def _add_parameter(self, parameters: Any) -> None:
        if self._draw.random() < 0.15:
            value = parameters[self._draw.choice(_PARAMETERS)]
            if self._draw.random() < 0.5:
                value.int64_param = self._draw.choice((0, 1, -1, 2**62))
            else:
                value.string_param = self._draw.choice(("", "0", "a" * 500, "/dev/shm/x"))  # noqa: S108  what an attacker may name

    def _damaged_request(self) -> tuple[str, bytes]:
        _, whole = self._draw.choice((self._odd_question, self._odd_tensors))()
        return INFER, self._damaged(whole)

    def _noise(self) -> tuple[str, bytes]:
        return INFER, self._draw.randbytes(self._draw.choice((0, 1, 10, 1000)))

    def _other_method(self) -> tuple[str, bytes]:
        name = self._draw.choice(_OTHER_METHODS)
        request = pb.ModelMetadataRequest(
            name=self._draw.choice(_MODELS), version=self._draw.choice(("", "1", "9" * 30))
        )
        content = request.SerializeToString()
        return f"/inference.GRPCInferenceService/{name}", self._damaged(
            content
        ) if self._draw.random() < 0.5 else content


def _overflows(content: bytes) -> bool:
    """Whether a request to a model behind the ensembles has a shape that cannot be."""
    try:
        request = pb.ModelInferRequest.FromString(content)
    except DecodeError:
        return False
    if request.model_name in PUBLIC:
        return False
    return any(
        any(dim < -1 for dim in tensor.shape) or math.prod(max(1, dim) for dim in tensor.shape) > _MOST_ELEMENTS
        for tensor in request.inputs
    )


def _bytes_tensor(values: list[bytes]) -> bytes:
    found = serialize_byte_tensor(np.array(values, np.object_)) if values else None
    return bytes(found.item()) if found is not None and found.size else b""
