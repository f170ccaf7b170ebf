"""Two servers behind one address: one is killed, or both are exchanged for another release, and no call fails."""

import json
import shutil
from pathlib import Path

from builders.repository.manifest import renew_digests
from tests.helpers.exchange import exchanged
from tests.helpers.fault_server import serving
from tests.helpers.load import load


def release(repository: Path) -> str:
    return str(json.loads((repository / "manifest.json").read_text("utf-8"))["release"])


def test_one_of_two_servers_is_killed_and_no_call_fails(repository: Path, tmp_path: Path) -> None:
    with (
        serving(repository, tmp_path) as kept,
        serving(repository, tmp_path, "--log-file", str(tmp_path / "second.log")) as killed,
        load(f"ipv4:{kept.url},{killed.url}", rate=50, callers=16, timeout_s=10) as calls,
    ):
        calls.wait_for_answers(100)
        killed.process.kill()
        calls.wait_for_answers(200)
    assert not calls.failed
    assert not calls.wrong


def test_a_rolling_restart_to_another_release_fails_no_call(repository: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    shutil.copytree(repository, new, ignore=shutil.ignore_patterns("__pycache__"))
    with (new / "vqa" / "config.pbtxt").open("a", encoding="utf-8") as config:
        config.write("# another release\n")
    renew_digests(new)
    first, second = release(repository), release(new)
    assert first != second
    calls, outcomes, last_s = exchanged(repository, new, tmp_path)
    assert not [outcome for outcome in outcomes if outcome.error]
    assert not calls.wrong
    assert {outcome.release for outcome in outcomes} == {first, second}, "each answer says which release gave it"
    assert {outcome.release for outcome in outcomes if outcome.start_s > last_s} == {second}
