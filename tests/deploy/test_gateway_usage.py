"""Who asks how much, as the gateway counts it, and what else its page of metrics shows: nothing."""

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.grpc import service_pb2

from serving.triton.ports import free_port
from tests.helpers.gateway import KEY, SLOW_KEY, envoy_before, wait_until
from tests.helpers.gateway_fake import failure, serving_fake, stub_at
from tests.helpers.system import require_program

CALLS, BYTES = "envoy_vitrine_gateway_calls", "envoy_vitrine_gateway_received_bytes"
Counters = list[tuple[str, tuple[str, str], float]]
Page = Callable[..., tuple[int, str]]


def counters_of(text: str) -> Counters:
    """Name, shop and outcome, and value of each counter."""
    return [
        (family.name, (sample.labels["shop"], sample.labels["outcome"]), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


@pytest.fixture
def counted(tmp_path: Path) -> Any:
    """A stub to call a gateway by, and its port of metrics, read by path."""
    port = free_port()

    def page(path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(asked) as found:  # noqa: S310  our own gateway
                return found.status, found.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    with (
        serving_fake("127.0.0.1") as (_, server),
        envoy_before([f"127.0.0.1:{server}"], tmp_path, metrics_port=port) as url,
        stub_at(url, tmp_path) as stub,
    ):
        yield stub, page


def test_calls_are_counted_by_shop_and_by_what_came_of_them(counted: tuple[Any, Page]) -> None:
    stub, page = counted
    assert counters_of(page()[1]) == []
    for request_id, key in (("", KEY), ("", KEY), ("good", KEY), ("busy", SLOW_KEY), ("", "x" * 64)):
        failure(stub, request_id, key).code()
    wait_until(lambda: len(counters_of(page()[1])) >= 6)
    found = counters_of(page()[1])
    expected = {("a-shop", "failed"): 2, ("a-shop", "ok"): 1, ("another-shop", "refused"): 1}
    assert {labels: count for name, labels, count in found if name == CALLS} == expected
    assert {labels for name, labels, count in found if name == BYTES and count} == set(expected)


def test_a_caller_makes_no_counters_by_its_own_headers(counted: tuple[Any, Page]) -> None:
    stub, page = counted
    for key in (KEY, "x" * 64):
        metadata = [("authorization", f"Bearer {key}"), ("x-vitrine-shop", "made-up")]
        with pytest.raises(grpc.RpcError):
            stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=10, metadata=metadata)
    wait_until(lambda: bool(counters_of(page()[1])))
    assert {shop for _, (shop, _), _ in counters_of(page()[1])} == {"a-shop"}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/metrics?filter=calls", "GET"),
        ("/metrics", "POST"),
        ("/metrics/", "GET"),
        ("/metrics/../config_dump", "GET"),
        ("/stats", "GET"),
        ("/config_dump", "GET"),
        ("/quitquitquit", "POST"),
        ("/", "GET"),
    ],
)
def test_nothing_else_of_envoys_administration_is_open(counted: tuple[Any, Page], path: str, method: str) -> None:
    assert counted[1](path, method)[0] == 403
    assert counted[1]()[0] == 200


def test_prometheus_reads_the_page(counted: tuple[Any, Page]) -> None:
    stub, page = counted
    failure(stub, "").code()
    wait_until(lambda: bool(counters_of(page()[1])))
    command = [require_program("promtool", "prometheus"), "check", "metrics"]
    done = subprocess.run(command, input=page()[1], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    assert not re.findall("^(?!.*no help text).+", done.stderr, re.MULTILINE), (
        "Envoy writes no help, and all else is right"
    )
