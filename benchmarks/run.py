"""Comparison of the systems: rounds in turn, what is kept of earlier ones, and the page."""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.at_load import LOAD_RATIO, AtLoad, measure_at
from benchmarks.closed_loop import Ask, closed_loop
from benchmarks.comparison import FLOOR, Cell, Rates, rotate
from benchmarks.floor import Floor
from benchmarks.mixes import MIXES, draw_photo
from benchmarks.models import BUNDLED, MODELS, prepare_model
from benchmarks.options import BenchmarkOptions
from benchmarks.report import machine, write_report
from benchmarks.systems import BF16_PEERS, ONNX_PEERS, PEERS, VITRINE, Model, connect, run_system, suspend
from builders.checkpoint.digests import sha256_of_file
from command_line.values import make_folder
from measuring.memory import tree_memory_mib

_PHOTOS = 300
_OVERLOAD = 256
_COMPARED = ("fastapi", VITRINE)
_PEAK_OF = ("new photos", VITRINE)


def compare_systems(options: BenchmarkOptions) -> int:
    """Measure all systems with each model, and write figures, page and plot. Returns the exit status."""
    make_folder(options.output)
    file = options.output / ("quick.json" if options.quick else "benchmark.json")
    found = _earlier_figures(file, options.work)
    own = tuple(str(folder) for folder in options.checkpoint)
    names = (*options.model, *own) or ((BUNDLED,) if options.quick else MODELS)
    for name in names:
        model = prepare_model(name, options.work)
        rounds, seconds = (1, 2.0) if options.quick else (options.rounds, options.seconds)
        if model.is_large:
            rounds = (rounds + 1) // 2

        def save(result: dict[str, Any], name: str = model.name) -> None:
            found["models"][name] = result
            file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")

        asyncio.run(_measure(model, plan(model, quick=options.quick), rounds, seconds, save))
    found["models"] = dict(sorted(found["models"].items(), key=lambda item: (*MODELS, item[0]).index(item[0])))
    write_report(options.output, found)
    print((options.output / "benchmarks.md").read_text("utf-8"))
    if options.docs and not options.quick:  # one short round is no page for others
        for page in ("benchmarks.md", "benchmarks.png"):
            shutil.copy(options.output / page, options.docs)
    return 0


def _earlier_figures(file: Path, work: Path) -> dict[str, Any]:
    """Read what earlier runs found, as long as the machine, the software and the built repository are the same."""
    found: dict[str, Any] = {"machine": machine(), "models": {}}
    if file.exists():
        earlier = json.loads(file.read_text("utf-8"))
        if earlier["machine"] == found["machine"]:
            for name, result in earlier["models"].items():
                manifest = work / "repositories" / name / "manifest.json"
                if manifest.exists() and result.get("repository_sha256") == sha256_of_file(manifest):
                    found["models"][name] = result
    return found


def plan(model: Model, *, quick: bool) -> list[Cell]:
    """List what is measured in each round. Of the large model the costliest combinations are left out."""
    systems = (*PEERS, VITRINE)
    if model.is_large:
        cells = [
            Cell("new photos", callers, system) for callers in ((16,) if quick else (1, 4, 16)) for system in systems
        ]
        cells += [Cell("new photos", 16, system) for system in BF16_PEERS if system in model.peers]
        cells += [Cell("hot photos", 16, system) for system in _COMPARED]
        return [*cells, Cell("ten questions", 1, VITRINE), *_floor_cells(model)]
    callers = (1, 16) if quick else (1, 4, 16, 64)
    # 64 who ask ten questions each keep a peer at work for a minute, and show nothing that 16 do not.
    cells = [Cell("new photos", 16, system) for system in (*ONNX_PEERS, *BF16_PEERS) if system in model.peers]
    cells += [
        Cell(mix, count, system)
        for mix in MIXES
        for count in callers
        for system in systems
        if (mix, count) != ("ten questions", 64)
    ]
    return [*cells, Cell("new photos", _OVERLOAD, VITRINE), *_floor_cells(model)]


