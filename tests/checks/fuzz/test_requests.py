"""Hostile requests: the same for the same seed, each kind really made, and what ends Triton 2.51 known by its bytes."""

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.call import HTTP, HTTP2, INFER, STREAM, Call, call_from_file, ends_2_51, write_call
from checks.fuzz.frames import grpc_message
from checks.fuzz.requests import HTTP_KINDS, KINDS, Requests
from checks.fuzz.well_formed import request

PHOTOS = [b"\xff\xd8\xff\xe0 a photo, to these tests"]
CONFIGS = [
    text_format.Parse(
        'name: "vqa" max_batch_size: 16 input { name: "IMAGE" data_type: TYPE_STRING dims: 1 }',
        model_config_pb2.ModelConfig(),
    )
]
MANY = 6000


def drawn(seed: int = 0, count: int = MANY, **options: Any) -> list[Call]:
    requests = Requests(PHOTOS, CONFIGS, seed, **options)
    return [requests.next() for _ in range(count)]


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    return drawn(has_http=True)


def test_the_same_seed_gives_the_same_requests() -> None:
    first, again, other = (set(drawn(seed, 500, has_http=True)) for seed in (3, 3, 4))
    assert not first - again  # and no long comparison where it is not so
    assert first - other


def test_each_kind_is_made(calls: list[Call]) -> None:
    """In 6,000 requests of this seed, which are the same ones always."""
    assert {call.kind for call in calls} == KINDS.keys() | HTTP_KINDS.keys()


def test_http_comes_only_where_it_is_spoken() -> None:
    assert not any(call.way == HTTP for call in drawn(count=2000))


def parsed(calls: list[Call], kind: str) -> list[pb.ModelInferRequest]:
    return [pb.ModelInferRequest.FromString(call.messages[0]) for call in calls if call.kind == kind]


def test_classification_is_asked_for_in_every_type(calls: list[Call]) -> None:
    values = [
        output.parameters["classification"]
        for one in parsed(calls, "classification")
        for output in one.outputs
        if "classification" in output.parameters
    ]
    types = {value.WhichOneof("parameter_choice") for value in values}
    assert types == {"bool_param", "int64_param", "string_param", "double_param", "uint64_param", None}
    assert 1 in {value.int64_param for value in values}


def test_sequences_are_named_by_numbers_and_texts(calls: list[Call]) -> None:
    found = parsed(calls, "sequence")
    assert {one.parameters["sequence_id"].WhichOneof("parameter_choice") for one in found} == {
        "int64_param",
        "string_param",
    }
    assert {"sequence_start", "sequence_end", "priority", "timeout"} <= set(
        itertools.chain(*(one.parameters for one in found))
    )


def test_streams_hold_several_requests_and_ask_for_grpc_errors(calls: list[Call]) -> None:
    streams = [call for call in calls if call.way == STREAM]
    assert {0, 1, 8} <= {len(call.messages) for call in streams}
    assert any(("triton_grpc_error", "true") in call.headers for call in streams)


def test_contents_are_too_few_too_many_and_beside_typed_ones(calls: list[Call]) -> None:
    found = parsed(calls, "contents")
    assert any(len(one.raw_input_contents) < len(one.inputs) for one in found)
    assert any(len(one.raw_input_contents) > len(one.inputs) for one in found)
    assert any(one.raw_input_contents and one.inputs[0].HasField("contents") for one in found)


def test_compression_is_right_and_lies(calls: list[Call]) -> None:
    assert {call.compression for call in calls if call.kind == "compressed"} == {"gzip", "deflate"}
    flags = {call.messages[0][0] for call in calls if call.way == HTTP2}
    assert flags == {0, 1, 2, 255}
    assert {"gzip", "snappy"} <= {str(dict(call.headers)["grpc-encoding"]) for call in calls if call.way == HTTP2}


def classified(word: str = "classification") -> pb.ModelInferRequest:
    found = request("vqa", PHOTOS[0])
    found.outputs.add(name="ANSWER").parameters[word].int64_param = 1
    return found


def in_sequence() -> pb.ModelInferRequest:
    found = request("vqa", PHOTOS[0])
    found.parameters["sequence_id"].string_param = "abc"
    return found


