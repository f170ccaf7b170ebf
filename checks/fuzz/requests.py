"""Draws hostile requests: bytes that go to a gRPC method as they are."""

import math
import random
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.call import HTTP, INFER, Call, ends_2_51
from checks.fuzz.http_requests import HttpRequests
from checks.fuzz.tensors import bytes_tensor
from checks.fuzz.transports import by_hand, compressed, deep_groups, odd_encoding, streamed
from checks.fuzz.well_formed import OUTPUTS, PARAMETERS, WellFormed, set_parameter

_MOST_ELEMENTS = 2**40
_OTHER_METHODS = (
    "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelConfig", "ModelStatistics",
    "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload", "SystemSharedMemoryStatus",
    "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister", "CudaSharedMemoryRegister", "TraceSetting",
    "LogSettings", "CudaSharedMemoryStatus", "NoSuchMethod",
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


KINDS = {
    "damaged photo": 2, "odd question": 2, "odd list": 2, "odd tensors": 4, "nearly right": 3, "damaged request": 4,
    "noise": 4, "other method": 4, "classification": 4, "parameters": 4, "sequence": 3, "headers": 3, "contents": 4,
    "stream": 2, "compressed": 3, "odd encoding": 4, "deep groups": 1, "by hand": 3,
}  # fmt: skip
"""Of gRPC, each with how often it comes."""
HTTP_KINDS = {"http json": 4, "http binary": 3, "http deep": 1, "http other": 2}
"""As `KINDS`, where HTTP is spoken too."""
WELL_FORMED = frozenset(
    {
        "damaged photo", "odd question", "odd list", "classification", "parameters", "sequence", "headers",
        "compressed", "odd encoding",
    }
)  # fmt: skip
"""Kinds that are to be answered, or refused by a rule; others are gRPC's and Triton's to refuse in any way."""


class Requests:
    """An endless supply, the same for the same seed."""

    def __init__(
        self,
        photos: list[bytes],
        configs: list[model_config_pb2.ModelConfig],
        seed: int,
        *,
        overflows: bool = False,
        has_http: bool = False,
        has_door: bool = True,
        only: Collection[str] = (),
    ) -> None:
        """
        Args:
            configs: of the server's models, so that some requests are nearly right.
            overflows: also shapes of so many elements that their number overflows, for the models that only ensembles
                are to call: such a request ends the step's process (Triton 2.51), which the server then replaces.
            has_http: also requests over HTTP.
            has_door: also what ends a Triton 2.51 that nothing stands before.
            only: kinds; none: all.

        Raises:
            ValueError: no such kind.
        """
        self._overflows = overflows
        self._has_door = has_door
        self._photos = photos
        self._configs = configs
        self._draw = random.Random(seed)
        self._good = WellFormed(photos, self._draw)
        self._http = HttpRequests(photos, self._draw)
        weights = KINDS | (HTTP_KINDS if has_http else {})
        self._weights = {kind: weight for kind, weight in weights.items() if not only or kind in only}
        if not self._weights:
            raise ValueError(f"none of {', '.join(only)} is a kind that is sent here: {', '.join(weights)}")

    def next(self) -> Call:
        while True:
            kind = self._draw.choices(list(self._weights), list(self._weights.values()))[0]
            call = self._of_kind(kind)
            if not self._overflows and call.way != HTTP and any(map(_overflows, call.messages)):
                continue
            if self._has_door or not ends_2_51(call):
                return call

    def _of_kind(self, kind: str) -> Call:
        draw, good = self._draw, self._good
        made: dict[str, Callable[[], Call]] = {
            "stream": lambda: streamed(draw, good), "compressed": lambda: compressed(draw, good),
            "odd encoding": lambda: odd_encoding(draw, good), "deep groups": lambda: deep_groups(draw, good),
            "by hand": lambda: by_hand(draw, good), "http json": self._http.json, "http binary": self._http.binary,
            "http deep": self._http.deep, "http other": self._http.other,
        }  # fmt: skip
        if kind in made:
            return made[kind]()
        unusual: dict[str, Callable[[], pb.ModelInferRequest]] = {
            "classification": good.classified, "parameters": good.with_parameters, "sequence": good.in_sequence,
            "headers": good.request, "contents": good.contents,
        }  # fmt: skip
        if kind in unusual:
            content = bytes(unusual[kind]().SerializeToString())
            return Call(kind, INFER, (content,), headers=good.headers() if kind == "headers" else ())
        bodies: dict[str, Callable[[], tuple[str, bytes]]] = {
            "damaged photo": self._damaged_photo, "odd question": self._odd_question, "odd list": self._odd_list,
            "odd tensors": self._odd_tensors, "nearly right": self._nearly_right,
            "damaged request": self._damaged_request, "noise": self._noise, "other method": self._other_method,
        }  # fmt: skip
        method, content = bodies[kind]()
        return Call(kind, method, (content,))

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
                request.raw_input_contents.append(bytes_tensor(values))
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
    if request.model_name in OUTPUTS:
        return False
    return any(
        any(dim < -1 for dim in tensor.shape) or math.prod(max(1, dim) for dim in tensor.shape) > _MOST_ELEMENTS
        for tensor in request.inputs
    )
