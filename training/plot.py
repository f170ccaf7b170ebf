"""Loss and accuracy over the steps of a training run, as one picture."""

import json
from pathlib import Path

from measuring.plots import plt, png_of


def plot_history(history: Path, picture: Path) -> None:
    """Read `history.jsonl` of a training run and write a PNG to `picture`."""
    rows = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    # A resumed run repeats the steps since the last save: the last word on a step counts.
    losses = list({row["step"]: row for row in rows if "answer" in row}.values())
    measured = list({row["step"]: row for row in rows if "accuracy" in row}.values())
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    left.plot([r["step"] for r in losses], [r["answer"] for r in losses], linewidth=0.8)
    left.set(xlabel="step", ylabel="answer loss (nats a token)", yscale="log", title="Training loss")
    for name in measured[-1]["accuracy"] if measured else ():
        is_total = name in ("all", "en", "zh")
        right.plot(
            [r["step"] for r in measured],
            [r["accuracy"][name] for r in measured],
            label=name,
            linewidth=2 if name == "all" else 1,
            linestyle="-" if not is_total or name == "all" else "--",
        )
    right.set(xlabel="step", ylabel="exactly right", ylim=(0, 1), title="Unseen photos, unseen wordings")
    right.legend(fontsize=8, ncols=2)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    picture.write_bytes(png_of(figure))
