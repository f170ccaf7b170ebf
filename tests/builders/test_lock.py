"""Checkpoints of the hub: recorded in the lock file the first time, held to it from then on. The hub is a local one."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from builders.checkpoint.digests import sha256_of_file
from builders.checkpoint.hub import fetch_checkpoint, record_fetched
from builders.checkpoint.load import load_checkpoint
from builders.checkpoint.lock_file import LOCK_FILE, Locked, read_lock, record
from builders.checkpoint.pins import AS_LOCKED, Pins
from builders.errors import BuildError, UsageError
from tests.helpers.hub import Hub, local_hub

NAME = "owner/name"
RECORD, FROZEN = Pins(is_frozen=False), AS_LOCKED
CONFIG = b'{"architectures": ["BlipForQuestionAnswering"]}'
FILES = {"config.json": CONFIG, "model.safetensors": b"weights", "vocab.txt": b"words"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and an empty current directory."""
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    with local_hub(tmp_path / "cache") as hub:
        yield hub


def recorded(hub_id: str, pins: Pins = RECORD) -> Locked:
    fetched = fetch_checkpoint(hub_id, pins)
    record_fetched(hub_id, fetched, pins)
    return fetched.locked


def edit_lock(change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(Path(LOCK_FILE).read_text("utf-8"))
    change(content["checkpoints"][NAME])
    Path(LOCK_FILE).write_text(json.dumps(content), "utf-8")


def test_the_newest_commit_is_recorded_with_its_files(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.add(NAME, {})
    commit = hub.add(NAME, FILES)
    found = recorded(NAME)
    assert found.revision == commit
    assert set(found.sha256) == set(FILES)
    assert read_lock(Path(LOCK_FILE)) == {NAME: found}
    assert f"recorded in {LOCK_FILE}: {NAME} at commit {commit}, 3 files" in capsys.readouterr().out


def test_from_then_on_it_is_that_commit(hub: Hub) -> None:
    hub.add(NAME, FILES)
    first = recorded(NAME)
    hub.add(NAME, {**FILES, "model.safetensors": b"others"})
    again = fetch_checkpoint(NAME, FROZEN)
    assert (again.locked, again.is_new) == (first, False)
    assert (again.folder / "model.safetensors").read_bytes() == b"weights"


def test_only_data_is_downloaded_and_nothing_else_is_loaded(hub: Hub, tmp_path: Path) -> None:
    others = {"pytorch_model.bin": b"pickle", "modeling.py": b"code", "README.md": b"", "fp16/model.safetensors": b""}
    hub.add(NAME, {**FILES, **others, "chat_template.jinja": b"template"})
    recorded(NAME)
    assert set(hub.downloaded) == {*FILES, "chat_template.jinja"}
    [snapshot] = (tmp_path / "cache").glob("models--*/snapshots/*")
    (snapshot / "modeling.py").write_text("as another program had it downloaded", "utf-8")
    folder = fetch_checkpoint(NAME, FROZEN).folder
    assert {file.name for file in folder.iterdir()} == {*FILES, "chat_template.jinja"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda entry: entry["sha256"].update({"config.json": "0" * 64}),
            r"config\.json has the SHA-256 \w{64}, not 0",
        ),
        (lambda entry: entry["sha256"].update({"merges.txt": "0" * 64}), r"merges\.txt is missing"),
        (lambda entry: entry["sha256"].pop("vocab.txt"), r"vocab\.txt is not in it"),
    ],
)
def test_other_files_are_refused(hub: Hub, change: Callable[[dict[str, Any]], object], words: str) -> None:
    hub.add(NAME, FILES)
    recorded(NAME)
    edit_lock(change)
    before = Path(LOCK_FILE).read_bytes()
    with pytest.raises(UsageError, match=rf"is not what {LOCK_FILE} says: {words}.*Delete the hub's cache of it, "):
        fetch_checkpoint(NAME, RECORD)
    assert Path(LOCK_FILE).read_bytes() == before


def test_a_file_that_was_changed_in_the_cache_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.add(NAME, FILES)
    recorded(NAME)
    [weights] = (tmp_path / "cache").glob("models--*/snapshots/*/model.safetensors")
    weights.resolve().write_bytes(b"poison!")
    with pytest.raises(UsageError, match=r"model\.safetensors has the SHA-256") as caught:
        fetch_checkpoint(NAME, FROZEN)
    shutil.rmtree(str(caught.value).partition("cache of it, ")[2].partition(",")[0])  # what the message says to do
    assert not fetch_checkpoint(NAME, FROZEN).is_new


def test_what_is_in_the_cache_needs_no_hub(hub: Hub) -> None:
    hub.add(NAME, FILES)
    first = recorded(NAME)
    hub.commits.clear()
    assert fetch_checkpoint(NAME, FROZEN).locked == first


def test_a_connection_that_breaks_is_a_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise huggingface_hub.errors.HTTPError("Server disconnected")  # type: ignore[attr-defined]

    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(BuildError, match=r"the hub did not give it \(Server disconnected\)"):
        fetch_checkpoint(NAME, RECORD)


def test_a_commit_that_is_named_takes_the_place_of_the_one_recorded(hub: Hub) -> None:
    hub.add(NAME, FILES)
    recorded(NAME)
    newer = hub.add(NAME, {**FILES, "vocab.txt": b"more words"})
    with pytest.raises(UsageError, match=rf"does not have {NAME} at commit {newer}, but at \w{{40}}: record it with"):
        fetch_checkpoint(NAME, Pins(newer))
    assert recorded(NAME, Pins(newer, is_frozen=False)).revision == newer
    assert fetch_checkpoint(NAME, FROZEN).locked.revision == newer


