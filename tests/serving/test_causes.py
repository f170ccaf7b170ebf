"""Why a real server is restarted: a crash of Triton is never told as a dead step, a dead step never as a crash."""

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from vitrine_client import VqaClient

from serving.server_process import Served, running_server
from serving.triton.processes import end_of, runs
from tests.helpers.load import load, photos

ROUNDS = 3
"""Fewer than the restarts that make a crash loop."""
PATIENT = ("--ready-timeout", "300")
"""A start that fails on a busy machine would be a restart of another cause."""


def counted(server: Served) -> dict[str, int]:
    """Restarts by cause, without those that there were none of."""
    with urllib.request.urlopen(server.metrics_url, timeout=20) as page:  # noqa: S310  our own server
        lines = page.read().decode()
    found = re.findall(r'^vitrine_restarts_total\{cause="(\w+)"\} (\d+)$', lines, re.MULTILINE)
    return {cause: int(count) for cause, count in found if int(count)}


def wait_for(is_so: Callable[[], bool], server: Served, limit_s: float = 300.0) -> None:
    end_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end_s, server.lines
        assert server.process.poll() is None, server.lines
        time.sleep(0.02)


def kill_triton(server: Served, number: signal.Signals) -> None:
    triton = server.triton()
    assert triton
    triton.send_signal(number)


def kill_a_step(server: Served, number: signal.Signals) -> None:
    server.steps()["image_encoder_0_0"].send_signal(number)


def kill_both(server: Served, number: signal.Signals) -> None:
    """As when the machine runs out of memory: all at one moment, and the steps are gone before Triton is."""
    triton = server.triton()
    assert triton
    steps = list(server.steps().values())
    triton.send_signal(number)
    for step in steps:
        step.kill()


@pytest.mark.parametrize(
    ("kill", "number", "cause", "words"),
    [
        (kill_triton, signal.SIGKILL, "triton_crash", r"Triton ended with status -9 \(SIGKILL\)"),
        (kill_triton, signal.SIGSEGV, "triton_crash", r"Triton ended with status -11 \(SIGSEGV\)"),
        (kill_both, signal.SIGKILL, "triton_crash", r"Triton ended with status -9 \(SIGKILL\)"),
        (kill_a_step, signal.SIGKILL, "step_died", "the step image_encoder_0_0 has ended or was stopped"),
        (kill_a_step, signal.SIGSEGV, "step_died", "the step image_encoder_0_0 has ended or was stopped"),
    ],
    ids=["Triton, SIGKILL", "Triton, SIGSEGV", "Triton and steps at once", "a step, SIGKILL", "a step, SIGSEGV"],
)
def test_each_end_is_counted_by_its_cause(
    repository: Path,
    tmp_path: Path,
    kill: Callable[[Served, signal.Signals], None],
    number: signal.Signals,
    cause: str,
    words: str,
) -> None:
    with running_server(repository, tmp_path / "triton.log", *PATIENT) as server, load(server.url):
        for done in range(ROUNDS):
            kill(server, number)
            wait_for(lambda: sum(counted(server).values()) > done, server)  # noqa: B023  called in this round only
            assert counted(server) == {cause: done + 1}, server.lines
            wait_for(lambda: server.restarts() > done, server)  # noqa: B023  as above
    said = [line for line in server.lines if line.startswith("restarting")]
    assert len(said) == ROUNDS
    assert all(re.search(rf"restarting( in \d s)?: {words}$", line) for line in said), said


def test_an_end_is_seen_before_the_last_thread_has_ended() -> None:
    """Its children go by the first thread; one that writes a core of some GiB is gone seconds later."""
    script = (
        "import ctypes, os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(1), os._exit(3))).start()\n"
        "print(os.getpid(), flush=True)\n"
        "ctypes.CDLL(None).syscall(60, 0)\n"  # exit(2), of the first thread alone
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        end_s = time.monotonic() + 20
        while runs(process):
            assert time.monotonic() < end_s
        assert process.poll() is None, "it cannot be waited for yet"
        assert end_of(process) == "Triton ended with status 3"


CRASH_LOOP = (
    "import sys, serving.supervision.supervisor\n"
    "from functools import partial\n"
    "from serving.supervision.restart_policy import RestartPolicy\n"
    "serving.supervision.supervisor.RestartPolicy = partial("
    "RestartPolicy, most=2, first_delay_s=0.1, within_s={within_s}, slow_delay_s={slow_s})\n"
    "from serving.__main__ import main\n"
    "sys.exit(main())\n"
)


def run_until_it_loops(server: Served) -> None:
    for done in range(2):
        kill_triton(server, signal.SIGKILL)
        wait_for(lambda: server.restarts() > done, server)  # noqa: B023  called in this round only
    kill_triton(server, signal.SIGKILL)
    wait_for(lambda: bool(server.health()["crash_loop"]), server)


def metrics(server: Served) -> set[str]:
    with urllib.request.urlopen(server.metrics_url, timeout=20) as page:  # noqa: S310  our own server
        return set(page.read().decode().splitlines())


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_crash_loop_at_once(repository: Path, tmp_path: Path, stop: signal.Signals) -> None:
    code = CRASH_LOOP.format(within_s=600, slow_s=300)
    with running_server(repository, tmp_path / "triton.log", *PATIENT, program=["-c", code]) as server:
        run_until_it_loops(server)
        assert {"vitrine_crash_loop 1", "vitrine_up 0", "vitrine_restart_delay_seconds 300"} <= metrics(server)
        signal_s = time.monotonic()
        server.process.send_signal(stop)
        server.process.wait(200)
        assert time.monotonic() - signal_s < 200, "not after the wait of five minutes"
        assert not [child for child in psutil.process_iter(["ppid"]) if child.info["ppid"] == server.process.pid]


def test_a_crash_loop_heals_by_itself(repository: Path, tmp_path: Path) -> None:
    code = CRASH_LOOP.format(within_s=15, slow_s=0.5)
    with running_server(repository, tmp_path / "triton.log", *PATIENT, program=["-c", code]) as server:
        run_until_it_loops(server)
        wait_for(lambda: server.restarts() == 3, server)
        with VqaClient(server.url, timeout_s=20) as client:
            assert client.ask(photos()[0], "这是什么？").text
        assert {"vitrine_crash_loop 1", "vitrine_up 1"} <= metrics(server)
        wait_for(lambda: not server.health()["crash_loop"], server)
        assert {"vitrine_crash_loop 0", "vitrine_up 1"} <= metrics(server)
    assert sum(line.startswith("crash loop") for line in server.lines) == 1
