"""A desk in this process before a fake server, and one as people start it, before a real Triton."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from vitrine_client import AsyncFakeTransport, AsyncVqaClient, FakeTransport
from vitrine_client.feedback.store import FeedbackStore

from catalogue.photos import photo_from_seed
from desk.app import desk_app
from desk.context import Desk
from desk.inbox import Inbox
from desk.keys import shops_in
from desk.limits import ShopLimits
from tests.helpers.postgres import new_database, postgres

ROOT = Path(__file__).parents[2]
ANSWERS = {"What colour is it?": "red", "是什么颜色？": "红色"}
HANDED_OVER = ("Is it real?", "真的吗？")
KEYS = {"north": "n" * 32, "south": "s" * 32}


@pytest.fixture(scope="session")
def photo() -> bytes:
    return photo_from_seed(3, long_side_px=(200, 201)).jpeg_bytes()


@pytest.fixture(scope="session")
def database_server() -> Iterator[Any]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'desk.db'}"
    return new_database(request.getfixturevalue("database_server"))


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    lines = "".join(f"    - {{client: {shop}, key: {key}}}\n" for shop, key in KEYS.items())
    file = tmp_path / "keys.yaml"
    file.write_text(f"resources:\n- typed_config:\n    credentials:\n{lines}", "utf-8")
    return file


@contextmanager
def opened(
    store: FeedbackStore, fake: FakeTransport, *, keys: Path | None = None, rate: int = 1000, under_way: int = 64
) -> Iterator[TestClient]:
    """Open a desk in this process, whose shops are those of `keys`."""
    desk = Desk(
        AsyncVqaClient(transport=AsyncFakeTransport(fake)),
        Inbox(store, keep_days=30),
        ShopLimits(rate, under_way),
        shops_in(keys) if keys else None,
    )
    with TestClient(desk_app(desk), base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[FeedbackStore]:
    with FeedbackStore(store_url, photos=tmp_path / "photos") as found:
        yield found


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport(ANSWERS | {"真的吗？": "是"}, hand_over=HANDED_OVER, lines=["Net weight 500 g"])


@pytest.fixture
def client(store: FeedbackStore, fake: FakeTransport) -> Iterator[TestClient]:
    with opened(store, fake) as found:
        yield found


@pytest.fixture
def shops(store: FeedbackStore, fake: FakeTransport, keys_file: Path) -> Iterator[Callable[..., Any]]:
    """Ask as a shop: `shops("north", "GET", "/v1/feedback")`."""
    with opened(store, fake, keys=keys_file) as found:

        def ask(shop: str, method: str, path: str, **more: Any) -> Any:
            headers = {"authorization": f"Bearer {KEYS[shop]}"} if shop else {}
            return found.request(method, path, headers=headers, **more)

        yield ask


@contextmanager
def desk_process(repository: Path, store_url: str, folder: Path, *options: str) -> Iterator[tuple[Any, str]]:
    """Start `python -m desk`; yields the process and its address."""
    command = [sys.executable, "-m", "desk", str(repository), "--port", "0", "--store", store_url, "--photos",
               str(folder / "photos"), "--keep-days", "30", *options]  # fmt: skip
    log = folder / f"desk-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=os.environ)
    try:
        for _ in range(600):
            text = log.read_text("utf-8")
            if "is open at " in text:
                yield process, text.partition("is open at ")[2].split()[0].rstrip("/")
                return
            assert process.poll() is None, text
            time.sleep(0.1)
        raise TimeoutError(text)
    finally:
        process.terminate()
        process.wait(30)
