"""Well-formed requests with something unusual about them: each is to be answered, or refused by a rule."""

import random
from typing import Any

from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.tensors import bytes_tensor

OUTPUTS = {
    "vqa": (
        "ANSWER", "CONFIDENCE", "STATUS", "REASON", "ALTERNATIVES", "ALTERNATIVE_CONFIDENCES", "HEATMAP", "RELEASE",
    ),
    "vqa_choose": ("ANSWER", "CONFIDENCE", "STATUS", "REASON", "PROBABILITIES", "HEATMAP", "RELEASE"),
    "image_embedding": ("IMAGE_EMBEDDING", "IMAGE_SHA256", "RELEASE"),
    "photo_reading": ("TEXT", "TEXT_BOX", "TEXT_CONFIDENCE", "TEXT_STATUS", "CODE", "CODE_KIND", "CODE_BOX", "RELEASE"),
}  # fmt: skip
"""Outputs of each model that callers are meant to call."""
PARAMETERS = (
    "classification", "sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "binary_data",
    "binary_data_size", "binary_data_output", "shared_memory_region", "shared_memory_byte_size", "shared_memory_offset",
    "triton_enable_empty_final_response", "triton_grpc_error", "headers", "", "名", "x" * 200,
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 1000, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -(2**63))
_TEXTS = ("", "0", "1", "a-sequence", "a" * 127, "a" * 129, "什么", "/dev/shm/x", "true")  # noqa: S108  what an attacker may name
_VALUES = ("bool_param", "int64_param", "string_param", "double_param", "uint64_param", "none")
_FULL_RATIO, _EMBEDDING_RATIO = 0.06, 0.06
"""The others are refused at the first step: a question costs 8 ms of a processor, a refusal less than 1."""
_HEADERS: tuple[tuple[str, str | bytes], ...] = (
    ("triton_grpc_error", "true"), ("triton_grpc_error", "false"), ("triton_grpc_error", "x" * 300),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("traceparent", "00-zz"),
    ("traceparent", ""), ("tracestate", "a=b," * 60), ("baggage", "k=" + "v" * 200), ("x-request-id", "x" * 1000),
    ("x-odd-bin", b"\x00\xff\n"), ("triton_x", "1"), ("admin-key", "0"), ("accept-encoding", "gzip;q=1e999"),
    ("inference-header-content-length", "-1"), ("sequence_id", "5"), ("endpoint-load-metrics-format", "text"),
    ("content-language", "zh"), ("x-forwarded-for", "127.0.0.1"),
)  # fmt: skip


