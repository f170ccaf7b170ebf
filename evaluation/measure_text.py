"""Measures of what was read, beside what is written there."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from tqdm import tqdm
from vitrine_client import Line, Reading, VitrineError, VqaClient
from vitrine_client.facts import facts_in

from catalogue.code_photos import CodePhoto, code_from_seed
from catalogue.dataset import first_seed
from catalogue.documents import DocumentPhoto, document_from_seed
from catalogue.labels import LabelPhoto, label_from_seed
from catalogue.photos import photo_from_seed
from evaluation.calibration import expected_calibration_error
from evaluation.figures import Figure, figures_table, share
from evaluation.fit_text import fit_lines, write_calibration
from evaluation.questions import DataError
from evaluation.text import TextOptions
from measuring.plain_text import plain
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings

_TIMEOUT_S = 60.0
_GROUPS: tuple[tuple[str, Callable[[LabelPhoto], object]], ...] = (
    ("language", lambda label: label.language),
    ("letters", lambda label: "under 30 px" if label.line_px < 30 else "30 px and more"),
    ("angle", lambda label: "straight" if not label.angle_deg else "turned"),
    ("blur", lambda label: "sharp" if not label.blur_px else "blurred"),
    ("contrast", lambda label: "faint" if label.contrast < 0.6 else "strong"),
)
Item = TypeVar("Item")


@dataclass(frozen=True)
class ReadLine:
    """A line that is written, and what was read there."""

    text: str
    read: tuple[Line, ...]

    @property
    def said(self) -> str:
        return "".join(line.text for line in self.read)

    @property
    def is_exact(self) -> bool:
        return plain(self.text) == plain(self.said)


def measure_text(options: TextOptions) -> int:
    """Returns the exit status."""
    end_on_signals()
    try:
        rows = _rows_of(options.data) if options.data else []
        with ExitStack() as stack:
            url = options.url
            if url is None:
                settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
                url = stack.enter_context(EmbeddedServer(settings)).url
            client = stack.enter_context(VqaClient(url, timeout_s=_TIMEOUT_S))
            if options.fit:
                write_calibration(options.fit, fit_lines(url, options))
                return 0
            figures = _figures(client, options, rows)
    except (ServingError, VitrineError, DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    print(figures_table(figures).lstrip("\n"))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", "utf-8")
    return 0


def _figures(client: VqaClient, options: TextOptions, rows: list[dict[str, Any]]) -> list[Figure]:
    if options.data:
        return _own_photos(client, rows, options.data, options.threads)
    seeds = range(options.first_label, options.first_label + options.labels)
    labels = read_all(client, seeds, _label, options.threads, "labels")
    found = text_figures(labels)
    found += _fact_figures(labels)
    codes = read_all(client, range(options.codes), _code, options.threads, "codes")
    right = [[code.text for code in reading.codes] == [drawn.text] for drawn, reading in codes]
    wrong = [any(code.text != drawn.text for code in reading.codes) for drawn, reading in codes]
    found += share("codes", "read", right) + share("codes", "wrong", wrong)
    found += _document_figures(read_all(client, range(options.documents), _document, options.threads, "documents"))
    seeds = range(first_seed("test"), first_seed("test") + options.without_text)
    bare = read_all(client, seeds, lambda seed: (seed, photo_from_seed(seed).jpeg_bytes()), options.threads, "photos")
    sure = [any(line.status == "sure" for line in reading.lines) for _, reading in bare]
    return found + share("photos without text", "with a sure line", sure)


def read_all(
    client: VqaClient, items: Iterable[int], draw: Callable[[int], tuple[Item, bytes]], threads: int, what: str
) -> list[tuple[Item, Reading]]:
    """Draw photos and read them, some at a time; in their order."""

    def read(number: int) -> tuple[Item, Reading]:
        item, photo = draw(number)
        return item, client.read(photo)

    numbers = list(items)
    with ThreadPoolExecutor(threads) as pool:
        return list(tqdm(pool.map(read, numbers), total=len(numbers), desc=what, disable=None))


def _label(seed: int) -> tuple[LabelPhoto, bytes]:
    label = label_from_seed(seed, "zh" if seed % 2 else "en")
    return label, label.jpeg_bytes()


def _code(seed: int) -> tuple[CodePhoto, bytes]:
    drawn = code_from_seed(seed)
    return drawn, drawn.jpeg_bytes


def matched(label: LabelPhoto, lines: Sequence[Line]) -> list[ReadLine]:
    """Give each written line what was read at its place, from the left."""
    boxes = [np.array(line.box) for line in label.lines]
    at: list[list[Line]] = [[] for _ in boxes]
    for line in lines:
        middle = np.mean(line.box, axis=0)
        distances = [_distance(middle, box, label.image.size) for box in boxes]
        nearest = int(np.argmin(distances))
        if distances[nearest] < 1:
            at[nearest].append(line)
    return [
        ReadLine(written.text, tuple(sorted(read, key=lambda line: line.box[0][0])))
        for written, read in zip(label.lines, at, strict=True)
    ]


def _distance(point: NDArray[np.float64], box: NDArray[np.float64], size: tuple[int, int]) -> float:
    """How far a point is from a line's middle line, in heights of the line."""
    start, end = (box[0] + box[3]) / 2 * size, (box[1] + box[2]) / 2 * size
    height = float(np.linalg.norm((box[3] - box[0]) * size))
    along = end - start
    place = np.clip(np.dot(point * size - start, along) / np.dot(along, along), 0, 1)
    return float(np.linalg.norm(point * size - start - place * along)) / height


