"""The comparison for people: `benchmarks.md` and its plot."""

import os
import platform
import statistics
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import cpuinfo

from benchmarks.comparison import FLOOR, Cell, Rates, Spread, ratio, spread
from benchmarks.systems import BF16_PEERS, ONNX_PEERS, PEERS, VITRINE
from measuring.plots import plt, png_of

_LABELS = {
    "fastapi": "(a) transformers behind FastAPI",
    "litserve": "(b) behind LitServe, batches of 16",
    "pytriton": "(c) behind pytriton, batches of 16",
    FLOOR: "(d) our engines alone, no server",
    VITRINE: "(e) Vitrine, embedded",
    "litserve-onnx": "(f) ONNX Runtime behind LitServe",
    "pytriton-onnx": "(g) ONNX Runtime behind pytriton",
    "fastapi-bf16": "(h) transformers in bfloat16 behind FastAPI",
    "litserve-bf16": "(i) in bfloat16 behind LitServe, batches of 16",
}
_PACKAGES = ("torch", "transformers", "fastapi", "uvicorn", "litserve", "nvidia-pytriton", "onnxruntime")
_ENERGY = "virtual machines show no counter of it"
_USD_A_CORE_HOUR = 0.04
"""A price that clouds ask for a core with its memory; divide by it and multiply by yours."""
_COLOURS = dict(
    zip(
        _LABELS,
        (
            "tab:grey",
            "tab:olive",
            "tab:cyan",
            "tab:red",
            "tab:blue",
            "tab:green",
            "tab:purple",
            "tab:brown",
            "tab:pink",
        ),
        strict=True,
    )
)


_INTRODUCTION = """\
# Benchmarks

Written by `make benchmark` on {cores} cores ({cpu}), without a GPU. Of a model, all is measured in one
run: every system serves the same checkpoint and is asked the same, one after the other in turn, round after round, so
that a machine that slows down troubles all alike. While one is asked, the processes of (a), (b) and (c) that are not
rest, so that they take no time from it. Read the ratios; the rates are this machine's.

- (a), (b) and (c) are `transformers.generate` behind FastAPI, LitServe and pytriton as their tutorials do it
  ([benchmarks/peers](../../benchmarks/peers)): one greedy answer a question. (e) is Vitrine as it comes, with its five
  answers, confidence, verdict and heatmap. Those who ask run on the same cores, and count against all.
- (f) and (g) are what a good engineer would try: the same servers around ONNX Runtime, with the engines that our
  builder makes for one greedy answer (`--alternatives 1`), all cores, no confidence, no verdict, no heatmap.
- (h) and (i) are (a) and (b) with weights and activations in bfloat16, where the processor multiplies in it.
- (d) is the floor for new photos: our image encoder and answer decoder called in one process, with pixels and tokens
  ready. Nothing is decoded, checked, judged or sent, so (e) must be below it. Hot photos can be above it: their
  features are cached, and the image encoder is skipped.
- *New photos*: one question about each photo of 640x480. *Hot photos*: twenty a photo, popular ones more. *Ten
  questions*: asked together about a new photo.
- `vitrine-small` is the bundled checkpoint; `vitrine-small-auto`, where it is shown, is the same one, built with
  `--precision auto` (INT8 where it is faster and keeps the answers: (d) and (e); transformers serves FP32).
  `blip-vqa-base-size` has the size of `blip-vqa-base` and random weights: its cost is real, its answers mean nothing,
  and all have the same length. With `-int8` it has INT8 engines but for the first twelfth of their matrix products,
  as `--precision auto` would choose them: no gate can say of random weights whether they keep the answers.
"""

_CAPTION = """\
*Questions a second by the number of callers. Solid: new photos; dashed, with hollow points: hot photos; upright:
least to most of the rounds; dotted: (d), above which no new photos can be served.*
"""