def _floor_cells(model: Model) -> list[Cell]:
    return [] if model.is_chat else [Cell("new photos", 0, FLOOR)]


@dataclass
class _Found:
    """Figures of the rounds so far."""

    rates: Rates = field(default_factory=dict)
    latencies: dict[Cell, list[list[float]]] = field(default_factory=dict)
    loaded: list[AtLoad] = field(default_factory=list)

    def peak(self) -> float:
        """Return the highest rate of the last round among the cells of `_PEAK_OF`."""
        return max(values[-1] for cell, values in self.rates.items() if (cell.mix, cell.system) == _PEAK_OF)

    def cells(self) -> list[dict[str, Any]]:
        """Return what was measured in each cell, as it is saved."""
        return [
            {**asdict(cell), "questions_per_s": values, "latencies_s": self.latencies.get(cell, [])}
            for cell, values in self.rates.items()
        ]


async def _measure(
    model: Model, cells: list[Cell], rounds: int, seconds: float, save: Callable[[dict[str, Any]], None]
) -> None:
    """Measure all cells in each round, and save what is known after it."""
    photos = [draw_photo(index) for index in range(_PHOTOS)]
    found = _Found()
    with ExitStack() as processes:
        servers = {system: processes.enter_context(run_system(system, model)) for system in (*model.peers, VITRINE)}
        pids = {system: pid for system, (_, pid) in servers.items()}
        async with AsyncExitStack() as clients:
            asks: dict[str, Ask] = {}
            for system, (url, _) in servers.items():
                asks[system] = await clients.enter_async_context(connect(system, url))
            with suspend(pids[peer] for peer in model.peers):
                floor = None if model.is_chat else Floor(model, try_s=10 if model.forced else 2)
            for number in range(rounds):
                bar = tqdm(rotate(cells, number), desc=f"{model.name}, round {number + 1} of {rounds}", leave=False)
                for cell in bar:
                    bar.set_postfix_str(f"{cell.system}, {cell.mix}, {cell.concurrency}")
                    with suspend(pids[peer] for peer in model.peers if peer != cell.system):
                        if floor and cell.system == FLOOR:
                            found.rates.setdefault(cell, []).append(await asyncio.to_thread(floor.rate, 2 * seconds))
                        else:
                            await _measure_cell(found, cell, asks[cell.system], photos, number, seconds)
                with suspend(pids[peer] for peer in model.peers):
                    rate = LOAD_RATIO * found.peak()
                    found.loaded.append(
                        await asyncio.to_thread(measure_at, servers[VITRINE][0], rate, 5 * seconds, photos)
                    )
                save(_result(model, found, floor, pids, rounds=number + 1, seconds=seconds))


def _result(
    model: Model, found: _Found, floor: Floor | None, pids: dict[str, int], *, rounds: int, seconds: float
) -> dict[str, Any]:
    return {
        "rounds": rounds,
        "seconds": seconds,
        "repository_sha256": sha256_of_file(model.repository / "manifest.json"),
        "cells": found.cells(),
        "memory_mib": {system: tree_memory_mib(pid) for system, pid in pids.items()},
        "at_load": [asdict(one) for one in found.loaded],
        "floor": asdict(floor.best) if floor else None,
    }


async def _measure_cell(
    found: _Found, cell: Cell, ask: Ask, photos: list[bytes], round_number: int, seconds: float
) -> None:
    slot = await closed_loop(
        ask,
        MIXES[cell.mix](photos, cell.seed(round_number)),
        concurrency=cell.concurrency,
        seconds=seconds,
        least_visits=min(8, 2 * cell.concurrency + 2),
    )
    found.rates.setdefault(cell, []).append(slot.questions_per_s)
    found.latencies.setdefault(cell, []).append(list(slot.latencies_s))
