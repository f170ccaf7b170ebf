"""Draws bytes and texts that are wrong: damaged contents, and questions that nobody asks."""

import random

_QUESTIONS = (
    "What colour is it?", "这是什么？", "", " ", "\0", "什么" * 60, "why " * 900, "🙂" * 30, "[SEP] [CLS]", "\u202eabc",
    "Ａ１",
)  # fmt: skip


def damage(draw: random.Random, content: bytes) -> bytes:
    """Cut, change, insert and delete bytes at random places."""
    damaged = bytearray(content)
    if draw.random() < 0.3:
        del damaged[draw.randrange(len(damaged) + 1) :]
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        if not damaged:
            break
        at = draw.randrange(len(damaged))
        kind = draw.random()
        if kind < 0.6:
            damaged[at] = draw.randrange(256)
        elif kind < 0.8:
            damaged[at:at] = draw.randbytes(draw.choice((1, 4, 300)))
        else:
            del damaged[at : at + draw.choice((1, 4, 300))]
    return bytes(damaged)


def odd_text(draw: random.Random) -> bytes:
    """Draw a question or a candidate as UTF-8, or what is damaged so that it is none."""
    text = draw.choice(_QUESTIONS).encode()
    return damage(draw, text) if draw.random() < 0.4 else text
