"""The resumable core: shards are answered within a bounded number of calls, and each leaves a part file, or nothing.

Every engine calls `answer_shards`: this machine alone with all shards, Ray with
one at a time on each worker.
"""

import asyncio
import tarfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine_client.aio import AsyncVqaClient
from vitrine_client.aio_transport import AsyncGrpcTransport
from vitrine_client.bulk.job import Job, part_name, write_whole
from vitrine_client.bulk.rows import SCHEMA, questions_of, row_from_result, rows_of_failure
from vitrine_client.bulk.sources import Item, Shard, items_of, place_of
from vitrine_client.bulk.window import Window, wait_s
from vitrine_client.errors import AccessDeniedError, ServerUnavailableError, VitrineError

_SHARDS_AT_ONCE = 2  # so that one fills the gaps at the other's end
_TRIES = 3
"""Of a call that fails in another way than by being refused."""
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
        done(sum("error" in row for row in rows), window.size)
        return rows

    async with asyncio.TaskGroup() as group:
        while True:
            await room.acquire()
            try:
                item = await asyncio.to_thread(next, items, None)
            except (OSError, ValueError, tarfile.TarError) as error:
                fault = f"it cannot be read ({type(error).__name__})"
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
    pq.write_table(table, sink, compression="zstd")
    write_whole(system, f"{folder}/{part_name(shard)}", sink.getvalue())


async def _answer_photo(client: AsyncVqaClient, job: Job, item: Item, window: Window) -> list[dict[str, Any]]:
    if item.photo is None:
        return rows_of_failure(item.id, job, "INVALID_ARGUMENT", item.error)
    refusals = failures = 0
    while True:
        try:
            async with window:
                results = await _ask(client, job, item.photo)
            window.note(was_taken=True)
            asked = zip(questions_of(job), results, strict=True)
            return [row_from_result(item.id, kind, question, result) for (kind, question), result in asked]
        except AccessDeniedError:
            raise
        except ServerUnavailableError as error:
            window.note(was_taken=False)
            refusals += 1
            if window.silent_s() > job.patience_s:
                raise error
            await asyncio.sleep(wait_s(refusals))
        except VitrineError as error:
            window.note(was_taken=error.code != "DEADLINE_EXCEEDED")
            failures += 1
            if failures == _TRIES or error.code == "INVALID_ARGUMENT":
                return rows_of_failure(item.id, job, error.code, error.message)


async def _ask(client: AsyncVqaClient, job: Job, photo: bytes) -> list[Any]:
    """Ask all about one photo; its open questions go as one call."""
    results: list[Any] = []
    if job.asks:
        results += await client.ask_many(photo, job.asks, max_risk=job.max_risk, details=False)
    for question, candidates in job.choices:
        results.append(await client.choose(photo, question, candidates, max_risk=job.max_risk))
    if job.reads:
        results.append(await client.read(photo, max_risk=job.max_risk))
    if job.embeds:
        results.append(await client.embed(photo))
    return results
