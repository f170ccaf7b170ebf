"""Serves the public port of the metrics: Triton's own, passed on as they are, and ours, which outlive it.

Triton's port is on loopback only, and gone with each crash. This one belongs to
the process that restarts it, so that restarts are seen, also the shortest.
`/metrics` is for Prometheus, `/health` for load balancers: 200 where questions
are answered, 503 where not.
"""

import json
import socketserver
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import Any

from serving.errors import ServingError
from serving.supervision.condition import Condition, health, metrics_text

_TRITON_TIMEOUT_S = 3.0  # a scrape may take 10 s, as Prometheus has it of itself
_CALLER_TIMEOUT_S = 10.0
_MOST_CALLERS = 16
_TEXT = "text/plain; charset=utf-8"  # as Triton says


class MetricsDoor:
    """HTTP server of the metrics and the health page, open from its construction until `close`."""

    def __init__(self, host: str, port: int, condition: Condition, triton_port: Callable[[], int | None]) -> None:
        """
        Args:
            host, port: where to listen.
            triton_port: of Triton's own metrics on this machine; None while it does not run.

        Raises:
            ServingError: the port is taken.
        """
        try:
            self._server = _Server((host, port), _Pages(condition, triton_port))
        except OSError as error:
            raise ServingError(f"--metrics-port: cannot listen on {host}:{port} ({error}): choose another") from error
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Pages:
    def __init__(self, condition: Condition, triton_port: Callable[[], int | None]) -> None:
        self._condition = condition
        self._triton_port = triton_port

    def page(self, path: str) -> tuple[int, str, bytes]:
        """Return a page: its HTTP status, content type and content."""
        port = self._triton_port()
        is_up = port is not None and self._condition.state == "ready"
        if path == "/metrics":
            own = metrics_text(self._condition, is_up=is_up).encode()
            return 200, _TEXT, (b"" if port is None else tritons_metrics(port)) + own
        if path == "/health":
            content = json.dumps(health(self._condition, is_up=is_up))
            return 200 if is_up else 503, "application/json", content.encode() + b"\n"
        return 404, _TEXT, b"metrics are at /metrics, the server's health at /health\n"


def tritons_metrics(port: int) -> bytes:
    """Read Triton's own metrics; b"" where it does not give them, for it starts, hangs or ends."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TRITON_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, HTTPException):
        return b""
    finally:
        connection.close()
    return content if answer.status == 200 else b""


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    timeout = _CALLER_TIMEOUT_S
    server_version = "vitrine"
    sys_version = ""

    def do_GET(self) -> None:
        status, kind, content = self.server.pages.page(self.path.partition("?")[0])
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # the caller has gone
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing: it would be a line each few seconds."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], pages: _Pages) -> None:
        self.pages = pages
        self._places = threading.BoundedSemaphore(_MOST_CALLERS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers who break off."""
