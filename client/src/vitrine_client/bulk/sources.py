"""Photos of a catalogue, and their division into shards: a folder, Parquet, JSON Lines or WebDataset tar files.

A shard is a piece that is done or not done: a tar file, a row group of Parquet,
or so many lines or files. The same source gives the same shards.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from vitrine_client.errors import InvalidRequestError
from vitrine_client.photos import MAX_BYTES
from vitrine_client.quoting import quote, short_name

_PHOTOS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif", ".gif", ".bmp", ".tif", ".tiff",
)  # fmt: skip
_FILES = (".parquet", ".jsonl", ".tar")
PHOTOS_A_SHARD = 500
_ROWS_AT_ONCE = 64
_COLUMNS = ("photo", "image")


@dataclass(frozen=True)
class Shard:
    file: int
    """Number of its file among those of the source, or of its piece of a folder of photos."""
    piece: int
    """Number of the piece within the file."""
    path: str
    """A file, or the folder of the photos."""
    first: int = 0
    """Number of its first photo, byte or row group there."""
    count: int | None = None
    """Photos; None: not known before it is read."""
    names: tuple[str, ...] = ()
    """Names of the photos, of a folder's piece."""
    sizes_bytes: tuple[int, ...] = ()
    """Size of the file, or of each of the folder's photos: by them a change of the source is seen."""


class NoPhotosError(OSError):
    """A file of a catalogue that holds no photos; says why."""


class Divided(NamedTuple):
    shards: list[Shard]
    passed_over: int
    """Files of the source that are none of the catalogue's by their names' endings; hidden ones do not count."""


class Item(NamedTuple):
    id: str
    photo: bytes | None
    error: str = ""
    """Why there is no photo."""


def place_of(name: str) -> tuple[pafs.FileSystem, str]:
    """Find the file system that a path or URI is of, and its path there.

    Raises:
        InvalidRequestError: no such kind of URI.
    """
    try:
        if "://" in name:
            system, path = pafs.FileSystem.from_uri(name)
            return system, path.rstrip("/")
        return pafs.LocalFileSystem(), str(Path(name).absolute())
    except (ValueError, OSError) as error:
        raise InvalidRequestError(
            f"{quote(name)} came, but a path is expected, or a URI such as s3://BUCKET/FOLDER"
        ) from error


def shards_of(source: str) -> Divided:
    """Divide a source.

    Raises:
        InvalidRequestError: there is none, no photos, or several kinds of files in one folder.
    """
    system, path = place_of(source)
    try:
        [found] = system.get_file_info([path])
        if found.type == pafs.FileType.NotFound:
            raise InvalidRequestError(f"there is no {short_name(source)}")
        infos = [found]
        if found.type == pafs.FileType.Directory:
            infos = system.get_file_info(pafs.FileSelector(path, recursive=True))
        sizes = {info.path: info.size for info in infos if info.is_file and not info.base_name.startswith(".")}
        kinds = {suffix: sorted(f for f in sizes if f.lower().endswith(suffix)) for suffix in (*_FILES, _PHOTOS)}
        of_a_kind = {suffix: names for suffix, names in kinds.items() if names}
        if len(of_a_kind) > 1:
            kinds_found = ", ".join(suffix if isinstance(suffix, str) else "photos" for suffix in of_a_kind)
            raise InvalidRequestError(
                f"the folder holds files of several kinds, {kinds_found}: name one file, or a folder of one"
            )
        photos = tuple(of_a_kind.pop(_PHOTOS, ())) if found.type == pafs.FileType.Directory else ()
        listed = [file for suffix, names in of_a_kind.items() if suffix != _PHOTOS for file in names]
        shards = [
            Shard(number, piece, *told, (sizes[file],))
            for number, file in enumerate(listed)
            for piece, told in enumerate(_pieces(system, file))
        ]
        for number, first in enumerate(range(0, len(photos), PHOTOS_A_SHARD)):
            some = photos[first : first + PHOTOS_A_SHARD]
            below = tuple(file[len(path) + 1 :] for file in some)
            shards.append(Shard(number, 0, path, first, len(some), below, tuple(sizes[file] for file in some)))
    except InvalidRequestError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that is no Unicode
        raise InvalidRequestError(f"cannot read {short_name(source)}: {type(error).__name__}") from error
    if not shards:
        raise InvalidRequestError(
            f"{short_name(source)} holds no photos: a folder of photos is expected, or {', '.join(_FILES)} files"
        )
    known = sum(len(names) for names in kinds.values())
    return Divided(shards, len(sizes) - known)


def _pieces(system: pafs.FileSystem, file: str) -> Iterator[tuple[str, int, int | None, tuple[str, ...]]]:
    if file.lower().endswith(".tar"):
        yield file, 0, None, ()
    elif file.lower().endswith(".parquet"):
        try:
            with system.open_input_file(file) as stream:
                metadata = pq.ParquetFile(stream).metadata
        except (OSError, pa.ArrowException):
            yield file, 0, None, ()  # it is named when it is read, and the others are done
            return
        for group in range(metadata.num_row_groups):
            yield file, group, metadata.row_group(group).num_rows, ()
    else:
        at, first, count = 0, 0, 0
        with system.open_input_file(file) as stream:
            for line in io.BufferedReader(stream):
                at, count = at + len(line), count + 1
                if count == PHOTOS_A_SHARD:
                    yield file, first, count, ()
                    first, count = at, 0
        if count:
            yield file, first, count, ()