def machine() -> dict[str, Any]:
    """Describe the machine, and the software that was measured with."""
    return {
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", platform.machine()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def write_report(folder: Path, found: dict[str, Any]) -> None:
    where = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    lines = [_INTRODUCTION.format(**where), "![questions a second](benchmarks.png)", "", _CAPTION]
    for name, result in found["models"].items():
        lines += _section(name, rates_of(result), result, where["cores"])
    lines += [f"Python {where['python']}, {versions}. Energy was not measured: {_ENERGY}.", ""]
    (folder / "benchmarks.md").write_text("\n".join(lines), "utf-8")
    _plot({name: rates_of(result) for name, result in found["models"].items()}, folder / "benchmarks.png")


def rates_of(result: dict[str, Any]) -> Rates:
    return {Cell(c["mix"], c["concurrency"], c["system"]): c["questions_per_s"] for c in result["cells"]}


def _section(name: str, rates: Rates, result: dict[str, Any], cores: int) -> list[str]:
    lines = [f"## {name}", "", _what_is_shown(result), ""]
    columns = sorted({(cell.mix, cell.concurrency) for cell in rates if cell.system != FLOOR}, key=_column_order)
    for mix in dict.fromkeys(mix for mix, _ in columns):
        counts = [count for other, count in columns if other == mix]
        lines.append(f"| {mix}; callers | " + " | ".join(map(str, counts)) + " |")
        lines.append("| --- |" + " --- |" * len(counts))
        for system in (*PEERS, VITRINE, *ONNX_PEERS, *BF16_PEERS):
            cells = [rates.get(Cell(mix, count, system)) for count in counts]
            if any(cells):
                lines.append(f"| {_LABELS[system]} | " + " | ".join(str(spread(c)) if c else "" for c in cells) + " |")
        if (floor := rates.get(Cell(mix, 0, FLOOR))) and result["floor"]:
            best = result["floor"]
            how = f"{best['callers']} callers, {best['threads']} threads, {best['rows']} rows a run"
            lines.append(f"| {_LABELS[FLOOR]} ({how}) | {spread(floor)} |" + " |" * (len(counts) - 1))
        lines.append("")
    lines += ["| ratio, of each round by itself | figure |", "| --- | --- |"]
    lines += [f"| {what} | {value} |" for what, value in ratios(rates, result).items() if value is not None]
    memory = ", ".join(f"{system} {mib:.0f} MiB" for system, mib in result["memory_mib"].items())
    lines += ["", *_costs(rates, cores), "", f"Memory of the process trees at the end: {memory}.", ""]
    return lines


def _costs(rates: Rates, cores: int) -> list[str]:
    """What a million questions about new photos cost, each system with as many callers as it is fastest with."""
    found = []
    for system in (*PEERS, VITRINE, *ONNX_PEERS, *BF16_PEERS):
        if best := max(_median_rate(rates, "new photos", system).values(), default=None):
            hours = 1e6 / best / 3600 * cores
            found.append(f"{_LABELS[system][:3]} {hours:,.1f} core hours, {hours * _USD_A_CORE_HOUR:,.2f} USD")
    return [f"A million questions about new photos, at {_USD_A_CORE_HOUR} USD a core hour: {'; '.join(found)}."]


def _what_is_shown(result: dict[str, Any]) -> str:
    """Say of how many rounds and requests the figures are: few of them make a figure a rough one."""
    fewest = min(sum(map(len, cell["latencies_s"])) for cell in result["cells"] if cell["system"] != FLOOR)
    if result["rounds"] == 1:
        rounds = f"one round of {result['seconds']:g} s or more a cell: how far they vary is not known"
    else:
        rounds = f"median of {result['rounds']} rounds of {result['seconds']:g} s a cell (least to most)"
    return f"Questions a second, {rounds}. The cell with the fewest requests holds {fewest}."


def ratios(rates: Rates, result: dict[str, Any]) -> dict[str, Spread | None]:
    """The figures that are compared with bars."""
    ours = Cell("new photos", 16, VITRINE)
    found: dict[str, Spread | None] = {
        "(e)/(d), new photos, 16 callers": ratio(rates, ours, Cell("new photos", 0, FLOOR)),
    }
    for letter, peer in zip("abc", PEERS, strict=True):
        found[f"(e)/({letter}), new photos, 16 callers"] = ratio(rates, ours, Cell("new photos", 16, peer))
        best = max(_median_rate(rates, "new photos", peer).items(), key=lambda item: item[1], default=None)
        if best and best[0] != 16:
            what = f"(e) with 16 callers over ({letter}) with {best[0]}, its best, new photos"
            found[what] = ratio(rates, ours, Cell("new photos", best[0], peer))
    for letter, peer in zip("fghi", (*ONNX_PEERS, *BF16_PEERS), strict=True):
        found[f"(e)/({letter}), new photos, 16 callers"] = ratio(rates, ours, Cell("new photos", 16, peer))
    found["(e)/(a), hot photos, 16 callers"] = ratio(
        rates, Cell("hot photos", 16, VITRINE), Cell("hot photos", 16, "fastapi")
    )
    found["(e), 256 callers over 16, new photos"] = ratio(rates, Cell("new photos", 256, VITRINE), ours)
    alone, together = (_medians_s(result, mix) for mix in ("new photos", "ten questions"))
    if alone and together:
        found["(e), ten questions about one photo over one question, time"] = spread(
            [ten / one for ten, one in zip(together, alone, strict=True)]
        )
    at_load = result["at_load"]
    if alone:
        rate = spread([one["rate_per_s"] for one in at_load])
        errors = max(one["error_ratio"] for one in at_load)
        label = f"(e), p99 at 70 % of the peak, {rate} a second, {errors:.1%} errors, over the median of one caller"
        found[label] = spread([one["p99_ms"] / (1000 * median) for one, median in zip(at_load, alone, strict=True)])
    return found


def _median_rate(rates: Rates, mix: str, system: str) -> dict[int, float]:
    """Compute the median rate of a system, by the number of callers."""
    cells = [cell for cell in rates if (cell.mix, cell.system) == (mix, system)]
    return {cell.concurrency: statistics.median(rates[cell]) for cell in cells}


def _medians_s(result: dict[str, Any], mix: str) -> list[float]:
    """List the median latency of Vitrine with one caller, of each round."""
    wanted = {"mix": mix, "concurrency": 1, "system": VITRINE}
    found = [cell["latencies_s"] for cell in result["cells"] if wanted.items() <= cell.items()]
    return [statistics.median(values) for values in chain.from_iterable(found)]


def _column_order(column: tuple[str, int]) -> tuple[bool, bool, int]:
    return column[0] == "ten questions", column[0] == "hot photos", column[1]


def _plot(by_model: dict[str, Rates], file: Path) -> None:
    figure, column = plt.subplots(len(by_model), figsize=(8, 4.5 * len(by_model)), layout="constrained", squeeze=False)
    for axes, (name, rates) in zip(column[:, 0], by_model.items(), strict=True):
        _draw(axes, rates)
        axes.set(title=name, xlabel="callers", ylabel="questions a second")
        axes.grid(alpha=0.3)
    handles = column[0, 0].get_legend_handles_labels()
    figure.legend(*handles, fontsize=8, loc="outside lower center", ncols=2, handlelength=5, markerscale=0.8)
    file.write_bytes(png_of(figure))


def _draw(axes: Any, rates: Rates) -> None:
    """Draw the rates of one model over the callers, with a tick at each number of them."""
    for system in (*PEERS, VITRINE, *ONNX_PEERS, *BF16_PEERS):
        for mix, style in (("new photos", "-"), ("hot photos", "--")):
            cells = sorted(cell for cell in rates if cell.system == system and cell.mix == mix)
            values = [spread(rates[cell]) for cell in cells]
            axes.errorbar(
                [cell.concurrency for cell in cells],
                [value.median for value in values],
                [[value.median - value.least for value in values], [value.most - value.median for value in values]],
                fmt=f"o{style}",
                markersize=5,
                markerfacecolor=_COLOURS[system] if mix == "new photos" else "white",
                color=_COLOURS[system],
                label=f"{_LABELS[system]}, {mix}" if cells else None,
            )
    if floor := rates.get(Cell("new photos", 0, FLOOR)):
        label = f"{_LABELS[FLOOR]}, new photos"
        axes.axhline(spread(floor).median, color=_COLOURS[FLOOR], linestyle=":", label=label)
    callers = sorted({cell.concurrency for cell in rates if cell.system != FLOOR})
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(callers, map(str, callers))
    axes.xaxis.minorticks_off()