class WellFormed:
    def __init__(self, photos: list[bytes], draw: random.Random) -> None:
        self._photos = photos
        self._draw = draw

    def request(self) -> pb.ModelInferRequest:
        """Draw a good request, or one that only the photo's step or the question's refuses."""
        draw = self._draw
        kind = draw.random()
        if kind < _FULL_RATIO:
            return request(draw.choice(("vqa", "vqa_choose")), self.photo())
        if kind < _FULL_RATIO + _EMBEDDING_RATIO:
            return request("image_embedding", self.photo())
        return request(draw.choice(tuple(OUTPUTS)), draw.choice((b"no photo", b"", b"GIF89a", b"\xff\xd8\xff")))

    def photo(self) -> bytes:
        """Draw a photo that can be seen; every other one never came before, so that no cache answers for it."""
        photo = self._draw.choice(self._photos)
        return photo + self._draw.randbytes(8) if self._draw.random() < 0.5 else photo

    def with_parameters(self) -> pb.ModelInferRequest:
        """Draw any parameters of the request, its inputs and its outputs."""
        draw, found = self._draw, self.request()
        holders = [found, found, *found.inputs]
        names = draw.sample(OUTPUTS[found.model_name], draw.choice((0, 1, 1, 2)))
        holders += [found.outputs.add(name=name) for name in names]
        for _ in range(draw.choice((1, 1, 2, 5))):
            set_parameter(draw, draw.choice(holders).parameters, draw.choice(PARAMETERS))
        return found

    def with_classification(self) -> pb.ModelInferRequest:
        """Draw outputs that are asked for as the most probable classes, which texts have none of."""
        draw = self._draw
        found = self.request()
        for name in draw.sample(OUTPUTS[found.model_name], draw.choice((1, 1, 2, 3))):
            output = found.outputs.add(name=name)
            if draw.random() < 0.7:
                output.parameters["classification"].int64_param = draw.choice((1, 1, 2, 3, 1000, 2**31, 2**62))
            else:
                set_parameter(draw, output.parameters, "classification")
        return found

    def in_sequence(self) -> pb.ModelInferRequest:
        """Draw a request of a sequence, which no model here takes; with a priority and a timeout."""
        draw, found = self._draw, self.request()
        if draw.random() < 0.5:
            found.parameters["sequence_id"].int64_param = draw.choice(_NUMBERS)
        else:
            found.parameters["sequence_id"].string_param = draw.choice(_TEXTS)
        for name in ("sequence_start", "sequence_end"):
            if draw.random() < 0.6:
                found.parameters[name].bool_param = draw.random() < 0.5
        if draw.random() < 0.5:
            found.parameters["priority"].uint64_param = draw.choice((0, 1, 7, 2**32, 2**64 - 1))
        if draw.random() < 0.5:
            found.parameters["timeout"].int64_param = draw.choice((0, 1, 1000, 10**9, 2**63 - 1))
        return found

    def contents(self) -> pb.ModelInferRequest:
        """Draw raw contents that do not fit the inputs: too few, too many, of wrong length, beside typed ones."""
        draw, found = self._draw, self.request()
        raw = found.raw_input_contents
        for _ in range(draw.choice((1, 1, 2))):
            kind = draw.randrange(6)
            if kind == 0 and raw:
                del raw[draw.randrange(len(raw)) :]
            elif kind == 1:
                raw.extend(draw.choice((b"", b"\1", raw[0] if raw else b"")) for _ in range(draw.choice((1, 3, 200))))
            elif kind == 2 and raw:
                at = draw.randrange(len(raw))
                raw[at] = draw.choice((b"", raw[at][:3], raw[at][:-1], raw[at] + b"x", b"\xff\xff\xff\xff" + raw[at]))
            elif kind == 3:
                _fill(draw, draw.choice(list(found.inputs)).contents)
            elif kind == 4:
                del raw[:]
                for tensor in found.inputs:
                    tensor.contents.bytes_contents.extend(
                        [draw.choice(self._photos) if draw.random() < 0.05 else b"x"] * draw.choice((0, 1, 1, 2))
                    )
            else:
                tensor = draw.choice(list(found.inputs))
                tensor.shape[:] = draw.choice(([], [1], [1, 0], [0, 1], [1, 1, 1], [1, -1], [-1, -1], [2**31, 2**33]))
        return found

    def headers(self) -> tuple[tuple[str, str | bytes], ...]:
        return tuple(self._draw.sample(_HEADERS, self._draw.choice((1, 1, 2, 4))))


def request(model: str, photo: bytes, question: bytes = b"What colour is it?") -> pb.ModelInferRequest:
    """Make what a client sends, to a model that callers are meant to call."""
    found = pb.ModelInferRequest(model_name=model, id="fuzz")
    tensors = {"IMAGE": [photo]}
    if model in ("vqa", "vqa_choose"):
        tensors["QUESTION"] = [question]
    if model == "vqa_choose":
        tensors["CANDIDATES"] = [b"red", b"blue"]
    for name, values in tensors.items():
        found.inputs.add(name=name, datatype="BYTES", shape=[1, len(values)])
        found.raw_input_contents.append(bytes_tensor(values))
    return found


def set_parameter(draw: random.Random, parameters: Any, name: str) -> None:
    """Set a parameter to any value of any type."""
    value, kind = parameters[name], draw.choice(_VALUES)
    if kind == "none":
        value.SetInParent()
    elif kind == "string_param":
        value.string_param = draw.choice(_TEXTS)
    elif kind == "bool_param":
        value.bool_param = draw.random() < 0.5
    elif kind == "double_param":
        value.double_param = draw.choice((0.0, 1.5, -1e308, float("nan"), float("inf")))
    else:
        number = draw.choice(_NUMBERS)
        setattr(value, kind, number if kind == "int64_param" else number % 2**64)


def _fill(draw: random.Random, contents: pb.InferTensorContents) -> None:
    contents.bytes_contents.append(draw.randbytes(20))
    contents.int_contents.extend([1, 2, 3])
    contents.fp32_contents.extend([float("nan")] * draw.choice((0, 1, 50)))
    contents.bool_contents.extend([True] * draw.choice((0, 1)))
