"""A share of the calls goes to the next release, by a file that is exchanged while calls come."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from vitrine_client import TlsFiles

from serving.canary.share import write_share
from tests.helpers.fault_server import changed, serving
from tests.helpers.gateway import PHOTO, SOURCE, Gateway, address, envoy_before, wait_until
from tests.helpers.gateway_fake import Fake, failure, serving_fake, stub_at
from tests.helpers.started import started


@contextmanager
def old_and_new(folder: Path, percent: int | None, file: Path | None = None) -> Iterator[tuple[Fake, Fake, Any]]:
    """An old server and its canary behind a gateway, and a stub to call them by.

    Args:
        percent: None: the file is there already.
    """
    file = file or folder / "canary.yaml"
    if percent is not None:
        write_share(file, percent)
    with serving_fake("127.0.0.1") as (old, port), serving_fake("127.0.0.1") as (new, new_port):
        settings: dict[str, Any] = {"canary": (("127.0.0.1", new_port),), "canary_file": file}
        with envoy_before([f"127.0.0.1:{port}"], folder, **settings) as url, stub_at(url, folder) as stub:
            yield old, new, stub


def ask(stub: Any, calls: int, photo: str = "") -> None:
    """Call one after the other; each has to get to a server."""
    for _ in range(calls):
        call = failure(stub, "", photo=photo)
        assert call.code() == grpc.StatusCode.INTERNAL, call.details()


def test_the_file_that_comes_with_it_sends_nothing_to_a_canary(tmp_path: Path) -> None:
    write_share(tmp_path / "canary.yaml", 0)
    written = (tmp_path / "canary.yaml").read_text("utf-8")
    assert (SOURCE / "canary.yaml").read_text("utf-8").endswith(f"at once.\n{written}")


def test_a_share_goes_to_the_canary_and_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    with old_and_new(tmp_path, 5) as (old, new, stub):
        ask(stub, 400)
        assert 1 <= len(new.asked) <= 60, "of 400 calls, 20 are expected; so far off once in 10^8"
        for percent, one_that_gets_all, other in ((100, new, old), (0, old, new)):
            write_share(tmp_path / "canary.yaml", percent)

            def is_alone(other: Fake = other) -> bool:
                other.asked.clear()
                ask(stub, 20)
                return not other.asked

            wait_until(is_alone)
            one_that_gets_all.asked.clear()
            ask(stub, 50)
            assert (len(one_that_gets_all.asked), len(other.asked)) == (50, 0)


def test_a_file_that_kubernetes_exchanges_counts_too(tmp_path: Path) -> None:
    """There the file is a link into a link to a folder, and the latter is exchanged."""
    for name, percent in (("one", 0), ("two", 100)):
        (tmp_path / "map" / name).mkdir(parents=True)
        write_share(tmp_path / "map" / name / "canary.yaml", percent)
    data, new_data = tmp_path / "map" / "..data", tmp_path / "map" / "..data_tmp"
    data.symlink_to("one")
    (tmp_path / "map" / "canary.yaml").symlink_to("..data/canary.yaml")
    with old_and_new(tmp_path, None, tmp_path / "map" / "canary.yaml") as (old, new, stub):
        ask(stub, 20)
        assert (len(old.asked), len(new.asked)) == (20, 0)
        new_data.symlink_to("two")
        new_data.replace(data)

        def has_all() -> bool:
            old.asked.clear()
            ask(stub, 20)
            return not old.asked

        wait_until(has_all)


@pytest.mark.parametrize("photo", ["", "a" * 64])
def test_what_a_canary_refuses_is_asked_of_the_old_servers(tmp_path: Path, photo: str) -> None:
    with old_and_new(tmp_path, 100) as (old, new, stub):
        new.is_busy = True
        ask(stub, 30, photo=photo)
        assert len(new.asked) == len(old.asked) == 30


def test_a_canary_that_is_gone_fails_no_call(tmp_path: Path) -> None:
    with old_and_new(tmp_path, 100) as (old, new, stub):
        ask(stub, 10)
        assert (len(new.asked), len(old.asked)) == (10, 0)
        new.server.stop(None).wait()
        ask(stub, 40)
        assert len(old.asked) == 40


def test_old_servers_that_are_gone_fail_no_call_of_a_canary(tmp_path: Path) -> None:
    with old_and_new(tmp_path, 100) as (old, new, stub):
        old.server.stop(None).wait()
        ask(stub, 10)
        assert len(new.asked) == 10


def test_a_release_that_hands_everything_over_steps_back(repository: Path, tmp_path: Path) -> None:
    """With real servers: the program changes the share while questions come, and none of them fails."""
    code = ("answer_postprocess/1/vitrine_steps/verdict.py", "if confidence < threshold:", "if True:")
    worse = changed(repository, tmp_path / "worse", *code)
    file = tmp_path / "canary.yaml"
    write_share(file, 0)
    logs = [("--log-file", str(tmp_path / name)) for name in ("old.log", "new.log")]
    with (
        serving(repository, tmp_path, *logs[0]) as old,
        serving(worse, tmp_path, *logs[1]) as new,
        envoy_before(
            [old.url], tmp_path, canary=(address(new.url),), canary_file=file, under_way=100, under_way_of_shop=100
        ) as url,
    ):
        command = [sys.executable, "-m", "serving.canary", "--old", old.metrics_url, "--new", new.metrics_url]
        command += ["--file", str(file), "--percent", "40"]
        gateway = Gateway(url, TlsFiles(str(tmp_path / "tls" / "ca.crt")), tmp_path / "access.log")
        with gateway.client(timeout_s=30) as client, started(command, stdout=subprocess.PIPE) as canary:
            verdicts: list[str] = []
            while canary.poll() is None:
                verdicts.append(client.ask(PHOTO, "What is this?").status)
            assert canary.stdout
            assert "answers: " in (said := canary.stdout.read()), said
            assert canary.returncode == 1
            assert set(verdicts) == {"answered", "hand_over"}
            wait_until(lambda: all(client.ask(PHOTO, "What is this?").status == "answered" for _ in range(20)))
