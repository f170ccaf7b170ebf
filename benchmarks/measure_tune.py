"""Search for the arrangement of a repository's steps that serves the most: one knob after the other."""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf import text_format
from tqdm import tqdm

from benchmarks.closed_loop import Slot, closed_loop
from benchmarks.mixes import draw_photo, new_photos
from benchmarks.systems import VITRINE, connect, suspend
from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER
from builders.repository.configs import apply_tuning
from builders.repository.manifest import renew_digests
from builders.repository.source import read_config
from builders.repository.tuning import Tuning, write_tuning
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings

if TYPE_CHECKING:
    from benchmarks.tune import TuneOptions

_PHOTOS = 200
_SLOTS = 6
"""Slots of each arrangement, in turn: a machine that slows down troubles both."""
_LEAST_GAIN = 1.05
_BOUND = 1.1
"""Times the p99 of the repository as it is: the bound, where none is asked for."""
_DELAYS_US = (0, 500, 2000, 5000)
_STEPS = ("image_preprocess", IMAGE_ENCODER, ANSWER_DECODER, "answer_postprocess", "question_preprocess")


@dataclass(frozen=True)
class Measured:
    rates: tuple[float, ...]
    """Questions a second, of each slot."""
    p99_ms: float


@dataclass(frozen=True)
class Arrangement:
    tuning: Tuning
    repository: Path


def tune(options: "TuneOptions") -> int:
    """Search, and write what was found. Returns the exit status."""
    end_on_signals()
    photos = [draw_photo(index) for index in tqdm(range(_PHOTOS), desc="drawing photos", leave=False, disable=None)]
    try:
        with tempfile.TemporaryDirectory(prefix="vitrine-tune-") as work:
            best = _search(options, photos, Path(work))
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write_tuning(options.output, best)
    print(f"wrote {options.output}. Build with it: python -m builders --tuned {options.output} ...")
    return 0


def knobs(repository: Path, cores: int) -> Iterator[Tuning]:
    """Yield one change after the other; what a repository lacks, and what it has already, is left out."""
    counts = sorted({1, 2, cores // 2, cores, 3 * cores // 2} - {0})
    for name in _STEPS:
        if (file := repository / name / "config.pbtxt").exists():
            now = read_config(file).instance_group[0].count
            yield from (Tuning(instances={name: count}) for count in counts if count != now)
    for name in (IMAGE_ENCODER, ANSWER_DECODER):
        yield from (Tuning(queue_delay_us={name: delay_us}) for delay_us in _DELAYS_US)


def _search(options: "TuneOptions", photos: list[bytes], work: Path) -> Tuning:
    best = Arrangement(Tuning(), options.repository)
    bound_ms = options.p99_ms
    changes = list(knobs(options.repository, os.cpu_count() or 1))
    for number, change in enumerate(tqdm(changes, desc="arrangements", leave=False, disable=None)):
        tuning = best.tuning
        tried = Tuning({**tuning.instances, **change.instances}, {**tuning.queue_delay_us, **change.queue_delay_us})
        arranged = Arrangement(tried, _arranged(options.repository, tried, work / str(number)))
        for is_sure in (False, True):  # what seems better has to be so once more
            of_best, of_tried = _measure(best.repository, arranged.repository, options, photos)
            if bound_ms is None:
                bound_ms = _BOUND * of_best.p99_ms
                tqdm.write(f"{'as it is':<36} {_said(of_best)}; p99 has to stay under {bound_ms:.0f} ms")
            gain = statistics.median(one / other for one, other in zip(of_tried.rates, of_best.rates, strict=True))
            is_better = gain >= _LEAST_GAIN and of_tried.p99_ms <= bound_ms
            verdict = ("  once more" if not is_sure else "  kept") if is_better else ""
            tqdm.write(f"{_name(change):<36} {_said(of_tried)}, {gain:.2f} times{verdict}")
            if not is_better:
                break
        else:
            best = arranged
    return best.tuning


def _name(change: Tuning) -> str:
    """Name a change of one knob."""
    [(name, value)] = [*change.instances.items(), *change.queue_delay_us.items()]
    return f"{name}: {value} {'instances' if change.instances else 'us of delay'}"


def _said(measured: Measured) -> str:
    return f"{statistics.median(measured.rates):.1f} questions a second, p99 {measured.p99_ms:.0f} ms"


def _arranged(repository: Path, tuning: Tuning, copy: Path) -> Path:
    """Copy a repository, its large files as links, with a tuning applied to its configs."""
    shutil.copytree(repository, copy, copy_function=_link)
    for file in copy.glob("*/config.pbtxt"):
        config = read_config(file)
        apply_tuning(config, tuning)
        _rewrite(file, text_format.MessageToString(config, as_utf8=True))
    _rewrite(copy / "manifest.json", (copy / "manifest.json").read_text("utf-8"))
    renew_digests(copy)
    return copy


def _rewrite(file: Path, text: str) -> None:
    """Write a file anew, which may be a link to the original's."""
    file.unlink()
    file.write_text(text, encoding="utf-8")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _measure(best: Path, tried: Path, options: "TuneOptions", photos: list[bytes]) -> tuple[Measured, Measured]:
    """Ask both in turn, a slot each; while one is asked, the other rests."""
    with (
        EmbeddedServer(ServerSettings(best, grpc_port=0, metrics_port=None)) as first,
        EmbeddedServer(ServerSettings(tried, grpc_port=0, metrics_port=None)) as second,
    ):
        return asyncio.run(_asked_in_turn((first, second), options, photos))


async def _asked_in_turn(
    servers: tuple[EmbeddedServer, EmbeddedServer], options: "TuneOptions", photos: list[bytes]
) -> tuple[Measured, Measured]:
    slots: tuple[list[Slot], list[Slot]] = ([], [])
    async with connect(VITRINE, servers[0].url) as first, connect(VITRINE, servers[1].url) as second:
        asks = (first, second)
        for number in range(_SLOTS + 1):
            for which in (0, 1) if number % 2 else (1, 0):
                with suspend([servers[1 - which].pid]):
                    slot = await closed_loop(
                        asks[which], new_photos(photos, os.urandom(8).hex()), concurrency=options.callers,
                        seconds=options.seconds / _SLOTS, least_visits=options.callers,
                    )  # fmt: skip
                if number:  # the first one warms up
                    slots[which].append(slot)
    return _measured(slots[0]), _measured(slots[1])


def _measured(slots: list[Slot]) -> Measured:
    latencies_ms = 1000 * np.concatenate([slot.latencies_s for slot in slots])
    return Measured(tuple(slot.questions_per_s for slot in slots), float(np.percentile(latencies_ms, 99)))
