"""A checkpoint of the hub: downloaded, and held to the lock file, or recorded there when it first comes."""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.checkpoint.contents import require_architecture
from builders.checkpoint.digests import sha256_of_folder
from builders.checkpoint.lock_file import Locked, differences, read_lock, record, require_recordable
from builders.checkpoint.pins import SUMS, Pins, require_hub_name
from builders.errors import BuildError, UsageError

_SMALL = ("*.json",)
"""What a checkpoint says of itself, its tokenizer and its processor."""
_DATA = (*_SMALL, "*.jinja", "*.safetensors", "*.txt", SUMS)
"""What is downloaded: none of it can run code."""
_BELOW = "*/*"


@dataclass(frozen=True)
class Fetched:
    """The files of a checkpoint of the hub; nothing else lies in their folder."""

    folder: Path
    """Removed when the process ends."""
    locked: Locked
    """What came: its commit and the digests of its files."""
    is_new: bool
    """Whether the lock file has another commit of it, or none."""


def fetch_checkpoint(hub_id: str, pins: Pins) -> Fetched:
    """Download what the lock file names; where it names nothing, the newest commit, or the one that the pins name.

    Raises:
        BuildError: the hub does not give it.
        UsageError: no such name, not what the lock file says, not in it though that is asked for, or a checkpoint
            that no family here loads.
    """
    require_hub_name(hub_id, pins)
    expected = _expected(hub_id, pins)
    if expected is None:  # what is refused for its settings costs no download of weights
        small = _download(hub_id, pins.revision, _SMALL)
        require_architecture(small, hub_id)
        revision = small.name  # the cache names a folder after its commit
    else:
        revision = expected.revision
    snapshot = _download(hub_id, revision, _DATA)
    folder = _folder_of_links(snapshot)
    found = Locked(revision, sha256_of_folder(folder))
    if expected and (said := differences(expected.sha256, found.sha256)):
        raise UsageError(
            f"{hub_id} at commit {revision} is not what {pins.lock} says: {said}. Delete the hub's cache of it, "
            f"{snapshot.parents[1]}, and try again. If that changes nothing, the hub gives other files than it did: to "
            f"accept those after all, delete its entry in {pins.lock}"
        )
    return Fetched(folder, found, is_new=expected is None)


def record_fetched(hub_id: str, fetched: Fetched, pins: Pins) -> None:
    """Write what came into the lock file, if it is new there, and say so."""
    if fetched.is_new and pins.lock:
        record(pins.lock, hub_id, fetched.locked)
        print(
            f"      recorded in {pins.lock}: {hub_id} at commit {fetched.locked.revision}, "
            f"{len(fetched.locked.sha256)} files. Keep that file with your configuration"
        )


def _expected(hub_id: str, pins: Pins) -> Locked | None:
    """What the lock file holds a checkpoint to; None: it may come as it is."""
    if pins.lock is None:
        return None
    locked = read_lock(pins.lock).get(hub_id)
    if locked and pins.revision in (None, locked.revision):
        return locked
    owner = hub_id.partition("/")[0]
    if not (locked or pins.revision) and Path(owner).is_dir():
        raise UsageError(
            f"there is no folder {hub_id}, but there is {owner}: name a folder in it, or, if the hub's checkpoint of "
            "that name is meant, its commit with --revision"
        )
    if pins.is_frozen:
        asked = f" --revision {pins.revision}" if pins.revision else ""
        raise UsageError(
            f"{pins.lock} does not have {hub_id}{f' at commit {pins.revision}' if asked else ''}"
            f"{f', but at {locked.revision}' if locked else ''}: record it with python -m builders --checkpoint "
            f"{hub_id}{asked}, without --frozen, and commit that file"
        )
    require_recordable(pins.lock)
    return None


def _folder_of_links(snapshot: Path) -> Path:
    """Make a folder of what was downloaded, and of nothing that another program has put beside it in the cache."""
    folder = Path(tempfile.mkdtemp(prefix="vitrine-checkpoint-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for pattern in _DATA:
        for file in snapshot.glob(pattern):
            (folder / file.name).symlink_to(file.resolve())
    return folder


def _download(hub_id: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """Download files that the cache does not have.

    Returns:
        The cache's folder of the commit.
    """
    from huggingface_hub import errors, snapshot_download

    broken: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # of the library that sends its requests
    allowed = list(patterns)
    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=allowed, ignore_patterns=_BELOW))
    except errors.RevisionNotFoundError as error:
        raise BuildError(f"the hub has no commit {revision} of {hub_id}: see its page of commits for one") from error
    except (broken, errors.HFValidationError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, errors.RepositoryNotFoundError):
            reason = "it has none of that name, or shows it only to who is logged in: set HF_TOKEN"
        raise (UsageError if isinstance(error, errors.HFValidationError) else BuildError)(
            f"no checkpoint {hub_id!r}: there is no such folder, and the hub did not give it "
            f"({reason}). Name a folder in the transformers format, or a hub id such as Salesforce/blip-vqa-base"
        ) from error
