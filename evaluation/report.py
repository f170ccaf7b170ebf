"""The report of one evaluation: `report.json` for programs, `report.html` for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from builders.checkpoint.digests import write_whole
from evaluation.accuracy import Graded
from evaluation.figures import Figure
from evaluation.journal import Row
from measuring.page import write_page

JSON_FILE, HTML_FILE = "report.json", "report.html"
FORMAT = 1
"""Version of `report.json`. It rises when a field is dropped or changes its meaning."""
_MOST_WRONG = 200  # as many wrong answers are shown


def write_report(
    folder: Path,
    *,
    served: dict[str, Any],
    settings: dict[str, Any],
    figures: Sequence[Figure],
    plots: dict[str, bytes],
    graded: Sequence[Graded],
) -> None:
    """Write `report.json` and `report.html` to `folder`.

    Args:
        served: what answered, out of the repository's manifest.
        plots: PNG by title.
    """
    wrong = [row for row in graded if not row.right]
    content = {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "served": served,
        "settings": settings,
        "figures": [{**asdict(figure), "interval_95": figure.interval} for figure in figures],
        "wrong": [asdict(row) for row in wrong],
    }
    page = {
        **{name: content[name] for name in ("made_at", "served", "settings")},
        "sections": [(name, list(rows)) for name, rows in groupby(figures, key=lambda figure: figure.section)],
        "wrong": wrong[:_MOST_WRONG],
        "wrong_count": len(wrong),
    }
    write_page(folder / HTML_FILE, Path(__file__).parent / "report.html.j2", page, plots)
    write_whole(folder / JSON_FILE, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def served_from_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """Pick what tells one built repository from another out of its manifest."""
    names = ("target", "precision", "decode_strategy", "built_at")
    return {"checkpoint": manifest["checkpoint"]["name"], **{name: manifest[name] for name in names}}


def served_elsewhere(url: str) -> dict[str, Any]:
    """Describe a server whose repository is not here; see `served_from_manifest`."""
    return {"checkpoint": f"the server at {url}", "target": "unknown", "precision": "", "built_at": "unknown"}


def read_report(folder: Path) -> tuple[dict[str, Any], list[Row]]:
    """
    Returns:
        The content of `report.json`, and the rows of all open questions.

    Raises:
        OSError, ValueError: there is none, or it is broken.
    """
    content: dict[str, Any] = json.loads((folder / JSON_FILE).read_text(encoding="utf-8"))
    if (found := content.get("format")) != FORMAT:
        raise ValueError(f"{folder / JSON_FILE} has the format {found}, but {FORMAT} is expected: evaluate again")
    journal = (folder / "questions.jsonl").read_text(encoding="utf-8").split("\n")
    return content, [row for line in journal if line for row in json.loads(line)["rows"]]
