"""Memory and CPU of some processes together."""

import os

import psutil
import pytest

from measuring.memory import process_tree, tree_memory_mib, usage_of


def test_memory_and_time_are_those_of_all_processes() -> None:
    mine = psutil.Process()
    one, two = usage_of([mine]), usage_of([mine, mine])
    assert one
    assert two
    assert two.memory_mib == pytest.approx(2 * one.memory_mib, rel=0.1)
    assert usage_of([]) is None


def test_a_tree_is_a_process_and_its_children() -> None:
    child = psutil.Popen(["sleep", "30"])
    try:
        assert child.pid in {process.pid for process in process_tree(os.getpid())}
        assert tree_memory_mib(os.getpid()) > 1
    finally:
        child.kill()
        child.wait()
    assert usage_of([child]) is None, "it has ended"
