"""Sender of a worker's share of a run, from an event loop in a thread of its own. It knows no Locust.

An event loop and not gevent's greenlets: gRPC under gevent waits for answers in a pool of ten threads, so that ten slow
answers hold up, and lengthen, all others (see docs/adr/0011).
"""

import asyncio
import gc
import selectors
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vitrine_client import AsyncGrpcTransport, AsyncVqaClient, VitrineError

from loadtest.photos import PhotoPool
from loadtest.plan import Request, plan_requests
from loadtest.samples import SampleFile
from loadtest.schedule import intended_times
from loadtest.settings import RunSettings

_BROKEN_BYTES = 64  # enough to be known as a JPEG, too little to be one
_END_WITHIN_S = 10.0
_LONGEST_MESSAGE = 400  # characters; a server may quote what it was sent
_WAKES_LATE_S = 0.0003  # a sleeping thread and its event loop, on a machine that is not busy

Listener = Callable[[str, float, Exception | None], None]
"""Callback for each request: its kind, its latency in seconds, and what failed."""


class Sender:
    """Event loop, client, photos and samples of one worker."""

    def __init__(
        self, settings: RunSettings, index: int, photos: PhotoPool, samples: SampleFile, listener: Listener | None
    ) -> None:
        """
        Args:
            index: of the worker; it sends each `settings.workers`-th request.
            listener: called in the event loop's thread.
        """
        self._settings = settings
        self._index = index
        self._photos = photos
        self._samples = samples
        self._listener = listener
        self.first_messages: dict[str, str] = {}
        """Message of the first error of each code, without the requests that were refused as they must be."""
        # epoll wakes to a millisecond; select to a microsecond, and there are few sockets.
        self._loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        self._thread = threading.Thread(target=self._loop.run_forever, name="sender", daemon=True)
        self._thread.start()
        self._client: AsyncVqaClient = self.run(self._connect()).result()
        # What is there by now stays: looking through it again would hold up the sending for 30 ms.
        gc.collect()
        gc.freeze()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Begin something in the event loop, from any other thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def open_loop(self, start_at: float) -> None:
        """Send this worker's part of the schedule, each request when it is due.

        Args:
            start_at: of the schedule, as `time.time()`.
        """
        settings = self._settings
        start = _perf_counter_at(start_at)
        times = intended_times(settings.profile, settings.seed)
        requests = plan_requests(settings.scenario, settings.seed)
        under_way: set[asyncio.Task[None]] = set()
        for number, (intended_s, request) in enumerate(zip(map(float, times), requests, strict=False)):
            if number % settings.workers != self._index:
                continue
            try:
                await _until(start + intended_s)
            except asyncio.CancelledError:
                self._add_not_sent(times[number :: settings.workers], time.perf_counter() - start)
                raise
            if len(under_way) >= settings.max_in_flight:
                self._samples.add(intended_s, 0.0, 0.0, request.kind, "NOT_SENT")
                continue
            task = self._loop.create_task(self._send(request, start, intended_s))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    def _add_not_sent(self, times: NDArray[np.float64], now_s: float) -> None:
        """Count what was due when the run ended and had not left; its kinds are not known, and count as questions."""
        for intended_s in times[times < now_s]:
            self._samples.add(float(intended_s), 0.0, 0.0, "ask", "NOT_SENT")

    async def closed_loop(self, start_at: float, user: int) -> None:
        """Send one request after the other: the next is due when the last was answered."""
        settings = self._settings
        start = _perf_counter_at(start_at)
        for planned in plan_requests(settings.scenario, settings.seed + 1 + user):
            # Users share no photo: new ones are new to all.
            request = replace(planned, photo=planned.photo * (settings.users or 1) + user)
            now_s = time.perf_counter() - start
            if now_s >= settings.profile.duration_s:
                return
            await self._send(request, start, now_s)

    def close(self) -> None:
        """Drop what is under way, and write all samples."""
        try:
            self.run(self._end()).result(_END_WITHIN_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_END_WITHIN_S)
            self._samples.close()

    async def _connect(self) -> AsyncVqaClient:
        # A request is sent once: retries would add to the load that was asked for, and hide what was shed.
        transport = AsyncGrpcTransport(self._settings.url, retries=False)
        return AsyncVqaClient(timeout_s=self._settings.timeout_s, transport=transport)

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._client.close()

    async def _send(self, request: Request, start: float, intended_s: float) -> None:
        """Send one request now, and count its latency from when it was meant to be sent.

        Args:
            start: `time.perf_counter()` at the start of the run.
            intended_s: seconds after the start.
        """
        lag_s = time.perf_counter() - start - intended_s
        code, verdict = "OK", ""
        failure: Exception | None = None
        try:
            verdict = await self._verdict_of(request)
        except asyncio.CancelledError:  # the run was interrupted
            self._samples.add(intended_s, lag_s, time.perf_counter() - start - intended_s, request.kind, "CANCELLED")
            raise
        except VitrineError as error:
            code, failure = error.code, error
        except Exception as error:  # our own bug, which must not end the run: it is seen among codes and messages
            code, failure = "UNKNOWN", error
        latency_s = time.perf_counter() - start - intended_s
        self._samples.add(intended_s, lag_s, latency_s, request.kind, code, verdict)
        is_rightly_refused = request.kind == "invalid" and code == "INVALID_ARGUMENT"
        if is_rightly_refused:
            failure = None
        if failure:
            self.first_messages.setdefault(code, _message_of(failure))
        if self._listener:
            self._listener(request.kind, latency_s, failure)

    async def _verdict_of(self, request: Request) -> str:
        photo = self._photos.photo(request.photo)
        if request.kind == "embed":
            await self._client.embed(photo)
            return ""
        if request.kind == "read":
            await self._client.read(photo)
            return ""
        if request.kind == "choose":
            return (await self._client.choose(photo, request.question, request.candidates)).status
        if request.kind == "invalid" and request.question:
            photo = photo[:_BROKEN_BYTES]
        return (await self._client.ask(photo, request.question)).status


def _message_of(error: Exception) -> str:
    """Say what failed; an error that is none of the client's own comes with its type and the line that raised it."""
    if isinstance(error, VitrineError):
        message = error.message
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{type(error).__name__}: {error} (a bug of ours, {Path(frame.filename).name}:{frame.lineno})"
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


async def _until(due: float) -> None:
    """Sleep until `due`.

    Args:
        due: by `time.perf_counter()`.
    """
    wait_s = due - time.perf_counter()
    # Where there is time to spare the loop wakes a little early, and polls; even 0 lets the answers in.
    await asyncio.sleep(max(0.0, wait_s - _WAKES_LATE_S if wait_s > 2 * _WAKES_LATE_S else wait_s))
    while time.perf_counter() < due:
        await asyncio.sleep(0)


def _perf_counter_at(wall_s: float) -> float:
    return time.perf_counter() + (wall_s - time.time())
