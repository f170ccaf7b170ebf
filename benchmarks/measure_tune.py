"""Search for the arrangement of a repository's steps that serves the most: one knob after the other."""

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf import text_format
from tqdm import tqdm

from benchmarks.closed_loop import closed_loop
from benchmarks.mixes import draw_photo, new_photos
from benchmarks.systems import VITRINE, connect
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
_LEAST_GAIN = 1.02
"""Less is the machine's own noise."""
_DELAYS_US = (0, 500, 2000, 5000)
_STEPS = ("image_preprocess", IMAGE_ENCODER, ANSWER_DECODER, "answer_postprocess", "question_preprocess")


@dataclass(frozen=True)
class Measured:
    rates: tuple[float, ...]
    """Questions a second, of each measurement."""
    p99_ms: float


def tune(options: "TuneOptions") -> int:
    """Search, and write what was found. Returns the exit status."""
    end_on_signals()
    photos = [draw_photo(index) for index in tqdm(range(_PHOTOS), desc="drawing photos", leave=False)]
    try:
        with tempfile.TemporaryDirectory(prefix="vitrine-tune-") as work:
            best, found = _search(options, photos, Path(work))
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write_tuning(options.output, best)
    print(f"wrote {options.output}: {found}. Build with it: python -m builders --tuned {options.output} ...")
    return 0


def knobs(repository: Path, cores: int) -> Iterator[list[Tuning]]:
    """Yield, one knob after the other, the settings to try; models that the repository lacks are left out."""
    counts = sorted({1, 2, cores // 2, cores, 3 * cores // 2} - {0})
    for name in _STEPS:
        if (repository / name).exists():
            yield [Tuning(instances={name: count}) for count in counts]
    for name in (IMAGE_ENCODER, ANSWER_DECODER):
        yield [Tuning(queue_delay_us={name: delay_us}) for delay_us in _DELAYS_US]


def _search(options: "TuneOptions", photos: list[bytes], work: Path) -> tuple[Tuning, str]:
    best = Tuning()
    before = _measure(_arranged(options.repository, best, work), options, photos)
    bound_ms = options.p99_ms or 1.1 * before.p99_ms
    print(f"as it is: {_said(before)}; the bound on p99 is {bound_ms:.0f} ms")
    now = before
    for settings in tqdm(list(knobs(options.repository, os.cpu_count() or 1)), desc="knobs", leave=False):
        for change in settings:
            tried = Tuning({**best.instances, **change.instances}, {**best.queue_delay_us, **change.queue_delay_us})
            if tried == best:
                continue
            measured = _measure(_arranged(options.repository, tried, work), options, photos)
            again = _measure(_arranged(options.repository, best, work), options, photos)
            gain = statistics.median(measured.rates) / statistics.median(again.rates)
            is_better = gain >= _LEAST_GAIN and measured.p99_ms <= bound_ms
            tqdm.write(f"{_name(change):<34} {_said(measured)}, {gain:.2f} times{'  kept' if is_better else ''}")
            if is_better:
                best, now = tried, measured
    gain = statistics.median(now.rates) / statistics.median(before.rates)
    return best, f"{_said(now)}, {gain:.2f} times as many as before"


def _name(change: Tuning) -> str:
    """Name a change of one knob."""
    [(name, value)] = [*change.instances.items(), *change.queue_delay_us.items()]
    return f"{name}: {value} {'instances' if change.instances else 'us of delay'}"


def _said(measured: Measured) -> str:
    return f"{statistics.median(measured.rates):.1f} questions a second, p99 {measured.p99_ms:.0f} ms"


def _arranged(repository: Path, tuning: Tuning, work: Path) -> Path:
    """Copy a repository, its large files as links, with a tuning applied to its configs."""
    copy = work / "repository"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(repository, copy, copy_function=_link)
    for file in copy.glob("*/config.pbtxt"):
        config = read_config(file)
        apply_tuning(config, tuning)
        file.unlink()  # a link to the original's
        file.write_text(text_format.MessageToString(config, as_utf8=True), encoding="utf-8")
    manifest = copy / "manifest.json"
    content = json.loads(manifest.read_text("utf-8"))
    manifest.unlink()
    manifest.write_text(json.dumps(content), encoding="utf-8")
    renew_digests(copy)
    return copy


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _measure(repository: Path, options: "TuneOptions", photos: list[bytes]) -> Measured:
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None)
    with EmbeddedServer(settings) as server:
        return asyncio.run(_asked(server.url, options, photos))


async def _asked(url: str, options: "TuneOptions", photos: list[bytes]) -> Measured:
    async with connect(VITRINE, url) as ask:
        warm = replace(options, seconds=options.seconds / 4)
        slots = [
            await closed_loop(
                ask, new_photos(photos, f"{number} {os.urandom(4).hex()}"), concurrency=options.callers,
                seconds=one.seconds, least_visits=options.callers,
            )
            for number, one in enumerate((warm, options, options))
        ][1:]  # fmt: skip
    latencies_ms = 1000 * np.concatenate([slot.latencies_s for slot in slots])
    return Measured(tuple(slot.questions_per_s for slot in slots), float(np.percentile(latencies_ms, 99)))
