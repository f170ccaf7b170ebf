"""What the chart asks of a server, a real one answers: whether it is alive, and how many servers the load needs."""

import math
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest

from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from serving.triton.processes import steps_of
from tests.helpers.chart import NAMESPACE, find, rendered, values_of
from tests.helpers.load import load
from tests.helpers.prometheus import FOLDER, asked, prometheus_of, wait_until

SERVING = b"\x08\x01"
"""HealthCheckResponse { status: SERVING } of grpc.health.v1."""
CALLERS = 32
WINDOW = "[15s]"
"""In place of the query's minute."""


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    log = tmp_path_factory.mktemp("server") / "triton.log"
    with EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=0, log_file=log)) as running:
        yield running


def is_alive(server: EmbeddedServer) -> bool:
    """Ask as the kubelet's gRPC probe does, with its deadline."""
    with grpc.insecure_channel(server.url_of_triton) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        return bool(check(b"", timeout=5) == SERVING)


def test_a_server_is_alive_under_any_load_and_while_a_step_hangs(server: EmbeddedServer) -> None:
    """What hangs is its supervisor's affair, which mends it without a new pod."""
    assert is_alive(server)
    with load(server.url, callers=CALLERS, timeout_s=20) as callers:
        callers.wait_for_answers()
        assert is_alive(server)
    step = steps_of(psutil.Process(server.pid))["image_preprocess_0_0"]
    step.suspend()
    try:
        assert is_alive(server)
    finally:
        step.resume()


def test_the_query_that_scales_says_how_many_servers_the_load_needs(server: EmbeddedServer, tmp_path: Path) -> None:
    scaled = find(rendered(values_of("all")), "ScaledObject", "shop-vitrine")["spec"]
    [trigger] = scaled["triggers"]
    assert set(trigger["metadata"]) == {"serverAddress", "query", "threshold"}
    assert trigger["metricType"] == "AverageValue", "of each server, so that servers are the value by the threshold"
    assert trigger["metadata"]["query"].count("[1m]") == 1
    query, threshold = trigger["metadata"]["query"].replace("[1m]", WINDOW), float(trigger["metadata"]["threshold"])
    page = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"
    with prometheus_of(
        page,
        tmp_path,
        FOLDER / "alerts.yml",
        every="1s",
        labels={"namespace": NAMESPACE, "service": "shop-vitrine-servers"},
    ) as url:

        def servers_wanted() -> int:
            [row] = asked(url, query)
            value = float(row["value"][1])
            assert math.isfinite(value)
            return math.ceil(value / threshold)

        wait_until(lambda: servers_wanted() == 0)
        with load(server.url, callers=CALLERS, timeout_s=20):
            wait_until(lambda: servers_wanted() > 2)
        wait_until(lambda: servers_wanted() == 0)
        elsewhere = query.replace(f'namespace="{NAMESPACE}"', 'namespace="other"')
        assert [row["value"][1] for row in asked(url, elsewhere)] == ["0"], "of another release nothing is seen"
