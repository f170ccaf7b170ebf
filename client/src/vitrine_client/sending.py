"""Policy around each call, whichever client sends it: retries, throttle, trace, keys, and errors made ours."""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
from tritonclient.utils import InferenceServerException

from vitrine_client.affinity import PhotosUnderWay
from vitrine_client.calls import Tensors
from vitrine_client.channel import TlsFiles, key_headers, names_several, require_address
from vitrine_client.contract import READING
from vitrine_client.errors import VitrineError, error_from_code
from vitrine_client.quoting import MOST_CHARACTERS, short_name
from vitrine_client.retries import Retries
from vitrine_client.throttle import Throttle
from vitrine_client.tracing import client_span

_log = logging.getLogger("vitrine_client")
_ENSEMBLE_PREFIX = re.compile(r"^(\[request id: [^\]]*\] )?(in ensemble '[^']*', )*(\[request id: [^\]]*\] )?")
_SAYS_NOTHING = ("DEADLINE_EXCEEDED", "CANCELLED")
"""gRPC codes that do not tell whether a server took the call."""
_NOT_GRPC = "Received http2 header with status"
_HTTP_1 = re.compile(r"http1\.x|got frame type (79|80)\b")
"""Words of gRPC where HTTP/1 answers: its name, or what "HTTP" and "<!DOCTYPE" look like as a frame of HTTP/2."""
_NO_SHARED_MEMORY = "increase the shared memory pool"
"""Words of Triton's own error, which goes on with a name that is nobody's business (CVE-2025-23320)."""
_LEAST_LEFT_S = 0.02
"""Seconds of its deadline that a call must have left to be sent again."""


class CallPolicy:
    """State that the calls of one connection share, of all threads or tasks that use it."""

    def __init__(self, url: str, tls: TlsFiles | None, api_key: str | None, *, retries: bool) -> None:
        self.url = require_address(url)
        self.key_headers = key_headers(api_key, tls)
        self.are_retried = retries
        self.was_reached = False
        """True once a server was there. One that never was is not waited for."""
        self._begin()

    def _begin(self) -> None:
        self.throttle, self.retries, self.photos, self._pid = Throttle(), Retries(), PhotosUnderWay(), os.getpid()

    @contextmanager
    def pending_call(
        self, model: str, inputs: Tensors, *, timeout_s: float, request_id: str
    ) -> "Iterator[PendingCall]":
        """Surround one call, however often it is sent."""
        with client_span(model, url=self.url, request_id=request_id) as headers:
            if self._pid != os.getpid():  # after a fork, a lock may be held by a thread that is not there
                self._begin()
            with self.photos.header(inputs) as affinity:
                every_time = {**(headers or {}), **self.key_headers}
                yield PendingCall(self, model, timeout_s, request_id, every_time, affinity)


