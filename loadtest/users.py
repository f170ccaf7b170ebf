"""Locust's side: users that wait while the sender sends, by schedule (open loop) or one by one (closed loop)."""

# ruff: noqa: I001 - the order is the point
import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"  # before Locust: the sender's thread and event loop are real ones

import locust
import locust.env

import json
import time
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import gevent
import psutil

from loadtest.sender import Sender
from loadtest.samples import SampleFile
from loadtest.settings import RunSettings

_CPU_EVERY_S = 1.0
_TELL_EVERY_S = 0.2
START_MESSAGE = "vitrine_start"


def worker_file(folder: Path, index: int) -> Path:
    """Name the file in which a worker says how it went, when it ends."""
    return folder / f"worker-{index}.json"


class Generator:
    """State that the users of one process share."""

    def __init__(self, settings: RunSettings, folder: Path, index: int) -> None:
        self.settings = settings
        self.index = index
        self.start_at = time.time()  # of all workers, by the master's message
        self.cpu_shares: list[float] = []
        self._file = worker_file(folder, index)
        self._failure = ""
        self._untold: deque[tuple[str, float, Exception | None]] = deque()
        self.sender = Sender(
            settings,
            index,
            settings.photos(),
            SampleFile(folder / f"samples-{index}.bin"),
            (lambda *told: self._untold.append(told)) if settings.web_port else None,
        )

    def environment(self) -> locust.env.Environment:
        user_class = OpenLoopUser if self.settings.is_open_loop else ClosedLoopUser
        user_class.generator = self
        self._environment = locust.env.Environment(user_classes=[user_class], host=self.settings.url)
        return self._environment

    def watch_cpu(self) -> None:
        process = psutil.Process()
        process.cpu_percent()
        while True:
            gevent.sleep(_CPU_EVERY_S)
            self.cpu_shares.append(process.cpu_percent() / 100)

    def wait_for(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Wait until the sender has run it; meanwhile tell Locust's page how it goes."""
        running = self.sender.run(coroutine)
        while not running.done():
            gevent.sleep(_TELL_EVERY_S)
            self._tell_locust()
        if error := running.exception():  # our own bug; Locust would begin the schedule anew
            self._failure = f"{type(error).__name__}: {error}"

    def finish(self) -> None:
        self.sender.close()
        self._file.write_text(
            json.dumps(
                {
                    "cpu_of_a_core": max(self.cpu_shares, default=0.0),
                    "failure": self._failure,
                    "first_messages": self.sender.first_messages,
                },
                ensure_ascii=False,
            ),
            "utf-8",
        )

    def _tell_locust(self) -> None:
        while self._untold:
            kind, latency_s, failure = self._untold.popleft()
            self._environment.events.request.fire(
                request_type="gRPC",
                name=kind,
                response_time=latency_s * 1000,
                response_length=0,
                exception=failure,
                context={},
            )


class _LoadUser(locust.User):
    abstract = True
    generator: Generator


class OpenLoopUser(_LoadUser):
    """User that sends a worker's part of the schedule; one a worker."""

    @locust.task
    def all_requests(self) -> None:
        generator = self.generator
        generator.wait_for(generator.sender.open_loop(generator.start_at))
        raise locust.exception.StopUser


class ClosedLoopUser(_LoadUser):
    """User that stands for one caller who waits for an answer before asking again."""

    _count = 0

    def on_start(self) -> None:
        self.number = ClosedLoopUser._count * self.generator.settings.workers + self.generator.index
        ClosedLoopUser._count += 1

    @locust.task
    def all_requests(self) -> None:
        generator = self.generator
        generator.wait_for(generator.sender.closed_loop(generator.start_at, self.number))
        raise locust.exception.StopUser
