"""Hostile requests over HTTP, for servers that listen there: JSON, the binary extension, compression, odd headers."""

import base64
import gzip
import json
import random
import zlib
from typing import Any

from checks.fuzz.call import HTTP, Call, Header
from checks.fuzz.tensors import bytes_tensor
from checks.fuzz.well_formed import OUTPUTS

_INFER_PATHS = (
    "/v2/models/{}/infer", "/v2/models/{}/infer", "/v2/models/{}/infer", "/v2/models/{}/versions/1/infer",
    "/v2/models/{}/generate", "/v2/models/{}/generate_stream",
)  # fmt: skip
_OTHER = (
    "GET /v2", "GET /v2/health/live", "GET /v2/health/ready", "GET /v2/models/vqa", "GET /v2/models/vqa/config",
    "GET /v2/models/vqa/stats", "POST /v2/repository/index", "POST /v2/repository/models/vqa/load",
    "GET /v2/systemsharedmemory/status", "POST /v2/logging", "GET /v2/trace/setting", "GET /metrics", "GET /",
    "POST /v2/models//infer", "POST /v2/models/%00/infer", "POST /v2/models/../../infer", "PUT /v2/models/vqa/infer",
    "GET /v2/models/vqa/versions/99999999999999999999/ready", "OPTIONS *", "GET /" + "x" * 5000,
)  # fmt: skip
_HEADERS = (
    ("accept-encoding", "gzip;q=1e999"), ("accept-encoding", "gzip;q=x, deflate;q="), ("accept-encoding", "gzip"),
    ("content-encoding", "gzip"), ("content-encoding", "deflate"), ("content-encoding", "br"),
    ("content-length", "99999999999999999999"), ("content-length", "-5"), ("content-length", "3"),
    ("content-type", "text/plain"), ("expect", "100-continue"), ("inference-header-content-length", "-1"),
    ("inference-header-content-length", "99999999999"), ("inference-header-content-length", "x"),
    ("triton_grpc_error", "true"), ("traceparent", "00-zz"), ("x-long", "x" * 3000), ("transfer-encoding", "chunked"),
    ("endpoint-load-metrics-format", "text"),
)  # fmt: skip
_ODD: tuple[Any, ...] = (0, 1, -1, 2**31, 2**62, 2**64, 10**40, 1.5, 1e308, None, True, "", "1", [], {}, [[1]])
_DEPTHS = (5, 99, 150, 2_000, 200_000)


