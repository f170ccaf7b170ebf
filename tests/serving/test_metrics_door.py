"""The public port of the metrics: Triton's lines as they are, and ours, also while Triton is down."""

import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

import serving.health
import serving.supervision.metrics_door
from loadtest.server_metrics import scrape
from serving.errors import ServingError
from serving.health import read_health, words
from serving.supervision.condition import Condition
from serving.supervision.metrics_door import MetricsDoor
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from serving.triton.ports import free_port
from tests.helpers.prometheus import wait_until

TRITONS = b'# HELP nv_x Something\n# TYPE nv_x counter\nnv_x{model="vqa"} 3\n'


@contextmanager
def triton(content: bytes, status: int = 200) -> Iterator[int]:
    """The port of a double that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def door(condition: Condition, triton_port: int | None) -> Iterator[str]:
    port = free_port()
    opened = MetricsDoor("127.0.0.1", port, condition, lambda: triton_port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        opened.close()


def page(url: str) -> tuple[int, str, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  our own server
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def ready() -> Condition:
    condition = Condition()
    condition.become("ready")
    return condition


def looping() -> Condition:
    condition = ready()
    condition.count_restart("triton_crash", delay_s=60, is_crash_loop=True)
    return condition


def test_tritons_lines_come_first_and_unchanged() -> None:
    with triton(TRITONS) as port, door(ready(), port) as url:
        status, kind, content = page(f"{url}/metrics")
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert content.startswith(TRITONS + b"# HELP vitrine_up ")
    assert b"\nvitrine_up 1\n" in content


def test_ours_are_there_while_triton_is_not() -> None:
    with door(looping(), None) as url:
        _, _, content = page(f"{url}/metrics")
        health_status, _, health = page(f"{url}/health")
    lines = content.decode().splitlines()
    assert {"vitrine_up 0", 'vitrine_restarts_total{cause="triton_crash"} 1', "vitrine_crash_loop 1"} <= set(lines)
    assert "vitrine_restart_delay_seconds 60" in lines
    assert health_status == 503
    assert json.loads(health) == {
        "ready": False, "state": "crash loop", "crash_loop": True, "restarts": 1, "recoveries": 0, "next_try_in_s": 60,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "port", "line"),
    [
        (ready(), 1, "ready; never restarted"),
        (Condition(), 1, "starting; never restarted"),
        (looping(), None, "crash loop; 1 restart since it was started; the next try is 60 s after the last one; "),
    ],
    ids=["ready", "starting", "crash loop"],
)
def test_the_health_command_says_it_in_a_line(condition: Condition, port: int | None, line: str) -> None:
    with door(condition, port) as url:
        assert words(read_health(f"{url}/health")).startswith(line)
        with pytest.raises(ServingError, match="is no supervisor's page: name its /health"):
            read_health(f"{url}/metrics")


def test_the_health_command_needs_no_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = {"http://localhost:8002/health": {"ready": True, "state": "ready", "restarts": 0, "next_try_in_s": 0}}
    monkeypatch.setattr(serving.health, "read_health", lambda url: pages[url] | {"crash_loop": False})
    monkeypatch.setattr("sys.argv", ["health"])
    assert serving.health.main() == 0
    assert capsys.readouterr().out == "ready; never restarted\n"


def test_what_is_no_answer_of_triton_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.supervision.metrics_door, "_TRITON_TIMEOUT_S", 0.2)
    with triton(b"unavailable", status=503) as refusing, socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (refusing, silent.getsockname()[1], free_port()):
            with door(ready(), port) as url:
                status, _, content = page(f"{url}/metrics")
            assert status == 200
            assert content.startswith(b"# HELP vitrine_up ")


def test_a_server_that_runs_is_healthy_and_other_pages_are_named() -> None:
    with triton(TRITONS) as port, door(ready(), port) as url:
        assert page(f"{url}/health?full")[0] == 200
        status, _, content = page(url)
    assert status == 404
    assert b"/metrics" in content


def test_callers_who_hold_on_take_no_more_than_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.supervision.metrics_door._Handler, "timeout", 0.5)
    with door(ready(), None) as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        before = threading.active_count()
        holding = [socket.create_connection(address) for _ in range(60)]
        for one in holding:
            one.settimeout(20)
            assert one.recv(1) == b"", "each is closed in the end"
            assert threading.active_count() <= before + serving.supervision.metrics_door._MOST_CALLERS
            one.close()
        assert page(f"{url}/metrics")[0] == 200


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServingError, match=rf"--metrics-port: cannot listen on 127.0.0.1:{port} "):
            MetricsDoor("127.0.0.1", port, ready(), lambda: None)


def test_a_real_servers_metrics_outlive_it(repository: Path, tmp_path: Path) -> None:
    settings = ServerSettings(repository, grpc_port=0, metrics_port=0, log_file=tmp_path / "triton.log")
    with EmbeddedServer(settings) as server:
        url = f"http://127.0.0.1:{server.settings.metrics_port}"
        inner = _inner_port(server)
        assert inner != server.settings.metrics_port
        static = re.compile(rb"^(?:# .*|nv_cache_num_lookups.*)\n", re.MULTILINE)
        public, own = page(f"{url}/metrics"), page(f"http://127.0.0.1:{inner}/metrics")
        assert public[:2] == own[:2], "as Triton's own port says them"
        assert static.findall(public[2])[: len(static.findall(own[2]))] == static.findall(own[2])
        families = list(text_string_to_metric_families(public[2].decode()))
        assert len({family.name for family in families}) == len(families)
        assert scrape(f"{url}/metrics")["vqa"]["success"] >= 1, "our own first question"
        psutil.Process(server.pid).kill()
        wait_until(lambda: server.problem() is not None)  # it ends a moment later
        problem = server.problem()
        assert problem
        assert problem.cause == "triton_crash"
        _, _, content = page(f"{url}/metrics")
        assert content.startswith(b"# HELP vitrine_up ")
        assert b"\nvitrine_up 0\n" in content
        assert page(f"{url}/health")[0] == 503
        server.restart()
        assert page(f"{url}/health")[0] == 200
        assert b"\nnv_inference_count{" in page(f"{url}/metrics")[2]
    with pytest.raises(urllib.error.URLError):
        page(f"{url}/metrics")


def _inner_port(server: EmbeddedServer) -> int:
    [port] = [word for word in psutil.Process(server.pid).cmdline() if word.startswith("--metrics-port=")]
    return int(port.partition("=")[2])