class PendingCall:
    """Call on its way: ask `wait_s` until it is 0, then send it in `attempt`; repeat both if that swallows an error."""

    def __init__(
        self,
        policy: CallPolicy,
        model: str,
        timeout_s: float,
        request_id: str,
        headers: dict[str, str],
        affinity: dict[str, str],
    ) -> None:
        """
        Args:
            headers: of each attempt.
            affinity: header of the first attempt, which chooses the server; later ones go to any.
        """
        self._headers, self._affinity = headers, affinity
        self._policy, self._model, self._timeout_s, self._request_id = policy, model, timeout_s, request_id
        self._clock = policy.retries.clock
        self._start_s = self._clock()
        self._again_s = 0.0
        self._attempts = 0
        self._last: VitrineError | None = None

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Headers of the attempt that is being made."""
        affinity = self._affinity if self._attempts <= 1 else {}
        return (*self._headers.items(), *affinity.items())

    def left_s(self) -> float:
        """Return the seconds left of the deadline, which all attempts share; at least 0.001."""
        return max(self._start_s + self._timeout_s - self._clock(), 0.001)

    def wait_s(self) -> float:
        """Return the seconds to wait before asking this again; 0: send now.

        Raises:
            VitrineError: it will not be sent any more: no time is left, or most calls are refused.
        """
        policy = self._policy
        if not policy.are_retried:
            return 0.0
        wait_s = self._again_s - self._clock()
        if wait_s <= 0:
            wait_s = policy.retries.turn_s()
            if not wait_s and not policy.retries.is_down() and not policy.throttle.may_send():
                wait_s = self._wait_after(self._last or self._not_sent_error())
        if wait_s <= 0:
            return 0.0
        left_s = self.left_s()
        if left_s < _LEAST_LEFT_S:
            raise self._with_attempts(self._last or self._not_sent_error())
        return min(wait_s, left_s / 2)  # so that the end of the time is not slept through

    @contextmanager
    def attempt(self, is_connected: Callable[[], bool]) -> Iterator[None]:
        """Surround one sending. An error after which the call is to be sent again is swallowed.

        Args:
            is_connected: whether a server holds the connection at this moment.
        """
        self._attempts += 1
        try:
            yield
        except grpc.RpcError as error:
            theirs = library_error(error)
            ours = error_from_library(theirs, self._policy.url, self._model, self._timeout_s, self._request_id)
            if self._is_sent_again(ours, is_connected):
                return
            if not self._policy.was_reached:
                ours = error_from_library(
                    theirs, self._policy.url, self._model, self._timeout_s, self._request_id, is_there=False
                )
            raise ours from error
        else:
            self._note_taken()

    def _is_sent_again(self, error: VitrineError, is_connected: Callable[[], bool]) -> bool:
        policy = self._policy
        if error.code in _SAYS_NOTHING:
            return False
        if error.code != "UNAVAILABLE":
            self._note_taken()
            return False
        if not policy.was_reached:
            policy.was_reached = is_connected()
        policy.photos.note_refused(self._affinity)
        was_down = policy.retries.is_down()
        policy.retries.note(was_taken=False)
        if not policy.are_retried or not policy.was_reached:
            return False
        if not was_down:
            policy.throttle.note(was_taken=False)
        wait_s = self._wait_after(error)
        _log.info(
            "%s, request %s: UNAVAILABLE from %s; attempt %d follows in %.2f s",
            self._model, self._request_id, short_name(policy.url), self._attempts + 1, wait_s,
        )  # fmt: skip
        return True

    def _wait_after(self, error: VitrineError) -> float:
        """
        Raises:
            VitrineError: the one that came; nothing is left to try again with.
        """
        self._last = error
        wait_s = self._policy.retries.backoff_s(max(self._attempts, 1))
        if wait_s is None or self.left_s() < _LEAST_LEFT_S:
            raise self._with_attempts(error)
        if self._attempts == 1 and self._affinity and names_several(self._policy.url):
            wait_s = 0.0  # the photo's own server is full or stops: another one may take it at once
        self._again_s = self._clock() + wait_s
        return wait_s

    def _note_taken(self) -> None:
        policy = self._policy
        policy.was_reached = True
        down_s = policy.retries.note(was_taken=True)
        if down_s is not None:
            policy.throttle = Throttle()  # an outage is no overload: what it refused says nothing of now
            _log.info("%s takes calls again, after %.1f s", short_name(policy.url), down_s)
        policy.throttle.note(was_taken=True)

    def _with_attempts(self, error: VitrineError) -> VitrineError:
        if self._attempts > 1:
            spent_s = self._clock() - self._start_s
            error.message += f" (sent {self._attempts} times in {spent_s:.1f} s)"
            error.args = (error.message,)
        return error

    def _not_sent_error(self) -> VitrineError:
        error = error_from_code(
            "UNAVAILABLE",
            f"not sent, because {short_name(self._policy.url)} has taken next to nothing in the last seconds: ask "
            "again in a second, lower the load, or add a server",
            model=self._model,
            request_id=self._request_id,
        )
        error.was_sent = False
        return error


def library_error(error: grpc.RpcError) -> InferenceServerException:
    """Translate what gRPC raised into tritonclient's own error."""
    return InferenceServerException(msg=error.details(), status=str(error.code()))


def error_from_library(
    error: InferenceServerException,
    url: str,
    model: str,
    timeout_s: float,
    request_id: str,
    *,
    is_there: bool = True,
) -> VitrineError:
    """Make one of our errors from one of the library's: the only place that does.

    Args:
        is_there: whether a server was ever reached at that address.
    """
    code = str(error.status() or "UNKNOWN").removeprefix("StatusCode.")
    message = _ENSEMBLE_PREFIX.sub("", error.message() or "no message")
    is_http = code == "UNAVAILABLE" and _HTTP_1.search(message)
    if len(url) > MOST_CHARACTERS:  # gRPC names it, or parts of it
        message = "connection failed" if code == "UNAVAILABLE" else message
    url = short_name(url)
    if code == "DEADLINE_EXCEEDED":
        message = f"no answer from {url} within {timeout_s:g} s: is a server there? Wait longer, or lower the load"
    elif is_http:
        message = f"{url} is an HTTP port ({message}): give the gRPC port of a Vitrine server"
    elif code == "UNAVAILABLE":
        cause = (
            "does it speak TLS, with a certificate that the named authority has signed?"
            if "handshake failed" in message
            else "is one running, with TLS or without as here, or is it overloaded?"
        )
        said = f"no server at {url} took the request" if is_there else f"no server listens at {url}"
        message = f"{said} ({message}): {cause}"
    elif message.startswith(_NOT_GRPC):
        message = f"{url} does not speak gRPC ({message}): name the gRPC port of a Vitrine server"
    elif code == "NOT_FOUND" and model == READING:
        return error_from_code(
            "INVALID_ARGUMENT",
            "the server reads no text: build its repository anew, without --without-text",
            model=model,
            request_id=request_id,
        )
    elif _NO_SHARED_MEMORY in message:
        message = "the server has run out of shared memory: its operator has to give it more"
    return error_from_code(code, message, model=model, request_id=request_id)
