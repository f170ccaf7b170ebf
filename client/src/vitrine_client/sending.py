"""What surrounds each call, whichever client sends it: throttle, trace, keys, and the library's errors made ours."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tritonclient.utils import InferenceServerException

from vitrine_client.channel import TlsFiles, key_headers, require_address
from vitrine_client.errors import VitrineError, error_from_code
from vitrine_client.throttle import Throttle
from vitrine_client.tracing import client_span

_ENSEMBLE_PREFIX = re.compile(r"^(\[request id: [^\]]*\] )?(in ensemble '[^']*', )*(\[request id: [^\]]*\] )?")
_SAYS_NOTHING = ("DEADLINE_EXCEEDED", "CANCELLED")
"""Codes that do not tell whether a server took the call."""
_NOT_GRPC = "Received http2 header with status"
_NO_SHARED_MEMORY = "increase the shared memory pool"
"""Of Triton's own error, which goes on with a name that is nobody's business (CVE-2025-23320)."""


class Sender:
    """The state of one connection's calls, shared by all threads or tasks that use it."""

    def __init__(self, url: str, tls: TlsFiles | None, api_key: str | None, *, throttles: bool) -> None:
        self.url = require_address(url)
        self._throttles = throttles
        self.key_headers = key_headers(api_key, tls)
        self._throttle, self._pid = Throttle(), os.getpid()

    @contextmanager
    def sending(self, model: str, *, timeout_s: float, request_id: str) -> Iterator[dict[str, str] | None]:
        """Around one call.

        Yields:
            The metadata to send with it.

        Raises:
            VitrineError: what the call raised, made ours; or it may not be sent.
        """
        with client_span(model, url=self.url, request_id=request_id) as headers:
            if self._pid != os.getpid():  # after a fork, a lock may be held by a thread that is not there
                self._throttle, self._pid = Throttle(), os.getpid()
            if self._throttles and not self._throttle.may_send():
                raise error_from_code(
                    "UNAVAILABLE",
                    f"not sent, because {self.url} has taken next to nothing in the last seconds: ask again in a "
                    "second, lower the load, or add a server",
                    model=model,
                    request_id=request_id,
                )
            try:
                yield {**(headers or {}), **self.key_headers} or None
            except InferenceServerException as error:
                ours = translated(error, self.url, model, timeout_s, request_id)
                if ours.code not in _SAYS_NOTHING:
                    self._throttle.note(was_taken=ours.code != "UNAVAILABLE")
                raise ours from error
            self._throttle.note(was_taken=True)


def translated(
    error: InferenceServerException, url: str, model: str, timeout_s: float, request_id: str
) -> VitrineError:
    """The one place where the library's errors become ours."""
    code = str(error.status() or "UNKNOWN").removeprefix("StatusCode.")
    message = _ENSEMBLE_PREFIX.sub("", error.message() or "no message")
    if code == "DEADLINE_EXCEEDED":
        message = f"no answer from {url} within {timeout_s:g} s: is a server there? Wait longer, or lower the load"
    elif code == "UNAVAILABLE":
        cause = (
            "does it speak TLS, with a certificate that the named authority has signed?"
            if "handshake failed" in message
            else "is one running, with TLS or without as here, or is it overloaded?"
        )
        message = f"no server at {url} took the request ({message}): {cause}"
    elif message.startswith(_NOT_GRPC):
        message = f"{url} does not speak gRPC ({message}): name the gRPC port of a Vitrine server"
    elif _NO_SHARED_MEMORY in message:
        message = "the server has run out of shared memory: its operator has to give it more"
    return error_from_code(code, message, model=model, request_id=request_id)
