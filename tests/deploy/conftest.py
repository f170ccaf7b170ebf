"""The fixture that the tests of the gateway share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.gateway import envoy_before
from tests.helpers.gateway_fake import Fake, serving_fake, stub_at


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[Fake, Any]]:
    """A server behind a gateway of its own, and a stub to call it by."""
    with (
        serving_fake("127.0.0.1") as (behind, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path) as url,
        stub_at(url, tmp_path) as stub,
    ):
        yield behind, stub