def test_frozen_records_nothing(hub: Hub) -> None:
    hub.add(NAME, FILES)
    with pytest.raises(UsageError, match=rf"{LOCK_FILE} does not have {NAME}: record it with .*, without --frozen"):
        fetch_checkpoint(NAME, FROZEN)
    assert hub.downloaded == []


def test_what_cannot_be_loaded_costs_no_weights(hub: Hub) -> None:
    hub.add(NAME, {**FILES, "config.json": b'{"architectures": ["Blip"], "auto_map": {"AutoModel": "code.Blip"}}'})
    with pytest.raises(UsageError, match=f"{NAME} wants code of its own"):
        fetch_checkpoint(NAME, RECORD)
    assert hub.downloaded == ["config.json"]


@pytest.mark.parametrize(
    ("name", "pins", "words"),
    [
        ("owner/other", RECORD, "no checkpoint 'owner/other': .*it has none of that name"),
        (NAME, Pins("0" * 40, is_frozen=False), f"the hub has no commit 0{{40}} of {NAME}"),
        (NAME, Pins(lock=Path("none/lock.json"), is_frozen=False), "--lock none/lock.json: none is no folder"),
    ],
)
def test_what_the_hub_or_the_folder_lacks_is_named(hub: Hub, name: str, pins: Pins, words: str) -> None:
    hub.add(NAME, FILES)
    with pytest.raises(BuildError, match=words):
        fetch_checkpoint(name, pins)


def test_a_folder_s_name_that_is_misspelt_is_not_looked_for_on_the_hub(hub: Hub) -> None:
    Path("checkpoints/mine").mkdir(parents=True)
    hub.add("checkpoints/mein", FILES)
    with pytest.raises(UsageError, match="there is no folder checkpoints/mein, but there is checkpoints"):
        fetch_checkpoint("checkpoints/mein", RECORD)


def test_a_checkpoint_is_recorded_once_it_is_loaded(hub: Hub, checkpoint: Path) -> None:
    files = {file.name: file.read_bytes() for file in checkpoint.iterdir()}
    commit = hub.add(NAME, files)
    with pytest.raises(UsageError, match="the weights' SHA-256 is"):
        load_checkpoint(NAME, pins=Pins(sha256=("0" * 64,), is_frozen=False))
    assert not Path(LOCK_FILE).exists()
    digest = sha256_of_file(checkpoint / "model.safetensors")
    loaded = load_checkpoint(NAME, pins=Pins(sha256=(digest,), is_frozen=False))
    assert (loaded.name, loaded.revision) == (NAME, commit)
    assert read_lock(Path(LOCK_FILE)) == {NAME: Locked(commit, loaded.sha256)}
    assert load_checkpoint(NAME).sha256 == loaded.sha256


def test_a_commit_and_digests_that_are_named_need_no_lock_file(hub: Hub, checkpoint: Path) -> None:
    commit = hub.add(NAME, {file.name: file.read_bytes() for file in checkpoint.iterdir()})
    digest = sha256_of_file(checkpoint / "model.safetensors")
    assert load_checkpoint(NAME, pins=Pins(commit, (digest,), lock=None)).revision == commit
    assert not Path(LOCK_FILE).exists()


def test_a_folder_is_not_recorded(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_checkpoint(str(checkpoint), pins=RECORD).revision is None
    assert list(tmp_path.iterdir()) == []


def test_entries_of_others_are_kept_and_sorted(tmp_path: Path) -> None:
    file = tmp_path / "locked.json"
    one, other = Locked("1" * 40, {"z": "1" * 64, "a": "2" * 64}), Locked("2" * 40, {"a": "3" * 64})
    record(file, "z/z", one)
    record(file, "a/a", other)
    record(file, "z/z", other)
    assert read_lock(file) == {"z/z": other, "a/a": other}
    assert file.read_text("utf-8") == json.dumps(json.loads(file.read_text("utf-8")), indent=2, sort_keys=True) + "\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no lock file"),
        ("<<<<<<< HEAD", "is no lock file .*restore it from version control, or delete it"),
        ("[]", "a JSON object is expected"),
        ("{}", "has no format number, but format 1 is expected: restore it"),
        ('{"format": 2, "checkpoints": {}}', "is of format 2, but format 1 is expected"),
        ('{"format": 1}', "KeyError: 'checkpoints'"),
        ('{"format": 1, "checkpoints": {"a/b": {"sha256": {}}}}', "KeyError: 'revision'"),
        ('{"format": 1, "checkpoints": {"a/b": {"revision": "main", "sha256": {}}}}', "is not 40 hexadecimal digits"),
        (f'{{"format": 1, "checkpoints": {{"a/b": {{"revision": "{"0" * 40}", "sha256": {{}}}}}}}}', "has no sha256"),
        (
            f'{{"format": 1, "checkpoints": {{"a/b": {{"revision": "{"0" * 40}", "sha256": {{"c": "d"}}}}}}}}',
            "the sha256 of a/b's c is not 64 hexadecimal digits",
        ),
    ],
)
def test_a_broken_lock_file_is_named_and_kept(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "locked.json"
    file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=words):
        record(file, "z/z", Locked("1" * 40, {"a": "2" * 64}))
    assert file.read_text("utf-8") == content
