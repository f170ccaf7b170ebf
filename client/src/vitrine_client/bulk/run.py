"""The resumable core: shards are answered within a bounded number of calls, and each leaves a part file, or nothing.

Every engine calls `answer_shards`: this machine alone with all shards, Ray with
one at a time on each worker.
"""

import asyncio
import tarfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrine_client.aio import AsyncVqaClient
from vitrine_client.aio_transport import AsyncGrpcTransport
from vitrine_client.bulk.job import FAILED_KEY, SHARD_KEY, Job, part_name, shard_digest, write_whole
from vitrine_client.bulk.rows import SCHEMA, questions_of, row_from_result, row_of_failure
from vitrine_client.bulk.sources import Item, NoPhotosError, Shard, items_of, place_of
from vitrine_client.bulk.window import Window, wait_s
from vitrine_client.errors import (
    AccessDeniedError,
    ContractMismatchError,
    InvalidPhotoError,
    InvalidRequestError,
    VitrineError,
)

_SHARDS_AT_ONCE = 2  # so that one fills the gaps at the other's end
_TRIES = 5
"""Failures of one call after which it is taken to be its own fault, if others are answered meanwhile."""
Call = Callable[[], Awaitable[list[Any]]]
Done = Callable[[int, int], None]
"""Function that is told after each photo: how many rows of it have an error, and how many photos may be under way."""


def answer_shards(job: Job, shards: Sequence[Shard], done: Done) -> list[str]:
    """Answer shards, and write a part file for each.

    Returns:
        Of each shard that could not be read to its end, and so has no part: which, and why.

    Raises:
        VitrineError: nothing was answered for `job.patience_s`, or the key is refused. What is written stays.
        OSError: a part cannot be written.
    """
    try:
        return asyncio.run(_answer_shards(job, shards, done))
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _answer_shards(job: Job, shards: Sequence[Shard], done: Done) -> list[str]:
    window, waiting = Window(job.in_flight), iter(shards)
    broken: list[str] = []
    transport = AsyncGrpcTransport(**job.connection, retries=False)  # the window is what answers refusals here
    async with AsyncVqaClient(transport=transport, timeout_s=job.timeout_s) as client:

        async def worker() -> None:
            for shard in waiting:
                fault = await _answer_shard(client, job, shard, window, done)
                broken.extend([f"{shard.path.rpartition('/')[2]}: {fault}"] if fault else [])

        async with asyncio.TaskGroup() as group:
            for _ in range(_SHARDS_AT_ONCE):
                group.create_task(worker())
    return broken


async def _answer_shard(client: AsyncVqaClient, job: Job, shard: Shard, window: Window, done: Done) -> str:
    """Write a shard's part; where the shard cannot be read, write none and return why."""
    items: Iterator[Item] = items_of(job.source, shard)
    tasks: list[asyncio.Task[list[dict[str, Any]]]] = []
    fault = ""
    room = asyncio.Semaphore(2 * job.in_flight)  # photos in memory

    async def answer(item: Item) -> list[dict[str, Any]]:
        try:
            rows = await _answer_photo(client, job, item, window)
        finally:
            room.release()
        done(sum(bool(row.get("error_code")) for row in rows), window.size)
        return rows

    async with asyncio.TaskGroup() as group:
        while True:
            await room.acquire()
            try:
                item = await asyncio.to_thread(next, items, None)
            except (OSError, ValueError, tarfile.TarError, pa.ArrowException) as error:
                fault = (
                    str(error) if isinstance(error, NoPhotosError) else f"it cannot be read ({type(error).__name__})"
                )
                break
            if item is None:
                break
            tasks.append(group.create_task(answer(item)))
    if fault:
        return fault
    table = pa.Table.from_pylist([row for task in tasks for row in task.result()], SCHEMA)
    await asyncio.to_thread(_write, job, shard, table)
    return ""


def _write(job: Job, shard: Shard, table: pa.Table) -> None:
    system, folder = place_of(job.output)
    sink = pa.BufferOutputStream()
    failed = len(pc.unique(table.filter(pc.is_valid(table["error_code"]))["id"]))
    table = table.replace_schema_metadata({SHARD_KEY: shard_digest(shard), FAILED_KEY: str(failed)})
    pq.write_table(table, sink, compression="zstd")
    write_whole(system, f"{folder}/{part_name(shard)}", sink.getvalue())


async def _answer_photo(client: AsyncVqaClient, job: Job, item: Item, window: Window) -> list[dict[str, Any]]:
    """Ask all about one photo, its open questions as one call. What fails is a row with its error, and no other's."""
    if item.photo is None:
        error = InvalidRequestError(item.error, code="INVALID_ARGUMENT")
        return [row_of_failure(item.id, kind, question, error) for kind, question in questions_of(job)]
    photo, since_s = item.photo, window.now_s()

    async def taken(rows: int, call: Call) -> list[Any]:
        return await _taken(job, window, since_s, rows, call)

    def ask(questions: Sequence[str]) -> Call:
        return lambda: client.ask_many(photo, questions, max_risk=job.max_risk, details=False)

    found = await taken(len(job.asks), ask(job.asks)) if job.asks else []
    if len(job.asks) > 1 and isinstance(found[0], InvalidRequestError):  # of one of them: the others are answered
        found = [result for question in job.asks for result in await taken(1, ask([question]))]
    singles: list[Callable[[], Awaitable[Any]]] = [
        partial(client.choose, photo, question, candidates, max_risk=job.max_risk)
        for question, candidates in job.choices
    ]
    singles += [partial(client.read, photo, max_risk=job.max_risk)] * job.reads
    singles += [partial(client.embed, photo)] * job.embeds
    for single in singles:
        found += await taken(1, partial(_listed, single))
    return [
        row_of_failure(item.id, kind, question, result)
        if isinstance(result, VitrineError)
        else row_from_result(item.id, kind, question, result)
        for (kind, question), result in zip(questions_of(job), found, strict=True)
    ]


async def _listed(call: Callable[[], Awaitable[Any]]) -> list[Any]:
    return [await call()]


async def _taken(job: Job, window: Window, since_s: float, rows: int, call: Call) -> list[Any]:
    """Send a call until it is answered, or refused as wrong, or fails again and again while others are answered.

    Args:
        since_s: time at which the photo was first asked about, by the window's clock.
        rows: results of the call.

    Returns:
        The results; or the error, as often.

    Raises:
        VitrineError: nothing is answered at all any more, or nothing ever will be.
    """
    failures = 0
    while True:
        try:
            async with window:
                found = await call()
            window.note(was_taken=True)
            return found
        except (AccessDeniedError, ContractMismatchError):
            raise
        except VitrineError as error:
            is_refused_as_wrong = isinstance(error, (InvalidRequestError, InvalidPhotoError))
            window.note(was_taken=is_refused_as_wrong)
            failures += 1
            is_its_own = failures >= _TRIES and error.code != "UNAVAILABLE" and window.answered_s > since_s
            if is_refused_as_wrong or is_its_own:
                return [error] * rows
            if window.silent_s() > job.patience_s:
                raise
            await asyncio.sleep(wait_s(failures))
