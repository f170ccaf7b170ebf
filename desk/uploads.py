"""Bodies of requests: refused by size and slowness while they come, and photos out of them."""

import asyncio
import base64
import binascii
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from vitrine_client.photos import MAX_BYTES

from desk.problems import ProblemError, problem_response

MOST_BYTES = MAX_BYTES * 4 // 3 + 2**20
"""Size limit of a body: a photo as base64, and what stands around it."""
_SLOWEST_S = 30.0


class BodyLimit:
    """Middleware that refuses bodies which are too large, before they are read, or come too slowly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if not said.isdigit() or int(said) > MOST_BYTES:
            await _refuse(413, f"a body of at most {MOST_BYTES:,} bytes is expected", scope, receive, send)
            return
        loop, came, started = asyncio.get_running_loop(), 0, False
        ends_at_s = loop.time() + _SLOWEST_S
        is_read = False
        refused: ProblemError | None = None

        def refuse(problem: ProblemError) -> ProblemError:
            nonlocal refused
            refused = problem
            return problem

        async def limited() -> Message:
            nonlocal came, is_read
            if is_read:  # what comes now is that the caller has gone
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, ends_at_s - loop.time()))
            except TimeoutError as error:
                raise refuse(ProblemError(408, f"the body did not come within {_SLOWEST_S:g} seconds")) from error
            came += len(message.get("body", b""))
            is_read = not message.get("more_body", False)
            if came > MOST_BYTES:
                raise refuse(ProblemError(413, f"a body of at most {MOST_BYTES:,} bytes is expected"))
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            if refused is None or started:  # else what a parser made of it is not what went wrong
                started = True
                await send(message)

        with suppress(ProblemError):
            await self._app(scope, limited, noted)
        if refused is not None and not started:
            await problem_response(refused)(scope, receive, send)


async def _refuse(status: int, detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    await problem_response(ProblemError(status, detail))(scope, receive, send)


def photo_from_data_url(url: str) -> bytes:
    """Decode a photo of the form `data:image/jpeg;base64,...`. Nothing is ever fetched.

    Raises:
        ProblemError: 400, it is another URL, or no base64.
    """
    head, comma, body = url.partition(",")
    if not head.startswith("data:"):
        raise ProblemError(400, "an image is not fetched, nor guessed at: send it as data:image/jpeg;base64,...")
    if not comma or not head.endswith(";base64"):
        raise ProblemError(400, "an image of the form data:image/jpeg;base64,... is expected")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(400, "what follows the comma of the image's data: URL is no base64") from error