def text_figures(labels: Sequence[tuple[LabelPhoto, Reading]]) -> list[Figure]:
    found: list[Figure] = []
    lines = {label.seed: matched(label, reading.lines) for label, reading in labels}
    for section, chosen in _sections([label for label, _ in labels]):
        rows = [row for label in chosen for row in lines[label.seed]]
        characters = sum(len(plain(row.text)) for row in rows)
        faults = sum(Levenshtein.distance(plain(row.text), plain(row.said)) for row in rows)
        found.append(Figure(section, "characters right", 1 - faults / characters, characters))
        found += share(section, "exact lines", [row.is_exact for row in rows])
    read = sum(len(reading.lines) for _, reading in labels)
    exact = sum(row.is_exact for rows in lines.values() for row in rows)
    written = sum(map(len, lines.values()))
    found.append(Figure("text, all", "F1 of lines", 2 * exact / (read + written)))
    alone = [
        row for rows in lines.values() for row in rows if len(row.read) == 1 and row.read[0].confidence is not None
    ]
    confidence = np.array([row.read[0].confidence or 0.0 for row in alone])
    right = np.array([row.is_exact for row in alone])
    if len(alone):
        found.append(
            Figure("confidence of lines", "expected calibration error", expected_calibration_error(confidence, right))
        )
        sure = [row.is_exact for row in alone if row.read[0].status == "sure"]
        found.append(Figure("confidence of lines", "sure lines", len(sure) / len(alone), len(alone)))
        found += share("confidence of lines", "right among sure ones", sure)
    return found


def _sections(labels: Sequence[LabelPhoto]) -> Iterable[tuple[str, list[LabelPhoto]]]:
    yield "text, all", list(labels)
    for name, group_of in _GROUPS:
        for group in sorted({str(group_of(label)) for label in labels}):
            yield f"text, {name} {group}", [label for label in labels if str(group_of(label)) == group]


def _fact_figures(labels: Sequence[tuple[LabelPhoto, Reading]]) -> list[Figure]:
    hits = said = written = 0
    for label, reading in labels:
        known = Counter((kind, plain(value)) for line in label.lines for kind, value in line.facts)
        found = Counter((fact.kind, plain(fact.value)) for fact in facts_in(reading))
        hits += (known & found).total()
        said += found.total()
        written += known.total()
    return [Figure("facts", "precision", hits / max(said, 1), said), Figure("facts", "recall", hits / written, written)]


def _document(seed: int) -> tuple[DocumentPhoto, bytes]:
    drawn = document_from_seed(seed)
    return drawn, drawn.jpeg_bytes


def _document_figures(documents: Sequence[tuple[DocumentPhoto, Reading]]) -> list[Figure]:
    found, wrong = [], []
    for drawn, reading in documents:
        fields = {field.kind: field for field in reading.document_fields(is_masked=False)}
        found += [kind in fields and fields[kind].value == value for kind, value in drawn.fields.items()]
        wrong += [field.is_verified and drawn.fields.get(kind) != field.value for kind, field in fields.items()]
    return share("documents", "fields found", found) + share("documents", "verified fields that are wrong", wrong)


def _rows_of(file: Path) -> list[dict[str, Any]]:
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


def _own_photos(client: VqaClient, rows: list[dict[str, Any]], file: Path, threads: int) -> list[Figure]:
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
