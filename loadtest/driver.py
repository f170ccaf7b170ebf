"""Sends requests through the client and keeps a sample of each. Locust's users call it; it knows no Locust."""

import time
from collections.abc import Callable
from typing import Any

from vitrine_client import VitrineError, VqaClient

from loadtest.photos import PhotoPool
from loadtest.plan import Request
from loadtest.samples import SampleFile

_BROKEN_BYTES = 64  # enough to be known as a JPEG, too little to be one

Listener = Callable[[str, float, Exception | None], None]
"""Told of each request: its kind, its latency in seconds, and what failed."""


class Driver:
    """One worker's client, photos and samples."""

    def __init__(
        self, client: VqaClient, photos: PhotoPool, samples: SampleFile, *, timeout_s: float, listener: Listener
    ) -> None:
        self._client = client
        self._photos = photos
        self._samples = samples
        self._timeout_s = timeout_s
        self._listener = listener

    def send(self, request: Request, *, start: float, intended_s: float) -> None:
        """Send one request now, and count its latency from when it was meant to be sent.

        Args:
            start: `time.perf_counter()` at the start of the run.
            intended_s: seconds after the start.
        """
        lag_s = time.perf_counter() - start - intended_s
        code, verdict = "OK", ""
        failure: Exception | None = None
        try:
            verdict = self._call(request)
        except VitrineError as error:
            code, failure = error.code, error
        except Exception as error:  # one bad request must not end the run; it is seen among the codes
            code, failure = "UNKNOWN", error
        latency_s = time.perf_counter() - start - intended_s
        self._samples.add(intended_s, lag_s, latency_s, request.kind, code, verdict)
        is_rightly_refused = request.kind == "invalid" and code == "INVALID_ARGUMENT"
        self._listener(request.kind, latency_s, None if is_rightly_refused else failure)

    def leave_out(self, request: Request, *, intended_s: float) -> None:
        """Count a request that could not be sent, because too many are under way."""
        self._samples.add(intended_s, 0.0, 0.0, request.kind, "NOT_SENT")

    def close(self) -> None:
        self._samples.close()
        self._client.close()

    def _call(self, request: Request) -> str:
        photo = self._photos.photo(request.photo)
        result: Any
        if request.kind == "embed":
            self._client.embed(photo, timeout_s=self._timeout_s)
            return ""
        if request.kind == "choose":
            result = self._client.choose(photo, request.question, request.candidates, timeout_s=self._timeout_s)
        else:
            if request.kind == "invalid" and request.question:
                photo = photo[:_BROKEN_BYTES]
            result = self._client.ask(photo, request.question, timeout_s=self._timeout_s)
        return str(result.status)
