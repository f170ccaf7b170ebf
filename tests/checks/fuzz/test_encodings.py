"""Odd encodings are the same message to a reader of protobuf, and other bytes to one who searches."""

import random

from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.encodings import encode_oddly, fields_of, nest_groups, varint
from checks.fuzz.well_formed import request


def message() -> pb.ModelInferRequest:
    found = request("vqa_choose", b"a photo")
    found.parameters["sequence_id"].int64_param = -5
    found.outputs.add(name="ANSWER").parameters["binary_data"].bool_param = True
    found.inputs[0].contents.fp32_contents.extend([1.5, 2.5])
    return found


def without_unknown(content: bytes) -> pb.ModelInferRequest:
    found = pb.ModelInferRequest.FromString(content)
    found.DiscardUnknownFields()
    return found


def test_top_level_fields_in_any_order_and_length_are_the_same_message() -> None:
    """With the levels below left alone: a parameter with an unknown field is none to Python's protobuf."""
    content = message().SerializeToString()
    odd = [encode_oddly(random.Random(seed), content, {}) for seed in range(200)]
    assert all(without_unknown(one) == message() for one in odd)
    assert len(set(odd)) > 150


def test_the_key_is_not_found_by_its_usual_bytes() -> None:
    found = request("vqa", b"")
    found.outputs.add(name="ANSWER").parameters["classification"].int64_param = 1
    usual = b"\n\x0eclassification"
    odd = [encode_oddly(random.Random(seed), found.SerializeToString()) for seed in range(200)]
    assert usual in found.SerializeToString()
    assert any(usual not in one for one in odd)
    assert all(b"classification" in one for one in odd)


def test_numbers_are_read_whatever_their_length() -> None:
    for value, padding in [(0, 0), (1, 3), (127, 1), (128, 0), (300, 2), (2**32, 1)]:
        assert list(fields_of(varint(8) + varint(value, padding))) == [(1, 0, varint(value, padding))]


def test_groups_are_passed_over() -> None:
    content = nest_groups(50) + varint(10) + varint(2) + b"ab"
    assert list(fields_of(content)) == [(1, 2, b"ab")]


def test_of_a_broken_message_the_fields_before_the_break_are_read() -> None:
    assert list(fields_of(b"\x0a\x01a\x80")) == [(1, 2, b"a")]
