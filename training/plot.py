"""Loss and accuracy over the steps of a training run, as one picture."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring.plots import plt, png_of

_APART = ("short", "no_question")
_BOTTOM = 0.9
"""The axis of a run that ends above it begins here: what differs is above."""


def plot_history(history: Path, picture: Path) -> None:
    """Read `history.jsonl` of a training run and write a PNG to `picture`."""
    rows = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    # A resumed run repeats the steps since the last save: the last word on a step counts.
    losses = list({row["step"]: row for row in rows if "answer" in row}.values())
    measured = list({row["step"]: row for row in rows if "accuracy" in row}.values())
    figure, (left, *rights) = plt.subplots(1, 3, figsize=(16, 4.5), layout="constrained")
    left.plot([r["step"] for r in losses], [r["answer"] for r in losses], linewidth=0.8)
    left.set(xlabel="step", ylabel="answer loss (nats a token)", yscale="log", title="Training loss")
    _draw_accuracy(rights, measured)
    for axes in (left, *rights):
        axes.grid(alpha=0.3)
    picture.write_bytes(png_of(figure))


def _draw_accuracy(panels: Sequence[Any], measured: Sequence[dict[str, Any]]) -> None:
    """Draw the catalogue's questions in one panel, short ones and texts that are no question in another."""
    names = list(measured[-1]["accuracy"]) if measured else []
    apart = [name for name in names if name.startswith(_APART)]
    lowest = min(measured[-1]["accuracy"].values(), default=0.0) if measured else 0.0
    bottom = _BOTTOM if lowest > _BOTTOM else 0.0
    for axes, shown, title in zip(
        panels,
        ([name for name in names if name not in apart], apart),
        ("Unseen photos, unseen wordings", "Short questions, and texts that are none"),
        strict=True,
    ):
        for name in shown:
            is_total = name in ("all", "en", "zh")
            axes.plot(
                [r["step"] for r in measured],
                [r["accuracy"].get(name, math.nan) for r in measured],
                label=name,
                linewidth=2 if name == "all" else 1,
                linestyle="-" if not is_total or name == "all" else "--",
            )
        axes.set(xlabel="step", ylabel=f"exactly right{', from ' + str(bottom) if bottom else ''}", title=title)
        axes.set_ylim(bottom, 1)
        if shown:
            axes.legend(fontsize=8, ncols=2)
