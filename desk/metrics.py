"""Requests by route and status, and how long they take, for Prometheus; and traces that go on from the caller's."""

import logging
import time
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.problems import ProblemError, problem_response

try:
    from opentelemetry import context, propagate
except ImportError:  # it comes with vitrine-client[tracing]
    context = None  # type: ignore[assignment]

_log = logging.getLogger("vitrine.desk")
REQUESTS = Counter("vitrine_desk_requests", "Requests by route and status.", ["route", "status"])
SECONDS = Histogram("vitrine_desk_request_seconds", "Time from a request's head to its answer's end.", ["route"])


class Measured:
    """Middleware that counts requests. What is asked is in no label."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start_s, status, has_begun = time.perf_counter(), 500, False

        async def noted(message: Message) -> None:
            nonlocal status, has_begun
            has_begun = True
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with _callers_trace(scope):
                await self._app(scope, receive, noted)
        except Exception as error:  # a bug: its kind and place are logged, and nothing of what came
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("%s in %s, line %d", type(error).__name__, Path(place.filename).name, place.lineno or 0)
            if not has_begun:
                await problem_response(ProblemError(500, "the desk failed; its log says where"))(scope, receive, send)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            REQUESTS.labels(route, status).inc()
            SECONDS.labels(route).observe(time.perf_counter() - start_s)


class _Attached:
    """The caller's trace, for as long as a request runs."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._found = propagate.extract(headers)
        self._token: Any = None

    def __enter__(self) -> None:
        self._token = context.attach(self._found)

    def __exit__(self, *_: object) -> None:
        context.detach(self._token)


def _callers_trace(scope: Scope) -> Any:
    if context is None:
        return nullcontext()
    return _Attached({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]})
