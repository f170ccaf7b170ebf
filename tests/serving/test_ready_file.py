"""The file that tells programs where a server listens: whole, versioned, and refused when it is another one."""

import json
from pathlib import Path

import pytest

from serving.errors import ServingError, UsageError
from serving.ready_file import (
    Addresses,
    addresses_of,
    read_ready_file,
    remove_ready_file,
    write_ready_file,
)
from serving.triton.command import ServerSettings

ADDRESSES = Addresses(7, "127.0.0.1:8001", None, "http://127.0.0.1:8002/metrics", "http://127.0.0.1:8002/health")


def test_what_was_written_is_read_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    write_ready_file(file, ADDRESSES)
    assert read_ready_file(file) == ADDRESSES
    assert list(tmp_path.iterdir()) == [file]
    assert json.loads(file.read_text("utf-8"))["format"] == 1


def test_what_is_not_served_has_no_address() -> None:
    served = addresses_of(ServerSettings(Path(), http_port=8000), "127.0.0.1:8001")
    assert (served.http_url, served.metrics_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8002/metrics")
    bare = addresses_of(ServerSettings(Path(), metrics_port=None), "127.0.0.1:8001")
    assert (bare.http_url, bare.metrics_url, bare.health_url) == (None, None, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", r"ready\.json has no format number, but format 1 is expected"),
        ('{"format": 2}', r"ready\.json is of format 2, but format 1 is expected"),
        ('{"format": 1}', "was not written by `python -m serving --ready-file`"),
        ("[]", "was not written by"),
        ("{", "was not written by"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "ready.json").write_text(content, "utf-8")
    with pytest.raises(ServingError, match=words):
        read_ready_file(tmp_path / "ready.json")


def test_no_file_is_no_ready_server(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="is the server ready"):
        read_ready_file(tmp_path / "ready.json")


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    file.touch()
    remove_ready_file(file)
    assert not file.exists()
    remove_ready_file(file)
    with pytest.raises(UsageError, match=r"--ready-file: cannot write .*: name another file"):
        remove_ready_file(tmp_path)
    with pytest.raises(UsageError, match=r"--ready-file: cannot write .*no such folder"):
        remove_ready_file(tmp_path / "none" / "ready.json")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="--ready-file: cannot write"):
        write_ready_file(tmp_path / "none" / "ready.json", ADDRESSES)
