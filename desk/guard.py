"""The guard: key, origin and limits are looked at before a byte of a body is read."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from desk.context import Desk
from desk.keys import OPEN_SHOP, shop_of
from desk.problems import ProblemError, problem_response

_GUARDED = ("/v1/", "/mcp")
_OPEN = "/v1/openapi.json"
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def _waits(request: Request) -> bool:
    """Tell whether a request waits for a person, and does nothing else."""
    is_one = request.method == "GET" and request.url.path.startswith("/v1/feedback/")
    return is_one and "wait_s" in request.query_params


class Guard:
    """Middleware that lets shops in, within their limits, and notes whose request it is."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_GUARDED) or scope["path"] == _OPEN:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            shop = self._shop_that_asks(request)
            with self._desk.limits.one_request(shop, waits=_waits(request)):
                scope.setdefault("state", {})["shop"] = shop
                await self._app(scope, receive, send)
        except ProblemError as problem:
            await problem_response(problem)(scope, receive, send)

    def _shop_that_asks(self, request: Request) -> str:
        """
        Raises:
            ProblemError: 401, no key that is known; 403, sent by another site's page.
        """
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host", ""):
            raise ProblemError(403, "a page of another site has sent this: programs send no Origin header")
        if self._desk.shops is None:
            if (request.url.hostname or "") not in _THIS_MACHINE:  # a name that a foreign page made lead here
                raise ProblemError(403, "a desk without keys answers at 127.0.0.1 and localhost alone")
            return OPEN_SHOP
        shop = shop_of(self._desk.shops, request.headers.get("authorization"))
        if shop is None:
            raise ProblemError(401, "the API key is missing or not known: send authorization: Bearer KEY")
        return shop