def items_of(source: str, shard: Shard) -> Iterator[Item]:
    """Read a shard's photos, one after the other. One that cannot be read is an item with its error.

    Raises:
        OSError: the shard itself cannot be read.
    """
    system, root = place_of(source)
    name = shard.path[len(root) + 1 :] if shard.path.startswith(f"{root}/") else shard.path.rpartition("/")[2]
    if shard.path.lower().endswith(".tar"):
        yield from _of_tar(system, shard, name)
    elif shard.path.lower().endswith(".parquet"):
        yield from _of_parquet(system, shard, name)
    elif shard.names:
        for below in shard.names:
            yield _from_file(system, f"{shard.path}/{below}", below)
    else:
        yield from _of_lines(system, shard, name)


def _from_file(system: pafs.FileSystem, path: str, item_id: str) -> Item:
    """Read one photo. What is not there is this row's fault; what fails otherwise, as a network, is nobody's.

    Raises:
        OSError: it is there, and cannot be read now.
    """
    try:
        if not system.get_file_info(path).is_file:
            return Item(_clean(item_id), None, "there is no such photo")
        with system.open_input_stream(path) as file:
            return _item(item_id, file.read(MAX_BYTES + 1))
    except (PermissionError, ValueError):  # ValueError: a null byte in the path
        return Item(_clean(item_id), None, "the photo's file may not be read")


def _item(item_id: str, photo: bytes) -> Item:
    item_id = _clean(item_id)
    if len(photo) > MAX_BYTES:
        return Item(item_id, None, f"the photo has more than the {MAX_BYTES} bytes allowed")
    return Item(item_id, photo) if photo else Item(item_id, None, "the photo is empty")


def _clean(item_id: str) -> str:
    """Make an id that Parquet can hold of one that is no Unicode."""
    return item_id.encode("utf-8", "replace").decode()


def _of_tar(system: pafs.FileSystem, shard: Shard, name: str) -> Iterator[Item]:
    with system.open_input_file(shard.path) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        for member in tar:
            is_hidden = member.name.rpartition("/")[2].startswith(".")
            if member.isfile() and member.name.lower().endswith(_PHOTOS) and not is_hidden:
                file = tar.extractfile(member)
                yield _item(f"{name}/{member.name}", file.read(MAX_BYTES + 1) if file else b"")
        stream.seek(tar.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile takes any other block for the end too
            raise tarfile.ReadError("what follows the last whole member is no end of an archive")


def _of_parquet(system: pafs.FileSystem, shard: Shard, name: str) -> Iterator[Item]:
    with system.open_input_file(shard.path) as stream:
        file = pq.ParquetFile(stream, buffer_size=2**20, pre_buffer=False)  # not all photos of a group at once
        column = next((one for one in _COLUMNS if one in file.schema_arrow.names), None)
        if column is None:
            raise NoPhotosError(f"it has no column {' or '.join(_COLUMNS)}")
        columns = [column, *(["id"] if "id" in file.schema_arrow.names else [])]
        number = 0
        for batch in file.iter_batches(_ROWS_AT_ONCE, [shard.first], columns):
            for row in batch.to_pylist():
                yield _from_row(system, shard, row[column], _id_of(row, f"{name}:{shard.first}:{number}"))
                number += 1


def _of_lines(system: pafs.FileSystem, shard: Shard, name: str) -> Iterator[Item]:
    with system.open_input_file(shard.path) as stream:
        stream.seek(shard.first)
        lines = io.BufferedReader(stream)
        for number in range(shard.count or 0):
            item_id = f"{name}:{shard.first}:{number}"
            try:
                line = lines.readline()
                if not line.strip():
                    continue
                row = json.loads(line)
                item_id, photo = _id_of(row, item_id), row["photo"]
            except (ValueError, KeyError, AttributeError, RecursionError):
                yield Item(item_id, None, 'the line is no JSON object with "photo", the path of a photo')
                continue
            yield _from_row(system, shard, photo, item_id)


def _id_of(row: dict[str, Any], default: str) -> str:
    return _clean(default if row.get("id") is None else str(row["id"]))


def _from_row(system: pafs.FileSystem, shard: Shard, photo: Any, item_id: str) -> Item:
    """Take a photo's bytes, its path beside the file, or both as Hugging Face's datasets write them."""
    if isinstance(photo, dict):
        photo = photo.get("bytes") or photo.get("path")
    if isinstance(photo, bytes):
        return _item(item_id, photo)
    if isinstance(photo, str) and photo:
        if photo.startswith("/") or ".." in photo.split("/"):
            return Item(item_id, None, "the photo's path leads out of the catalogue's folder")
        return _from_file(system, f"{shard.path.rpartition('/')[0]}/{photo}", item_id)
    return Item(item_id, None, "there is no photo in this row: its bytes or its path are expected")
