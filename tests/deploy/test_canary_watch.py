"""The watch over a canary, with pages of metrics that a test writes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.canary.watch import STEPPED_BACK, STOOD, TOO_FEW, Canary, watch
from serving.errors import ServingError
from serving.triton.ports import free_port


def page(answered: int, hand_over: int, errors: int = 0) -> str:
    verdicts = {"answered": answered, "hand_over": hand_over}
    lines = [f'vitrine_verdicts_total{{status="{status}"}} {count}' for status, count in verdicts.items()]
    return "\n".join([*lines, f'vitrine_errors_total{{code="INTERNAL"}} {errors}', ""])


@contextmanager
def metrics(*pages: str) -> Iterator[str]:
    """The address of a server of metrics that shows one page after the other, and then the last."""
    left = list(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(200 if text else 503)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


def share_in(file: Path) -> int:
    return int(yaml.safe_load(file.read_text("utf-8"))["resources"][0]["layer"]["vitrine.canary_percent"])


@pytest.mark.parametrize(
    ("pages", "status", "share", "words"),
    [
        ([page(0, 0), page(700, 300)], STOOD, 5, "nothing differs beyond chance: 1,000 answers of the new release"),
        ([page(0, 0), page(70, 30)], TOO_FEW, 5, "too few answers to judge: 100 of the new release"),
        ([page(0, 0), page(300, 700)], STEPPED_BACK, 0, "answers: 30.0% of 1,000 of the new release"),
        ([page(0, 0), page(70, 30, 100)], STEPPED_BACK, 0, "errors: 50.0% of 200"),
        ([page(50, 0), page(0, 0)], STEPPED_BACK, 0, "a server of the new release was restarted"),
        ([page(0, 0), page(70, 30), "vitrine_up 0\n"], STEPPED_BACK, 0, "no counters of answers at"),
        ([page(0, 0), ""], STEPPED_BACK, 0, "no metrics at"),
        ([""], STEPPED_BACK, 0, "no metrics at"),
    ],
)
def test_what_becomes_of_the_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pages: list[str], status: int, share: int, words: str
) -> None:
    file = tmp_path / "canary.yaml"
    with metrics(page(0, 0), page(7000, 3000)) as old, metrics(*pages) as new:
        assert watch(Canary([old], [new], file, 5, seconds=0.3, every_s=0.05)) == status
    assert share_in(file) == share
    assert words in capsys.readouterr().out


def test_an_old_server_that_is_away_for_a_moment_ends_nothing(tmp_path: Path) -> None:
    with metrics(page(0, 0), "", page(700, 300)) as old, metrics(page(0, 0), page(700, 300)) as new:
        assert watch(Canary([old], [new], tmp_path / "canary.yaml", 5, seconds=0.5, every_s=0.05)) == STOOD


def test_without_the_old_release_nothing_is_begun(tmp_path: Path) -> None:
    with metrics(page(0, 0)) as new, pytest.raises(ServingError, match="no metrics at"):
        watch(Canary([f"http://127.0.0.1:{free_port()}/metrics"], [new], tmp_path / "canary.yaml", 5, 1))
    assert not (tmp_path / "canary.yaml").exists()


def test_an_interrupt_takes_the_share_back(tmp_path: Path) -> None:
    file = tmp_path / "canary.yaml"
    with metrics(page(0, 0)) as old, metrics(page(0, 0)) as new:
        command = [sys.executable, "-m", "serving.canary", "--old", old, "--new", new, "--file", str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline().startswith("5 % of the questions go to the new release")
            assert share_in(file) == 5
            os.kill(process.pid, signal.SIGTERM)
            assert "nobody watches any more" in process.stdout.read()
    assert process.returncode == 130
    assert share_in(file) == 0
