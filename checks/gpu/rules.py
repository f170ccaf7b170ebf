"""Rules that must hold on a GPU, each as a pure function of what was found."""

import re
from collections.abc import Sequence
from typing import Any

from checks.gpu.report import FAILED, NOT_RUN, PASSED, Verdict

MAX_BYTES_OVER_WEIGHTS = 1.5
"""A plan with a second copy of its weights is about twice as large as they are."""


def parity_rule(name: str, manifest: dict[str, Any]) -> Verdict:
    """Judge whether the engines answer like the checkpoint."""
    rows = manifest["parity"]
    if not rows:
        return Verdict(f"{name}: parity with PyTorch", NOT_RUN, "no GPU that the plans are for was there")
    failed = [row["output"] for row in rows if not row["passed"]]
    answers = next(row for row in rows if row["output"] == "ANSWER_IDS")
    found = f"{answers['equal_ratio']:.2%} of {answers['rows']} answers equal, token by token"
    found += f"; out of tolerance: {', '.join(failed)}" if failed else ""
    return _verdict(f"{name}: parity with PyTorch", not failed, found, {"parity": rows})


def weights_rule(name: str, manifest: dict[str, Any]) -> Verdict:
    """Judge whether each plan stores its weights once."""
    ratios = {engine: sizes["bytes_over_weights"] for engine, sizes in manifest["engines"].items()}
    found = ", ".join(f"{engine} {ratio:.2f} times its weights" for engine, ratio in ratios.items())
    good = all(ratio <= MAX_BYTES_OVER_WEIGHTS for ratio in ratios.values())
    return _verdict(f"{name}: weights stored once", good, found, manifest["engines"])


def cuda_graphs_rule(log: str, engines: Sequence[str], batches: Sequence[int]) -> Verdict:
    """Judge whether Triton captured a CUDA graph for each batch size that it was told to.

    Args:
        log: of Triton, verbose; it says "captured CUDA graph for INSTANCE, batch size N".
        engines: those with CUDA graphs in their config.
        batches: 1, the preferred ones and the largest.
    """
    captured = {
        (engine, int(batch))
        for engine, batch in re.findall(r"captured CUDA graph for (\w+?)_\d+(?:_\d+)?[^,]*, batch size (\d+)", log)
    }
    missing = [f"{engine} x{batch}" for engine in engines for batch in batches if (engine, batch) not in captured]
    found = f"{len(captured)} captured" + (f"; missing: {', '.join(missing)}" if missing else "")
    return _verdict("CUDA graphs captured", not missing, found, {"captured": sorted(f"{e} x{b}" for e, b in captured)})


def cache_rule(before: str, after: str) -> Verdict:
    """Judge whether a second question about a photo finds its features.

    Args:
        before, after: `/metrics` around two questions about one new photo.
    """
    hits, misses = (
        _metric(after, f"nv_cache_num_{kind}_per_model") - _metric(before, f"nv_cache_num_{kind}_per_model")
        for kind in ("hits", "misses")
    )
    return _verdict(
        "feature cache hits", hits == 1 and misses == 1, f"{hits:.0f} hit and {misses:.0f} miss, 1 each expected"
    )


def _metric(metrics: str, name: str) -> float:
    values = re.findall(rf'^{name}\{{[^}}]*model="image_features"[^}}]*\}} (\S+)$', metrics, re.MULTILINE)
    return sum(float(value) for value in values)


def _verdict(rule: str, good: bool, found: str, figures: dict[str, Any] | None = None) -> Verdict:
    return Verdict(rule, PASSED if good else FAILED, found, figures or {})
