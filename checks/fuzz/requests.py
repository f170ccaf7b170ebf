"""Draws hostile requests: bytes that go to a gRPC method as they are."""

import math
import random
from collections.abc import Callable, Collection

from google.protobuf.message import DecodeError
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.call import HTTP, INFER, Call, ends_2_51
from checks.fuzz.http_requests import HttpRequests
from checks.fuzz.odd_bytes import damage, odd_text
from checks.fuzz.odd_tensors import MODELS, OddTensors
from checks.fuzz.tensors import bytes_tensor
from checks.fuzz.transports import compressed_request, deep_groups, frames_by_hand, odd_encoding, stream
from checks.fuzz.well_formed import OUTPUTS, WellFormed

_MOST_ELEMENTS = 2**40
_OTHER_METHODS = (
    "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelConfig", "ModelStatistics",
    "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload", "SystemSharedMemoryStatus",
    "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister", "CudaSharedMemoryRegister", "TraceSetting",
    "LogSettings", "CudaSharedMemoryStatus", "NoSuchMethod",
)  # fmt: skip


KINDS = {
    "damaged photo": 2, "odd question": 2, "odd list": 2, "odd tensors": 4, "nearly right": 3, "damaged request": 4,
    "noise": 4, "other method": 4, "classification": 4, "parameters": 4, "sequence": 3, "headers": 3, "contents": 4,
    "stream": 2, "compressed": 3, "odd encoding": 4, "deep groups": 1, "by hand": 3,
}  # fmt: skip
"""Kinds of gRPC requests, each with its weight."""
HTTP_KINDS = {"http json": 4, "http binary": 3, "http deep": 1, "http other": 2}
"""Kinds of HTTP requests, each with its weight, where HTTP is served too."""
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
        self._draw = random.Random(seed)
        self._odd = OddTensors(photos, configs, self._draw)
        self._good = WellFormed(photos, self._draw)
        self._http = HttpRequests(photos, self._draw)
        weights = KINDS | (HTTP_KINDS if has_http else {})
        self._weights = {kind: weight for kind, weight in weights.items() if not only or kind in only}
        if not self._weights:
            raise ValueError(f"none of {', '.join(only)} is a kind that is sent here: {', '.join(weights)}")

    def next(self) -> Call:
        while True:
            kind = self._draw.choices(list(self._weights), list(self._weights.values()))[0]
            call = self._call_of(kind)
            if not self._overflows and call.way != HTTP and any(map(_overflows, call.messages)):
                continue
            if self._has_door or not ends_2_51(call):
                return call

    def _call_of(self, kind: str) -> Call:
        draw, good = self._draw, self._good
        made: dict[str, Callable[[], Call]] = {
            "stream": lambda: stream(draw, good), "compressed": lambda: compressed_request(draw, good),
            "odd encoding": lambda: odd_encoding(draw, good), "deep groups": lambda: deep_groups(draw, good),
            "by hand": lambda: frames_by_hand(draw, good), "http json": self._http.json,
            "http binary": self._http.binary, "http deep": self._http.deep, "http other": self._http.other,
        }  # fmt: skip
        if kind in made:
            return made[kind]()
        unusual: dict[str, Callable[[], pb.ModelInferRequest]] = {
            "classification": good.with_classification, "parameters": good.with_parameters,
            "sequence": good.in_sequence, "headers": good.request, "contents": good.contents,
        }  # fmt: skip
        if kind in unusual:
            content = bytes(unusual[kind]().SerializeToString())
            return Call(kind, INFER, (content,), headers=good.headers() if kind == "headers" else ())
        bodies: dict[str, Callable[[], tuple[str, bytes]]] = {
            "damaged photo": self._damaged_photo, "odd question": self._odd_question, "odd list": self._odd_list,
            "odd tensors": self._odd_tensors, "nearly right": lambda: (INFER, self._odd.nearly_right()),
            "damaged request": self._damaged_request, "noise": self._noise, "other method": self._other_method,
        }  # fmt: skip
        method, content = bodies[kind]()
        return Call(kind, method, (content,))

    def _damaged_photo(self) -> tuple[str, bytes]:
        photo = self._draw.choice(self._photos)
        head = photo[:800]  # where the structure is
        damaged = damage(self._draw, head) + photo[800:] if self._draw.random() < 0.7 else damage(self._draw, photo)
        model = self._draw.choice(("vqa", "vqa", "image_embedding", "photo_reading"))
        return INFER, self._request(model, IMAGE=[damaged], QUESTION=[b"What is it?"] if model == "vqa" else None)

    def _odd_question(self) -> tuple[str, bytes]:
        texts = [odd_text(self._draw) for _ in range(self._draw.choice((0, 1, 1, 1, 2, 16, 17, 40)))]
        return INFER, self._request("vqa", IMAGE=[self._draw.choice(self._photos)], QUESTION=texts)

    def _odd_list(self) -> tuple[str, bytes]:
        words = [odd_text(self._draw) for _ in range(self._draw.choice((0, 1, 2, 3, 64, 257)))]
        photo = self._draw.choice(self._photos)
        return INFER, self._request("vqa_choose", IMAGE=[photo], QUESTION=[odd_text(self._draw)], CANDIDATES=words)

    def _request(self, model: str, **tensors: list[bytes] | None) -> bytes:
        request = pb.ModelInferRequest(model_name=model, id="fuzz")
        for name, values in tensors.items():
            if values is not None:
                request.inputs.add(name=name, datatype="BYTES", shape=[1, len(values)])
                request.raw_input_contents.append(bytes_tensor(values))
        return bytes(request.SerializeToString())

    def _odd_tensors(self) -> tuple[str, bytes]:
        return INFER, self._odd.any_tensors()

    def _damaged_request(self) -> tuple[str, bytes]:
        _, whole = self._draw.choice((self._odd_question, self._odd_tensors))()
        return INFER, damage(self._draw, whole)

    def _noise(self) -> tuple[str, bytes]:
        return INFER, self._draw.randbytes(self._draw.choice((0, 1, 10, 1000)))

    def _other_method(self) -> tuple[str, bytes]:
        name = self._draw.choice(_OTHER_METHODS)
        request = pb.ModelMetadataRequest(
            name=self._draw.choice(MODELS), version=self._draw.choice(("", "1", "9" * 30))
        )
        content = request.SerializeToString()
        return f"/inference.GRPCInferenceService/{name}", damage(
            self._draw, content
        ) if self._draw.random() < 0.5 else content


def _overflows(content: bytes) -> bool:
    """Return whether a request to a model behind the ensembles has a shape that cannot be."""
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
