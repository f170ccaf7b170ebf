"""The fixture that tests of the load test's command share."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.helpers.loadtest_command import ROOT, Started


@pytest.fixture
def fake_server() -> Iterator[Started]:
    """Starts a server that answers at once; gives its address and process."""
    processes = []

    def start(*arguments: str) -> tuple[str, subprocess.Popen]:
        command = [sys.executable, "-m", "loadtest.fake_server", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout
        return process.stdout.readline().strip(), process

    yield start
    for process in processes:
        process.kill()
        process.wait()
