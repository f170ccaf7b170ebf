"""Other bytes for the same protobuf message, as any encoder may write them: readers that only search bytes miss them.

See protobuf's "Encoding" page. Fields may come in any order and more than once,
numbers may be longer than they need be, and unknown fields may stand anywhere.
"""

import random
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _START, _END, _FIXED32 = 0, 1, 2, 3, 4, 5
_UNKNOWN = 1999
_MOST_PADDING = 3
"""Limit that keeps a tag within the 5 bytes that readers take."""
NESTED: "Nesting" = {5: {4: {}, 5: {}}, 6: {2: {}}, 4: {}}
"""Fields of ModelInferRequest that are messages: inputs, outputs, parameters, each with its own."""

Field = tuple[int, int, bytes]
"""Number, wire type, and the value's bytes, without their length."""
Nesting = dict[int, "Nesting"]


def varint(value: int, padding: int = 0) -> bytes:
    """A number, in so many bytes more than it needs."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    for _ in range(padding):
        found[-1] |= 128
        found.append(0)
    return bytes(found)


def fields_of(message: bytes) -> Iterator[Field]:
    """The fields of a message, without groups and what is in them; of a broken one, those before the break."""
    at = depth = 0
    while at < len(message):
        try:
            tag, at = _number(message, at)
            start, kind = at, tag & 7
            if kind in (_START, _END):
                depth += 1 if kind == _START else -1
                continue
            if kind == _VARINT:
                _, at = _number(message, at)
            elif kind == _BYTES:
                length, start = _number(message, at)
                at = start + length
            else:
                at += 8 if kind == _FIXED64 else 4
        except IndexError:
            return
        if depth == 0:
            yield tag >> 3, kind, message[start:at]


def encode_oddly(draw: random.Random, message: bytes, nesting: Nesting = NESTED) -> bytes:
    """Write the same message in other bytes, that every reader must take alike.

    Args:
        nesting: which fields hold messages, that are written oddly too.
    """
    fields = list(fields_of(message))
    if draw.random() < 0.5:  # what is repeated keeps its order
        numbers = list(dict.fromkeys(number for number, _, _ in fields))
        draw.shuffle(numbers)
        fields.sort(key=lambda field: numbers.index(field[0]))
    found = bytearray()
    for number, kind, value in fields:
        if draw.random() < 0.1:
            found += _unknown(draw)
        if number in nesting:
            value = encode_oddly(draw, value, nesting[number])
        found += varint(number << 3 | kind, _padding(draw))
        if kind == _BYTES:
            found += varint(len(value), _padding(draw))
        found += value
    return bytes(found) + (_unknown(draw) if draw.random() < 0.1 else b"")


def nest_groups(depth: int) -> bytes:
    """An unknown field of groups in groups: readers give up at some depth, or run out of stack."""
    return varint(_UNKNOWN << 3 | _START) * depth + varint(_UNKNOWN << 3 | _END) * depth


def _unknown(draw: random.Random) -> bytes:
    kind = draw.choice((_VARINT, _FIXED64, _BYTES, _START, _FIXED32))
    tag = varint(_UNKNOWN << 3 | kind)
    if kind == _START:
        return nest_groups(draw.choice((1, 2, 20)))
    if kind == _BYTES:
        return tag + varint(30) + draw.randbytes(30)
    return tag + (varint(draw.randrange(2**63)) if kind == _VARINT else draw.randbytes(8 if kind == _FIXED64 else 4))


def _padding(draw: random.Random) -> int:
    return draw.choice((0, 0, 0, 1, _MOST_PADDING))


def _number(message: bytes, at: int) -> tuple[int, int]:
    """A varint, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
