"""The proof that half-precision graphs answer like the checkpoint, whatever compiles them later."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.engine_spec import EngineSpec
from builders.errors import BuildError
from builders.graphs.cache import Graphs, remove_graphs
from builders.parity.compare import compare_engines
from builders.parity.forced_rows import opener
from builders.parity.material import ParitySet
from builders.parity.report import OutputReport, parity_table, require_parity
from builders.parity.tolerances import TOLERANCES
from builders.precision.ranges import (
    EmulatedEngine,
    TensorRange,
    describe,
    first_overflow,
    near_limit,
    ranges_report,
)
from builders.stages import Stages


@dataclass(frozen=True)
class Proof:
    """How half-precision graphs compare with the checkpoint, and how large their tensors become."""

    reports: list[OutputReport]
    ranges: dict[str, Any]
    """What `builders.precision.ranges.ranges_report` returns."""
    draft_ratio: int
    """See `Comparison`."""


def prove_graphs(
    graphs: Graphs, engines: Sequence[EngineSpec], parity_set: ParitySet, precision: str, stage: Stages
) -> Proof:
    """Prove the graphs for TensorRT, or remove them.

    Raises:
        BuildError: they are at fault; says how.
    """
    try:
        with stage(f"{precision} graphs against the reference, on the CPU"):
            return _run_rounded(graphs, engines, parity_set, precision)
    except BuildError:
        remove_graphs(graphs)
        raise


def write_ranges(folder: Path, proof: Proof) -> None:
    """Write how large tensors become into `activation_ranges.json`."""
    content = json.dumps(proof.ranges, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / "activation_ranges.json").write_text(content + "\n", "utf-8")


def _run_rounded(graphs: Graphs, specs: Sequence[EngineSpec], parity_set: ParitySet, precision: str) -> Proof:
    """Run half-precision graphs with every tensor rounded as they say, and see how large tensors become.

    Raises:
        BuildError: a tensor overflows (the first is named), or an output is out of tolerance.
    """
    engines = {name: EmulatedEngine(name, graphs.file(name), precision) for name in (spec.name for spec in specs)}
    pad_id = parity_set.checkpoint.parts.steps.pad_id
    opened = opener(engines.__getitem__, engines, parity_set.dimensions, pad_id)
    comparison = compare_engines(opened, parity_set, TOLERANCES[precision])
    reports = comparison.reports
    ranges: Sequence[TensorRange] = [r for engine in engines.values() for r in engine.ranges()]
    if overflow := first_overflow(ranges, precision):
        raise BuildError(
            f"{precision} overflows, first in {describe(overflow)}, which reaches {overflow.max_abs:.3g}: "
            "build with --precision bf16"
        )
    require_parity(reports, what=f"the {precision} graphs")
    for tensor in near_limit(ranges, precision):
        print(f"      near the limit of {precision}: {describe(tensor)} reaches {tensor.max_abs:.3g}")
    print(parity_table(reports), flush=True)
    return Proof(reports, ranges_report(ranges, precision), comparison.draft_ratio)