OVERLONG = request("vqa", PHOTOS[0]).SerializeToString() + bytes.fromhex("32 1e 0a 06") + b"ANSWER" + (
    bytes.fromhex("12 16 8a 00 8e 00") + b"classification" + bytes.fromhex("12 02 10 01")
)  # fmt: skip
UNKNOWN_WITHIN = request("vqa", PHOTOS[0]).SerializeToString() + bytes.fromhex("32 22 0a 06") + b"ANSWER" + (
    bytes.fromhex("12 1a 0a 0e") + b"classification" + bytes.fromhex("fd 7c 00 00 00 00 12 02 10 01")
)  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        Call("", INFER, (classified().SerializeToString(),)),
        Call("", INFER, (OVERLONG,)),
        Call("", INFER, (UNKNOWN_WITHIN,)),
        Call("", INFER, (grpc_message(gzip.compress(classified().SerializeToString()), flag=1),), HTTP2),
        Call("", INFER, (grpc_message(classified().SerializeToString()),), HTTP2),
        Call("", INFER, (in_sequence().SerializeToString(),)),
        Call("", INFER, (request("vqa", b"").SerializeToString(),) * 8, STREAM, (("triton_grpc_error", "true"),)),
        Call("", "POST /v2/models/vqa/infer", (b'{"inputs":' + b"[" * 200_000,), HTTP),
        Call("", "POST /v2/models/vqa/infer", (gzip.compress(b'{"inputs":' + b"[" * 200_000),), HTTP),
        Call("", "POST /v2", (b"{}",), HTTP, (("accept-encoding", "gzip;q=1e999"), ("accept-encoding", "gzip"))),
        Call("", "POST /v2", (json.dumps({"shape": [2**31, 2**31]}).encode(),), HTTP),
        Call("", "POST /v2", (b'{"\\u0063lassification": 1}',), HTTP),
        Call("", "POST /v2", (json.dumps({"sequence_id": "abc"}).encode(),), HTTP),
        Call("", "POST /v2", (b"1",) * 1_000_000, HTTP, (("transfer-encoding", "chunked"),)),
    ],
)  # fmt: skip
def test_what_ends_triton_is_known(call: Call) -> None:
    assert ends_2_51(call)


def test_what_only_looks_like_it_is_sent() -> None:
    text = request("vqa", PHOTOS[0], b"What classification has it, and which sequence_id?")
    numbered = request("vqa", PHOTOS[0])
    numbered.parameters["sequence_id"].int64_param = 5
    assert not any(ends_2_51(Call("", INFER, (one.SerializeToString(),))) for one in (text, numbered))


def test_without_a_door_nothing_is_drawn_that_ends_it() -> None:
    assert not any(map(ends_2_51, drawn(has_http=True, has_door=False)))


def test_with_a_door_all_of_it_is_drawn(calls: list[Call]) -> None:
    assert {reason for call in calls if (reason := ends_2_51(call))} == {
        "classification", "a sequence that is named by a text", "a stream that asks for gRPC's errors",
        "JSON nested deep", "a weight of Accept-Encoding that overflows",
        "JSON whose shape asks for more memory than there is",
    }  # fmt: skip


def test_kept_calls_are_the_same(calls: list[Call], tmp_path: Path) -> None:
    for call in calls[:200]:
        write_call(call, tmp_path / "call.json")
        assert call_from_file(tmp_path / "call.json") == call


def test_another_file_is_no_call(tmp_path: Path) -> None:
    (tmp_path / "call.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match="is not a call that fuzzing has kept"):
        call_from_file(tmp_path / "call.json")


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="none of streem is a kind that is sent here: damaged photo, "):
        Requests(PHOTOS, CONFIGS, 0, only=["streem"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", r"call\.json has no format number, but format 1 is expected"),
        ('{"format": 2}', r"call\.json is of format 2, but format 1 is expected"),
        ('{"format": 1}', r"call\.json is not a call that fuzzing has kept"),
        ("[]", r"call\.json is not a call that fuzzing has kept"),
    ],
)
def test_a_file_that_holds_no_call_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "call.json").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=words):
        call_from_file(tmp_path / "call.json")
