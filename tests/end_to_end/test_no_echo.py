"""What a caller sent is not said again: neither in an error nor in the server's log, over all ways to be refused."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings

PHOTO = photo_from_seed(first_seed("test") + 60, long_side_px=(120, 200)).jpeg_bytes()
LONGEST = 80
_TOO_MANY = f"{{{LONGEST + 1},}}"
_RUN = re.compile(rf"[Zz]{_TOO_MANY}|(?:\\xfe|fe ?|\\376|\ufffd|þ){_TOO_MANY}")
"""Of what the requests here are filled with, as text and in the ways to print bytes that are none."""
TEXT, BINARY = b"Z" * 100_000, b"\xfe" * 100_000
ID = "Z" * 4000
MODELS = {
    "vqa": ("IMAGE", "QUESTION"),
    "vqa_choose": ("IMAGE", "QUESTION", "CANDIDATES"),
    "image_embedding": ("IMAGE",),
    "photo_reading": ("IMAGE",),
}
GOOD = {"IMAGE": [PHOTO], "QUESTION": [b"What colour is it?"], "CANDIDATES": [b"red", b"blue"]}
ODD_VALUES = {
    "long text": [TEXT],
    "long binary": [BINARY],
    "text of 4,000 characters": [b"Z" * 4000],
    "binary of 4,000 bytes": [b"\xfe" * 4000],
    "text of 250 characters, twice": [b"Z" * 250, b"Z" * 250],
    "many texts": [b"Z" * 100] * 300,
    "base64": [b"/9j/" + TEXT],
    "data URI": [b"data:image/jpeg;base64," + TEXT],
    "URL": [b"https://shop.example/" + TEXT],
    "file name": [b"Z" * 900 + b".jpg"],
    "HTML": [b"<html>" + TEXT],
    "JPEG of nothing": [b"\xff\xd8\xff\xe0" + TEXT],
    "PNG of nothing": [b"\x89PNG\r\n\x1a\n" + BINARY],
    "null byte": [b"Z" * 200 + b"\0" + b"Z" * 200],
    "blank": [b" " * 5000],
}


@pytest.fixture(scope="module")
def served(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("no-echo") / "triton.log"
    with EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=log)) as server:
        yield server.url_of_triton, log  # the door refuses long names before a step sees them


def request(model: str, **values: list[bytes]) -> pb.ModelInferRequest:
    found = pb.ModelInferRequest(model_name=model)
    for name in MODELS[model]:
        texts = values.get(name, GOOD[name])
        found.inputs.add(name=name, datatype="BYTES", shape=[1, len(texts)])
        found.raw_input_contents.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
    return found


def said(served: tuple[str, Path], sent: pb.ModelInferRequest, *headers: tuple[str, str]) -> str:
    """The error, if it is one, and all that the log says meanwhile."""
    url, log = served
    start = log.stat().st_size
    with grpc.insecure_channel(url) as channel:
        try:
            service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(sent, timeout=20, metadata=headers)
            error = ""
        except grpc.RpcError as refused:
            error = refused.details() or ""
    return error + "\n" + log.read_bytes()[start:].decode("utf-8", "replace")


@pytest.mark.parametrize("odd", ODD_VALUES)
@pytest.mark.parametrize(("model", "tensor"), [(model, name) for model, names in MODELS.items() for name in names])
def test_nothing_of_a_tensor_is_said_again(served: tuple[str, Path], model: str, tensor: str, odd: str) -> None:
    sent = request(model, **{tensor: ODD_VALUES[odd]})
    assert not _RUN.search(said(served, sent))


def test_a_text_for_a_photo_is_refused_with_what_to_send(served: tuple[str, Path]) -> None:
    answer = said(served, request("vqa", IMAGE=[b"/9j/" + TEXT]))
    assert "base64 text came, but the photo's own bytes are expected: decode it first" in answer
    assert len(answer) < 200


def test_nothing_of_names_that_are_not_read_is_said_again(served: tuple[str, Path]) -> None:
    sent = request("vqa", IMAGE=[b"no photo"])
    sent.parameters[ID].string_param = ID
    sent.inputs[0].parameters[ID].string_param = ID
    assert not _RUN.search(said(served, sent, ("x-odd", ID), ("traceparent", ID)))
    sent.parameters[f"triton_{ID}"].string_param = ID
    assert not _RUN.search(said(served, sent))


def test_nothing_of_a_type_is_said_again(served: tuple[str, Path]) -> None:
    sent = request("vqa")
    sent.inputs[0].datatype = ID
    assert not _RUN.search(said(served, sent))


def test_a_step_that_fails_logs_the_beginning_of_an_id_only(served: tuple[str, Path]) -> None:
    """Token ids that no vocabulary has fail the engine, whose log line names the request."""
    sent = pb.ModelInferRequest(model_name="answer_decoder", id=ID)
    url, _ = served
    with grpc.insecure_channel(url) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        config = stub.ModelConfig(pb.ModelConfigRequest(name="answer_decoder")).config
        for tensor in config.input:
            dims = [1, *(1 if dim == -1 else dim for dim in tensor.dims)]
            count = 1
            for dim in dims:
                count *= dim
            is_ids = tensor.name == "QUESTION_IDS"
            kind, item = (
                ("FP16", b"\0\0")
                if tensor.name == "IMAGE_FEATURES"
                else ("INT32", b"\xff\xff\xff\x7f" if is_ids else b"\1\0\0\0")
            )
            sent.inputs.add(name=tensor.name, datatype=kind, shape=dims)
            sent.raw_input_contents.append(item * count)
    answer = said(served, sent)
    assert "the engine failed" in answer
    assert f"request '{'Z' * LONGEST}'" in answer
    assert not _RUN.search(answer)
