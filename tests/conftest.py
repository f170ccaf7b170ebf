"""Fixtures shared by all tests: the built repository and a real running server."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository that `make build` has built, or the one named in VITRINE_REPOSITORY."""
    folder = Path(os.environ.get("VITRINE_REPOSITORY", ROOT / "build" / "vitrine-small"))
    assert (folder / "manifest.json").exists(), f"{folder} is not a built repository: run `make build` first"
    return folder


@pytest.fixture(scope="session")
def server_url(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Triton that serves the built repository, or the one named in VITRINE_TEST_URL."""
    if url := os.environ.get("VITRINE_TEST_URL"):
        yield url
        return
    from serving.supervision.server import EmbeddedServer
    from serving.triton.command import ServerSettings

    folder = tmp_path_factory.mktemp("server")
    (folder / "admin-key").touch(mode=0o600)
    (folder / "admin-key").write_text(secrets.token_hex(32), "utf-8")
    os.environ["VITRINE_TEST_ADMIN_KEY_FILE"] = str(folder / "admin-key")
    settings = ServerSettings(
        repository, grpc_port=0, metrics_port=0, log_file=folder / "triton.log", admin_key_file=folder / "admin-key"
    )
    with EmbeddedServer(settings) as server:
        os.environ["VITRINE_TEST_METRICS"] = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"
        yield server.url
