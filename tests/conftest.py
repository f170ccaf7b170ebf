"""Fixtures shared by all tests: the built repository and a real running server; and what each test costs, by its place.

`fast` tests start no server and export no network: `make test-fast`. Those
of `exports` export or train networks, those of `servers` start real servers:
all together, `make test`. What `night` marks runs in `make test-all` alone.
"""

import os
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.system import require_triton

ROOT = Path(__file__).parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background so, and programs under test would ignore Ctrl-C as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

KINDS = ("exports", "servers", "fast")
SERVERS = (
    "benchmarks/test_systems.py",
    "deploy/test_chart_on_server.py",
    "deploy/test_gateway.py",
    "deploy/test_gateway_affinity.py",
    "deploy/test_gateway_canary.py",
    "deploy/test_gateway_doors.py",
    "deploy/test_gateway_limits.py",
    "deploy/test_gateway_usage.py",
    "deploy/test_observe.py",
    "deploy/test_restart_alerts.py",
    "end_to_end/",
    "loadtest/test_endings.py",
    "loadtest/test_real_server.py",
    "loadtest/test_refusals.py",
    "loadtest/test_truth.py",
    "desk/test_clients.py",
    "desk/test_inbox.py",
    "desk/test_pages.py",
    "docs/test_notebook.py",
    "serving/",
    "shop/test_vectors.py",
)
EXPORTS = (
    "builders/test_build.py",
    "builders/test_calibration.py",
    "builders/test_chat_families.py",
    "builders/test_embedding.py",
    "builders/test_export.py",
    "builders/test_full_size.py",
    "builders/test_graphs.py",
    "builders/test_half_precision.py",
    "builders/test_language_graphs.py",
    "builders/test_low_precision.py",
    "builders/test_tensorrt_graphs.py",
    "builders/test_tensorrt_api.py",
    "builders/test_tensorrt_build.py",
    "training/test_loop.py",
    "training/test_tuning.py",
)
# No test here needs what another has set up, so they go to any worker; elsewhere, a file goes to one.
TOGETHER = {
    f"builders/test_{name}.py": "graphs" for name in ("build", "embedding", "export", "graphs", "low_precision")
}
"""Files that go to one worker, since they share graphs."""
COMPILED = "builders/test_tensorrt_graphs.py"
EACH_FOR_ITSELF = (
    "loadtest/test_endings.py",
    "loadtest/test_truth.py",
    "serving/test_faults.py",
    "test_exit_status.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its kind, and put those first that take long, so that workers end together."""
    for item in items:
        if not (kind_of(item) == "fast" and item.get_closest_marker("night")):
            item.add_marker(kind_of(item))
    items.sort(key=lambda item: KINDS.index(kind_of(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a whole file to one worker, where its tests share what is costly to make."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
        def _split_scope(self, nodeid: str) -> str:
            place = nodeid.partition("::")[0].removeprefix("tests/")
            if place == COMPILED:  # two halves, for two workers
                return f"{place} {'unrolled' in nodeid}"
            return nodeid if place.startswith(EACH_FOR_ITSELF) else TOGETHER.get(place, place)

    return ByFile(config, log)


def kind_of(item: pytest.Item) -> str:
    """The mark at the test itself, else what it asks for, else its place."""
    for kind in KINDS:
        if item.get_closest_marker(kind):
            return kind
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    if "tested_server" in fixtures_of(item) or any(
        isinstance(one, str) and one in ("server", "async server") for one in parameters
    ):
        return "servers"
    if place_of(item).startswith(SERVERS):
        return "servers"
    return "exports" if place_of(item).startswith(EXPORTS) else "fast"


def place_of(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


def fixtures_of(item: pytest.Item) -> list[str]:
    names: list[str] = getattr(item, "fixturenames", [])
    return names


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what starts a Triton of ours, where none can be started."""
    if item.get_closest_marker("servers") and "repository" in fixtures_of(item):
        require_triton()


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository that `make build` has built, or the one named in VITRINE_REPOSITORY."""
    folder = Path(os.environ.get("VITRINE_REPOSITORY", ROOT / "build" / "vitrine-small"))
    assert (folder / "manifest.json").exists(), f"{folder} is not a built repository: run `make build` first"
    return folder


@dataclass(frozen=True)
class TestedServer:
    __test__ = False

    url: str
    metrics_url: str
    """Empty where another server is tested and VITRINE_TEST_METRICS does not name its page."""
    admin_key_file: Path | None


@pytest.fixture(scope="session")
def tested_server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedServer]:
    """A real Triton that serves the built repository, or the one whose address stands in VITRINE_TEST_URL."""
    if url := os.environ.get("VITRINE_TEST_URL"):
        yield TestedServer(url, os.environ.get("VITRINE_TEST_METRICS", ""), None)
        return
    from serving.supervision.server import EmbeddedServer
    from serving.triton.command import ServerSettings

    folder = tmp_path_factory.mktemp("server")
    key_file = folder / "admin-key"
    key_file.touch(mode=0o600)
    key_file.write_text(secrets.token_hex(32), "utf-8")
    settings = ServerSettings(
        repository, grpc_port=0, metrics_port=0, log_file=folder / "triton.log", admin_key_file=key_file
    )
    with EmbeddedServer(settings) as running:
        metrics_url = f"http://{running.settings.host}:{running.settings.metrics_port}/metrics"
        yield TestedServer(running.url, metrics_url, key_file)


@pytest.fixture(scope="session")
def server_url(tested_server: TestedServer) -> str:
    return tested_server.url


@pytest.fixture(scope="session")
def metrics_url(tested_server: TestedServer) -> str:
    """The address of the tested server's metrics."""
    return tested_server.metrics_url
