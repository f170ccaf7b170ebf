"""The fake transport, which callers give their clients in tests of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from vitrine_client import AsyncFakeTransport, FakeTransport, ServerUnavailableError, VqaClient

from .conftest import Awaited

FACES: dict[str, Callable[[FakeTransport], Any]] = {
    "sync": lambda fake: VqaClient(transport=fake),
    "async": lambda fake: Awaited(transport=AsyncFakeTransport(fake)),
}


@pytest.mark.parametrize("face", FACES)
def test_every_call_fails_while_it_is_told_to(face: str) -> None:
    error = ServerUnavailableError("gone", code="UNAVAILABLE")
    fake = FakeTransport({"什么颜色": "红色"}, fail_with=error)
    client = FACES[face](fake)
    for call in (lambda: client.ask(b"photo", "什么颜色"), lambda: client.embed(b"photo"), client.health):
        with pytest.raises(ServerUnavailableError) as caught:
            call()
        assert caught.value is error
    fake.fail_with = None
    assert client.ask(b"photo", "什么颜色").text == "红色"


def test_its_sizes_are_those_that_the_caller_asks_for() -> None:
    client = VqaClient(transport=FakeTransport({}, grid=3, embedding_width=5))
    heatmap = client.ask(b"photo", "What is it?").heatmap
    assert heatmap.shape == (3, 3)
    assert heatmap.sum() == pytest.approx(1)
    assert np.linalg.norm(client.embed(b"photo").vector) == pytest.approx(1)
    assert client.embed(b"photo").vector.shape == (5,)
