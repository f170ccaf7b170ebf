"""Vectors in a folder of this machine, by Qdrant Edge: an index with filters and a write-ahead log, no server."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import qdrant_edge as edge

from shop.vectors.points import entries_from, hits_from
from shop.vectors.port import (
    KEYWORDS,
    Entry,
    Filter,
    Hit,
    Vector,
    VectorsError,
    checked_entries,
    checked_values,
    missing_release,
    require_limit,
)

Result = TypeVar("Result")
_ABOUT = "collection.json"
_SERVING = ".serving"  # no release has a name with a dot before it
_PAGE = 1000


class EdgeVectors:
    """Collection of one release in a folder. See `Vectors`; one process at a time has it open."""

    def __init__(self, folder: Path, release: str, width: int) -> None:
        """Open the collection of a release, and make it where there is none.

        Raises:
            VectorsError: another process has it open, it is of another width, or the folder cannot be written.
        """
        self.release, self.width = release, width
        place = folder / release
        self._lock = _do(lambda: _locked(place, release))
        try:
            self._shard = _do(lambda: _open(place, release, width))
        except BaseException:
            os.close(self._lock)
            raise

    def upsert(self, entries: Sequence[Entry]) -> None:
        points = [
            edge.Point(id, values, entry.payload())
            for id, (entry, values) in checked_entries(entries, self.release, self.width).items()
        ]
        _do(lambda: self._shard.update(edge.UpdateOperation.upsert_points(points)))

    def search(self, vector: Vector, filter: Filter, limit: int) -> list[Hit]:
        require_limit(limit)
        query = edge.Query.Nearest(checked_values(vector, self.release, self.width).tolist())
        request = edge.SearchRequest(query, limit, filter=_edge_filter(filter), with_payload=True)
        return hits_from(_do(lambda: self._shard.search(request)))

    def delete(self, shop: str, sku: str, photos: Sequence[str] | None = None) -> None:
        which = edge.Filter(
            must=[_has("shop", shop), _has("sku", sku), *([] if photos is None else [_has("photo", *photos)])]
        )
        _do(lambda: self._shard.update(edge.UpdateOperation.delete_points_by_filter(which)))

    def entries(self, shop: str, sku: str | None = None) -> Iterator[Entry]:
        which = edge.Filter(must=[_has("shop", shop), *([] if sku is None else [_has("sku", sku)])])

        def page(offset: Any) -> Any:
            request = edge.ScrollRequest(offset, _PAGE, filter=which, with_payload=True, with_vector=True)
            return _do(lambda: self._shard.scroll(request))

        return entries_from(self.release, page)

    def count(self) -> int:
        return _do(lambda: self._shard.count(edge.CountRequest()))

    def index(self) -> None:
        """See `Vectors.index`; Qdrant Edge holds Python's lock, so that this whole process waits."""
        _do(self._shard.optimize)

    def close(self) -> None:
        _do(self._shard.close)
        os.close(self._lock)


def open_vectors(url: str, release: str, width: int) -> EdgeVectors:
    return EdgeVectors(_folder(url), release, width)


def switch_to(url: str, release: str) -> None:
    """See `opening.switch_to`: the file that names the release is exchanged at once."""
    folder = _folder(url)
    if not (folder / release / _ABOUT).is_file():
        raise missing_release(release)

    def write() -> None:
        partial = folder / f"{_SERVING}.partial"
        with partial.open("w", encoding="utf-8") as file:
            file.write(release)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / _SERVING)

    _do(write)


def serving_release(url: str) -> str | None:
    """See `opening.serving_release`."""
    file = _folder(url) / _SERVING
    return _do(lambda: file.read_text("utf-8") if file.exists() else None)


def _folder(url: str) -> Path:
    path = unquote(urlsplit(url).path)
    return Path(path.removeprefix("/") if path.startswith("/.") else path)


def _locked(place: Path, release: str) -> int:
    place.mkdir(parents=True, exist_ok=True)
    lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise VectorsError(
            f"the vectors of {release} are open in another process: close that one, or use a server "
            "(qdrant://HOST:6334 or postgresql://...), which several share"
        ) from error
    return lock


def _open(place: Path, release: str, width: int) -> edge.EdgeShard:
    shard, about = place / "shard", place / _ABOUT
    if not about.exists():  # the last file that a new collection is given: without it, none was ever used
        config = edge.EdgeConfig(vectors=edge.EdgeVectorParams(size=width, distance=edge.Distance.Cosine))
        shutil.rmtree(shard, ignore_errors=True)
        shard.mkdir()
        made = edge.EdgeShard.create(str(shard), config)
        for name in ("shop", "sku", *KEYWORDS):
            made.update(edge.UpdateOperation.create_field_index(name, edge.PayloadSchemaType.Keyword))
        made.update(edge.UpdateOperation.create_field_index("price", edge.PayloadSchemaType.Float))
        about.write_text(json.dumps({"release": release, "width": width}), "utf-8")
        return made
    found = json.loads(about.read_text("utf-8"))["width"]
    if found != width:
        raise VectorsError(f"vectors of {width} numbers came, but those of {release} have {found}")
    return edge.EdgeShard.load(str(shard))


def _has(name: str, *values: str) -> edge.FieldCondition:
    return edge.FieldCondition(name, match=edge.MatchAny(list(values)))


def _edge_filter(filter: Filter) -> edge.Filter:
    must: list[Any] = [_has(name, *values) for name, values in filter.wanted()]
    if bounds := filter.bounds():
        must.append(edge.FieldCondition("price", range=edge.RangeFloat(**bounds)))
    return edge.Filter(must=must, must_not=[_has(name, *values) for name, values in filter.unwanted()])


def _do(work: Callable[[], Result]) -> Result:
    """Return what `work` does with the folder.

    Raises:
        VectorsError: it cannot be read or written, or is no such folder.
    """
    try:
        return work()
    except VectorsError:
        raise
    except Exception as error:  # Qdrant Edge raises nothing more special
        raise VectorsError(
            "the folder of vectors does not answer: may it be read and written, is there room, and is it open?"
        ) from error
