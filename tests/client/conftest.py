"""The client, on a fake transport and, where a server can be started, on the real one."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vitrine_client import FakeTransport, VqaClient

# The client's wheel is also tested alone, in environments that have no server.
HAS_SERVER = not os.environ.get("VITRINE_CLIENT_ALONE")


@pytest.fixture(params=["fake", "server"])
def client(request: pytest.FixtureRequest) -> Iterator[VqaClient]:
    """The same test body runs on both."""
    if request.param == "fake":
        yield VqaClient(transport=FakeTransport({"What colour is it?": "red", "什么颜色": "红色"}))
        return
    if not HAS_SERVER:
        pytest.skip("tested without a server")
    with VqaClient(request.getfixturevalue("server_url"), timeout_s=20) as real:
        yield real


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.png"
    Image.fromarray(np.full((60, 80, 3), (200, 30, 30), np.uint8)).save(file)
    return file