class HttpRequests:
    def __init__(self, photos: list[bytes], draw: random.Random) -> None:
        self._photos = photos
        self._draw = draw

    def json(self) -> Call:
        """Tensors in JSON, most of them right."""
        draw = self._draw
        body = self._body(self._model(), is_binary=False)
        if draw.random() < 0.5:
            self._spoil(body)
        return self._call("http json", [_text(draw, body)])

    def binary(self) -> Call:
        """Tensors behind the JSON."""
        draw = self._draw
        photo = draw.choice(self._photos) if draw.random() < 0.1 else b"no photo"
        body = self._body(self._model(), is_binary=True)
        content = bytes_tensor([photo])
        body["inputs"][0]["parameters"] = {
            "binary_data_size": len(content) if draw.random() < 0.7 else draw.choice((*_ODD, len(content) + 1))
        }
        if draw.random() < 0.3:
            self._spoil(body)
        head = _text(draw, body)
        length = len(head) if draw.random() < 0.9 else draw.choice((0, len(head) - 1, len(head) + 1, 2**31))
        return self._call("http binary", [head, content], [("inference-header-content-length", str(length))])

    def deep(self) -> Call:
        """JSON nested deep, at its top, in a tensor, in what nobody reads."""
        draw = self._draw
        depth = draw.choice(_DEPTHS)
        opened, closed = draw.choice(((b"[", b"]"), (b'{"a":', b"}")))
        core = opened * depth + (b"1" + closed * depth if draw.random() < 0.5 else b"")
        head = draw.choice(
            (b"", b'{"inputs":', b'{"x":', b'{"inputs":[{"name":"IMAGE","datatype":"BYTES","shape":[1,1],"data":')
        )
        return self._call("http deep", [head + core + draw.choice((b"", b"}", b"}]}"))])

    def other(self) -> Call:
        draw = self._draw
        body = draw.choice((b"", b"{}", b"null", draw.randbytes(30), b"[" * 50))
        return Call("http other", draw.choice(_OTHER), (body,), HTTP, self._headers())

    def _model(self) -> str:
        return self._draw.choice(tuple(OUTPUTS))

    def _body(self, model: str, *, is_binary: bool) -> dict[str, Any]:
        draw = self._draw
        photo = "no photo" if draw.random() < 0.8 else base64.b64encode(self._photos[0]).decode()
        tensors: dict[str, list[str]] = {"IMAGE": [photo]}
        if model in ("vqa", "vqa_choose"):
            tensors["QUESTION"] = ["What colour is it?"]
        if model == "vqa_choose":
            tensors["CANDIDATES"] = ["red", "blue"]
        inputs: list[dict[str, Any]] = [
            {"name": name, "datatype": "BYTES", "shape": [1, len(values)], "data": [values]}
            for name, values in tensors.items()
        ]
        if is_binary:
            del inputs[0]["data"]
        found: dict[str, Any] = {"model": model, "inputs": inputs}
        if draw.random() < 0.5:
            outputs: list[dict[str, Any]] = [{"name": name} for name in draw.sample(OUTPUTS[model], 2)]
            if draw.random() < 0.5:
                outputs[0]["parameters"] = {"classification": draw.choice((1, 1, 2, *_ODD))}
            found["outputs"] = outputs
        if draw.random() < 0.3:
            found["parameters"] = {
                draw.choice(("sequence_id", "priority", "timeout", "binary_data_output", "x", "triton_x")): draw.choice(
                    _ODD
                )
            }
        return found

    def _spoil(self, body: dict[str, Any]) -> None:
        draw = self._draw
        tensor = draw.choice(body["inputs"])
        kind = draw.randrange(4)
        if kind == 0:
            tensor["shape"] = draw.choice(([2**62, 4], [-1, 1], [2**31, 2**31], [2**63], [0], [], [1.5], 7, None))
        elif kind == 1:
            tensor[draw.choice(("name", "datatype", "shape", "data", "parameters"))] = draw.choice(_ODD)
        elif kind == 2:
            body[draw.choice(("id", "inputs", "outputs", "parameters"))] = draw.choice(_ODD)
        else:
            tensor["datatype"] = draw.choice(("FP32", "INT8", "BOOL", "UINT64", "FP16", "BF16", "", "X" * 300))

    def _headers(self) -> tuple[Header, ...]:
        return tuple(self._draw.sample(_HEADERS, self._draw.choice((0, 0, 1, 2))))

    def _call(self, kind: str, parts: list[bytes], headers: list[Header] | None = None) -> Call:
        draw = self._draw
        path = draw.choice(_INFER_PATHS).format(self._model())
        found = [*(headers or []), *self._headers()]
        if draw.random() < 0.05:
            whole = b"".join(parts)
            parts = [draw.choice((gzip.compress(whole, 1, mtime=0), zlib.compress(whole), whole[::-1]))]
            found.append(("content-encoding", draw.choice(("gzip", "deflate"))))
        elif draw.random() < 0.05:
            whole = b"".join(parts)[:20_000]
            parts = [bytes([byte]) for byte in whole]  # a chunk a byte
            found.append(("transfer-encoding", "chunked"))
        return Call(kind, f"POST {path}", tuple(parts), HTTP, tuple(found))


def _text(draw: random.Random, body: dict[str, Any]) -> bytes:
    text = json.dumps(body)
    if draw.random() < 0.2:  # the same key to every reader of JSON
        text = text.replace("classification", "\\u0063lassification")
    if draw.random() < 0.05:
        text = text[: draw.randrange(len(text))]
    return text.encode()
