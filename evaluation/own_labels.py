"""Figures of photos of one's own whose lines are known."""

import json
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein
from vitrine_client import VqaClient

from evaluation.figures import Figure, share
from evaluation.questions import DataError
from evaluation.read_lines import read_all
from measuring.plain_text import plain


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Read JSON Lines of photos and their lines.

    Raises:
        DataError: says which line is wrong.
    """
    try:
        texts = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"--data: cannot read {file} as UTF-8 ({error})") from error
    rows = []
    for number, text in enumerate(texts, 1):
        try:
            row = json.loads(text)
            if not isinstance(row["photo"], str) or not all(isinstance(line, str) for line in row["lines"]):
                raise TypeError("a text came that is none")
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'--data {file}, line {number}: {{"photo": PATH, "lines": [TEXT, ...]}} is expected ({error})'
            ) from error
        rows.append(row)
    return rows


def own_photo_figures(client: VqaClient, rows: list[dict[str, Any]], file: Path, threads: int) -> list[Figure]:
    def read(number: int) -> tuple[dict[str, Any], bytes]:
        return rows[number], (file.parent / rows[number]["photo"]).read_bytes()

    found: list[Figure] = []
    pairs = read_all(client, range(len(rows)), read, threads, "photos")
    for language in sorted({str(row.get("language", "all")) for row, _ in pairs}):
        exact, faults, characters = [], 0, 0
        for row, reading in pairs:
            if str(row.get("language", "all")) != language:
                continue
            known = [plain(text) for text in row["lines"]]
            said = [plain(line.text) for line in reading.lines]
            exact += [line in said for line in known]
            faults += Levenshtein.distance("".join(known), "".join(said))
            characters += len("".join(known))
        found.append(Figure(f"text, {language}", "characters right", 1 - faults / max(characters, 1), characters))
        found += share(f"text, {language}", "exact lines", exact)
    return found
