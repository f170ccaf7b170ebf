"""Workers of one run: they are started, told when to begin, and watched until they end."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from tqdm import tqdm

from loadtest.settings import RunSettings, write_settings
from loadtest.users import START_MESSAGE, Generator, worker_file

_WORKERS_READY_S = 60.0
_DRAWING_S = 0.2  # a photo, where the machine is busy; each worker draws its own
_HEAD_START_S = 1.0
_AFTER_THE_END_S = 10.0


class WorkersError(RuntimeError):
    """The generator's own processes failed."""


@dataclass(frozen=True)
class Ran:
    """Outcome of a run."""

    seconds: float
    """Seconds of the schedule that were run."""
    faults: tuple[str, ...]
    """Faults of the generator itself, in words: the figures are not whole."""


def generate(settings: RunSettings, folder: Path, *, on_start: Callable[[float], None]) -> Ran:
    """Send everything, and return when it is answered or Ctrl-C came.

    Args:
        folder: exists; samples and settings are written to it.
        on_start: told when the run begins, as `time.time()`.

    Raises:
        WorkersError: a worker did not come up.
    """
    write_settings(folder, settings)
    seconds = (_alone if settings.workers == 1 else _with_workers)(settings, folder, on_start)
    return Ran(seconds, tuple(filter(None, (_fault_of(folder, index) for index in range(settings.workers)))))


def _fault_of(folder: Path, index: int) -> str | None:
    file = worker_file(folder, index)
    if not file.exists():
        return f"worker {index} ended before the run did, and its last samples are lost"
    failure = json.loads(file.read_text("utf-8"))["failure"]
    return f"worker {index} stopped sending: {failure}" if failure else None


def _alone(settings: RunSettings, folder: Path, on_start: Callable[[float], None]) -> float:
    generator = Generator(settings, folder, 0)
    environment = generator.environment()
    runner = environment.create_local_runner()
    page = _page(environment, settings.web_port) if settings.web_port else None
    watching = gevent.spawn(generator.watch_cpu)
    generator.start_at = time.time()
    on_start(generator.start_at)
    runner.start(settings.users or 1, spawn_rate=settings.users or 1)
    try:
        return _wait(settings, runner, generator.start_at)
    finally:
        watching.kill()
        runner.quit()
        generator.finish()
        if page:
            page.stop()


def _with_workers(settings: RunSettings, folder: Path, on_start: Callable[[float], None]) -> float:
    import locust.env

    environment = locust.env.Environment(user_classes=_user_classes(settings), host=settings.url)
    runner = environment.create_master_runner("127.0.0.1", 0)
    page = _page(environment, settings.web_port) if settings.web_port else None
    processes = [_start_worker(folder, index, runner.server.port) for index in range(settings.workers)]
    try:
        deadline = time.time() + _WORKERS_READY_S + _DRAWING_S * settings.photo_count
        while len(runner.clients.ready) < settings.workers:
            if time.time() > deadline or any(process.poll() is not None for process in processes):
                raise WorkersError("a worker process did not come up; what it said stands above")
            gevent.sleep(0.1)
        start_at = time.time() + _HEAD_START_S
        runner.send_message(START_MESSAGE, {"at": start_at})
        on_start(start_at)
        users = settings.users or settings.workers
        runner.start(users, spawn_rate=users)
        return _wait(settings, runner, start_at)
    finally:
        runner.quit()
        for process in processes:
            try:
                process.wait(_AFTER_THE_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if page:
            page.stop()


def _start_worker(folder: Path, index: int, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "loadtest", "worker", str(folder), "--index", str(index), "--port", str(port)]
    return subprocess.Popen(command)


def work(folder: Path, index: int, port: int) -> None:
    """Work as a worker process: wait for the master's start, send its part, and end with the master."""
    from loadtest.settings import read_settings

    generator = Generator(read_settings(folder), folder, index)
    runner = generator.environment().create_worker_runner("127.0.0.1", port)

    def begin(msg: Any, **_: Any) -> None:
        generator.start_at = msg.data["at"]

    runner.register_message(START_MESSAGE, begin)
    watching = gevent.spawn(generator.watch_cpu)
    try:
        runner.greenlet.join()
    finally:
        watching.kill()
        generator.finish()


def _page(environment: Any, port: int) -> Any:
    del sys.argv[1:]  # Locust looks for options of its own there, and ends at any other
    return environment.create_web_ui("127.0.0.1", port)


def _user_classes(settings: RunSettings) -> list[type]:
    from loadtest.users import ClosedLoopUser, OpenLoopUser

    return [OpenLoopUser if settings.is_open_loop else ClosedLoopUser]


def _wait(settings: RunSettings, runner: Any, start_at: float) -> float:
    """Wait until all users are done, with a progress bar; return the seconds of the schedule that were run."""
    duration = settings.profile.duration_s
    last = start_at + duration + settings.timeout_s + _AFTER_THE_END_S
    ran_s, began = 0.0, False
    with tqdm(total=round(duration), desc="load", unit="s", leave=False, disable=None) as progress:
        try:
            while time.time() < last:
                gevent.sleep(0.1)
                ran_s = min(duration, max(0.0, time.time() - start_at))
                progress.update(round(ran_s) - progress.n)
                began = began or runner.user_count > 0
                if began and runner.user_count == 0:
                    return duration
        except KeyboardInterrupt:
            return ran_s
    return duration
