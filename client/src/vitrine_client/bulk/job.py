"""What a bulk run is to do, and the file that keeps a second start from doing something else."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from vitrine_client.bulk.sources import Shard, place_of
from vitrine_client.errors import InvalidRequestError

SHARD_KEY = "vitrine_shard"
"""Name under which a part's metadata holds the digest of its shard."""
FAILED_KEY = "vitrine_failed"
"""Name under which it holds how many of the part's photos have an error."""
RUN_FILE = "_run.json"  # readers of Parquet folders pass over what begins so
_FORMAT = 1
_OBJECT_STORES = ("s3", "gcs", "abfs")


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
    """Switch for the text and codes of each photo."""
    embeds: bool = False
    """Switch for the vector of each photo."""
    max_risk: float | None = None
    in_flight: int = 16
    """Photos under way at a time, at most; fewer while the server refuses."""
    timeout_s: float = 10.0
    """Deadline of one call."""
    patience_s: float = 300.0
    """Seconds without an answer to anything after which the run ends; it can be started again."""
    connection: dict[str, Any] = field(default_factory=dict, repr=False)
    """Arguments of `AsyncGrpcTransport`."""

    def settings(self) -> dict[str, Any]:
        """Return what a row depends on, as JSON takes it."""
        kept = ("asks", "choices", "reads", "embeds", "max_risk")
        settings: dict[str, Any] = json.loads(json.dumps({name: getattr(self, name) for name in kept}))
        return {"source": place_of(self.source)[1], **settings}  # a URI may hold secrets


def part_name(shard: Shard) -> str:
    return f"part-{shard.file:06}-{shard.piece:04}.parquet"


def shard_digest(shard: Shard) -> str:
    """SHA-256 of a shard's names and sizes, in hexadecimal."""
    return hashlib.sha256(json.dumps(asdict(shard), sort_keys=True).encode("utf-8", "replace")).hexdigest()


def remaining(job: Job, shards: Sequence[Shard]) -> tuple[list[Shard], int]:
    """Begin a run, or go on with one.

    Returns:
        The shards that are still to be done, and how many photos of those that are done have an error.

    Raises:
        InvalidRequestError: the output is of another run, or of another state of the source.
    """
    system, folder = place_of(job.output)
    _require_apart(job)
    if system.type_name not in _OBJECT_STORES:  # which have no folders
        system.create_dir(folder, recursive=True)
    settings = {"format": _FORMAT, **job.settings()}
    names = {info.base_name for info in system.get_file_info(pafs.FileSelector(folder, allow_not_found=True))}
    parts = sorted(name for name in names if name.startswith("part-"))
    if RUN_FILE in names:
        with system.open_input_stream(f"{folder}/{RUN_FILE}") as file:
            known = json.loads(file.read())
        if other := [name for name in settings if known.get(name) != settings[name]]:
            raise InvalidRequestError(
                f"the output folder is of another run (it differs in {other[0]!r}): name another folder, or start that "
                "run as it was"
            )
    elif parts:
        raise InvalidRequestError(f"the output folder holds parts of something else, without {RUN_FILE}: name another")
    else:
        write_whole(system, f"{folder}/{RUN_FILE}", json.dumps(settings, ensure_ascii=False, indent=2).encode())
    failed = 0
    by_name = {part_name(shard): shard for shard in shards}
    for name in parts:
        with system.open_input_file(f"{folder}/{name}") as file:
            metadata = pq.read_schema(file).metadata or {}
        if name not in by_name or metadata.get(SHARD_KEY.encode()) != shard_digest(by_name[name]).encode():
            raise InvalidRequestError(
                f"the source has changed since {name} was written: name another folder, so that answers do not mix"
            )
        failed += int(metadata.get(FAILED_KEY.encode(), 0))
    return [shard for name, shard in by_name.items() if name not in names], failed


def _require_apart(job: Job) -> None:
    (read, source), (written, output) = place_of(job.source), place_of(job.output)
    if read.type_name == written.type_name and f"{output}/".startswith(f"{source}/"):
        raise InvalidRequestError(
            "the output lies in the source, whose photos it would be taken for: name another folder"
        )


def write_whole(system: pafs.FileSystem, path: str, data: Any) -> None:
    """Write a file so that it is there whole or not at all; an object store shows none before that of itself."""
    folder, _, name = path.rpartition("/")
    is_whole_at_once = system.type_name in _OBJECT_STORES
    aside = path if is_whole_at_once else f"{folder}/.{name}.partial"
    with system.open_output_stream(aside) as file:
        file.write(data)
    if not is_whole_at_once:
        system.move(aside, path)
