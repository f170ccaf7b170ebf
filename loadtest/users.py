"""Locust's side: users that send by schedule (open loop) or one after the other (closed loop).

Importing this patches the standard library for gevent, so nothing else imports it but processes that generate load.
"""

# ruff: noqa: E402, I001 - the order is the point
import locust
import locust.env
import grpc.experimental.gevent as grpc_gevent

grpc_gevent.init_gevent()  # before any channel

import json
import time
from pathlib import Path

import gevent
import psutil
from gevent.pool import Pool
from vitrine_client import VqaClient

from loadtest.driver import Driver
from loadtest.plan import planned_requests
from loadtest.samples import SampleFile
from loadtest.schedule import intended_times
from loadtest.settings import RunSettings

_CPU_EVERY_S = 1.0
START_MESSAGE = "vitrine_start"


class Generator:
    """What the users of one process share."""

    def __init__(self, settings: RunSettings, folder: Path, index: int) -> None:
        self.settings = settings
        self.index = index
        self.start_at = time.time()  # of all workers, by the master's message
        self.cpu_shares: list[float] = []
        self._file = folder / f"worker-{index}.json"
        self._photos = settings.photos()
        self._samples = SampleFile(folder / f"samples-{index}.bin")
        self._client = VqaClient(settings.url)
        self._environment: locust.env.Environment | None = None

    def environment(self) -> locust.env.Environment:
        user_class = OpenLoopUser if self.settings.is_open_loop else ClosedLoopUser
        user_class.generator = self
        self._environment = locust.env.Environment(user_classes=[user_class], host=self.settings.url)
        self._driver = Driver(
            self._client, self._photos, self._samples, timeout_s=self.settings.timeout_s, listener=self._tell_locust
        )
        return self._environment

    def watch_cpu(self) -> None:
        process = psutil.Process()
        process.cpu_percent()
        while True:
            gevent.sleep(_CPU_EVERY_S)
            self.cpu_shares.append(process.cpu_percent() / 100)

    def open_loop(self) -> None:
        """Send this worker's part of the schedule, each request when it is due."""
        settings = self.settings
        times = intended_times(settings.profile, settings.seed)
        requests = planned_requests(settings.scenario, settings.seed)
        start = time.perf_counter() + (self.start_at - time.time())
        pool = Pool(settings.max_in_flight)
        for number, (intended_s, request) in enumerate(zip(times.tolist(), requests, strict=False)):
            if number % settings.workers != self.index:
                continue
            wait_s = start + intended_s - time.perf_counter()
            gevent.sleep(max(0.0, wait_s))  # even 0 lets the answers in
            if pool.full():
                self._driver.leave_out(request, intended_s=intended_s)
            else:
                pool.spawn(self._driver.send, request, start=start, intended_s=intended_s)
        pool.join()

    def closed_loop(self, user: int) -> None:
        """Send one request after the other: the next is due when the last was answered."""
        settings = self.settings
        start = time.perf_counter() + (self.start_at - time.time())
        for request in planned_requests(settings.scenario, settings.seed + 1 + user):
            now_s = time.perf_counter() - start
            if now_s >= settings.profile.duration_s:
                return
            self._driver.send(request, start=start, intended_s=now_s)

    def finish(self) -> None:
        self._driver.close()
        self._file.write_text(json.dumps({"cpu_of_a_core": max(self.cpu_shares, default=0.0)}), "utf-8")

    def _tell_locust(self, kind: str, latency_s: float, failure: Exception | None) -> None:
        assert self._environment
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
    """One for each worker: it is the schedule."""

    @locust.task
    def all_requests(self) -> None:
        self.generator.open_loop()
        raise locust.exception.StopUser


class ClosedLoopUser(_LoadUser):
    """Each stands for one caller who waits for an answer before asking again."""

    _count = 0

    def on_start(self) -> None:
        self.number = ClosedLoopUser._count * self.generator.settings.workers + self.generator.index
        ClosedLoopUser._count += 1

    @locust.task
    def all_requests(self) -> None:
        self.generator.closed_loop(self.number)
        raise locust.exception.StopUser
