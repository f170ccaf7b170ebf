"""A server that was started with nice leaves the processor to others, in all of its sessions."""

import subprocess
import sys
from pathlib import Path

import pytest

GROUP = "/proc/self/autogroup"
SWITCH = Path("/proc/sys/kernel/sched_autogroup_enabled")


@pytest.mark.parametrize("niceness", [0, 7])
def test_a_session_is_as_nice_as_who_started_it(niceness: int) -> None:
    if not SWITCH.exists() or SWITCH.read_text("utf-8").strip() != "1":
        pytest.skip("this Linux weighs no sessions: niceness holds everywhere")
    show = [sys.executable, "-c", f"import os; print(os.nice(0)); print(open('{GROUP}').read())"]
    own, expected = (["nice", "-n", str(niceness), *command] for command in (show, with_parent_of(show)))
    before = subprocess.run(own, capture_output=True, text=True, check=True, start_new_session=True).stdout.split()
    found = subprocess.run(expected, capture_output=True, text=True, check=True, start_new_session=True).stdout.split()
    assert (before[0], before[-1]) == (str(niceness), "0"), "niceness by itself does not weigh a session"
    assert (found[0], found[-1]) == (str(niceness), str(niceness))


def with_parent_of(command: list[str]) -> list[str]:
    """Start it from a process in between, as `with_parent` wants its own parent."""
    code = (
        "import subprocess; from serving.supervision.with_parent import with_parent\n"
        f"subprocess.run(with_parent({command!r}), start_new_session=True, check=True)"
    )
    return [sys.executable, "-c", code]
