"""What a bulk run is to do, and the file that keeps a second start from doing something else."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.fs as pafs

from vitrine_client.bulk.sources import Shard, place_of
from vitrine_client.errors import InvalidRequestError

RUN_FILE = "_run.json"  # readers of Parquet folders pass over what begins so
_FORMAT = 1


@dataclass(frozen=True)
class Job:
    """Questions about the photos of a source."""

    source: str
    """A folder or a file: see `sources.py`. Local, or a URI such as s3://bucket/catalogue."""
    output: str
    """A folder for the answers, local or a URI."""
    asks: tuple[str, ...] = ()
    """Open questions."""
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Questions, each with its allowed answers."""
    reads: bool = False
    """Whether the photo's text is read."""
    embeds: bool = False
    """Whether its vector is wanted."""
    max_risk: float | None = None
    in_flight: int = 16
    """Photos under way at a time, at most; fewer while the server refuses."""
    timeout_s: float = 30.0
    """Deadline of one call."""
    patience_s: float = 300.0
    """Seconds without an answer to anything after which the run ends; it can be started again."""
    connection: dict[str, Any] = field(default_factory=dict, repr=False)
    """Arguments of `AsyncGrpcTransport`."""

    def settings(self) -> dict[str, Any]:
        """Return what a row depends on, as JSON takes it."""
        kept = ("source", "asks", "choices", "reads", "embeds", "max_risk")
        settings: dict[str, Any] = json.loads(json.dumps({name: getattr(self, name) for name in kept}))
        return settings


def part_name(shard: Shard) -> str:
    return f"part-{shard.number:06}.parquet"


def remaining(job: Job, shards: Sequence[Shard]) -> list[Shard]:
    """Begin a run, or go on with one: the shards that are still to be done.

    Raises:
        InvalidRequestError: the output is of another run, or the source has changed since.
    """
    system, folder = place_of(job.output)
    if isinstance(system, pafs.LocalFileSystem):  # an object store has no folders
        system.create_dir(folder, recursive=True)
    listed = hashlib.sha256(json.dumps([asdict(shard) for shard in shards]).encode()).hexdigest()
    settings = {"format": _FORMAT, **job.settings(), "shards": len(shards), "shards_sha256": listed}
    names = {info.base_name for info in system.get_file_info(pafs.FileSelector(folder, allow_not_found=True))}
    if RUN_FILE in names:
        with system.open_input_stream(f"{folder}/{RUN_FILE}") as file:
            known = json.loads(file.read())
        if other := [name for name in settings if known.get(name) != settings[name]]:
            which = "the source has changed since" if other[0].startswith("shards") else f"it differs in {other[0]!r}"
            raise InvalidRequestError(
                f"the output folder is of another run ({which}): name another folder, or start that run as it was"
            )
    elif any(name.startswith("part-") for name in names):
        raise InvalidRequestError(f"the output folder holds parts of something else, without {RUN_FILE}: name another")
    else:
        write_whole(system, f"{folder}/{RUN_FILE}", json.dumps(settings, ensure_ascii=False, indent=2).encode())
    return [shard for shard in shards if part_name(shard) not in names]


def write_whole(system: pafs.FileSystem, path: str, data: Any) -> None:
    """Write a file so that it is there whole or not at all; an object store shows none before that of itself."""
    folder, _, name = path.rpartition("/")
    is_local = isinstance(system, pafs.LocalFileSystem)
    aside = f"{folder}/.{name}.partial" if is_local else path
    with system.open_output_stream(aside) as file:
        file.write(data)
    if is_local:
        system.move(aside, path)
