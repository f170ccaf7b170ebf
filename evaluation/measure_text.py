"""Measures of what was read, beside what is written there."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein
from vitrine_client import Reading, VitrineError, VqaClient
from vitrine_client.facts import facts_in

from catalogue.code_photos import CodePhoto, code_from_seed
from catalogue.dataset import first_seed
from catalogue.documents import DocumentPhoto, document_from_seed
from catalogue.labels import LabelPhoto, label_from_seed
from catalogue.photos import photo_from_seed
from evaluation.calibration import expected_calibration_error
from evaluation.figures import Figure, figures_table, share
from evaluation.fit_text import fit_lines, write_calibration
from evaluation.own_labels import own_photo_figures, rows_of
from evaluation.questions import DataError
from evaluation.read_lines import matched, read_all
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


def measure_text(options: TextOptions) -> int:
    """Returns the exit status."""
    end_on_signals()
    try:
        rows = rows_of(options.data) if options.data else []
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
        return own_photo_figures(client, rows, options.data, options.threads)
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


def _label(seed: int) -> tuple[LabelPhoto, bytes]:
    label = label_from_seed(seed, "zh" if seed % 2 else "en")
    return label, label.jpeg_bytes()


def _code(seed: int) -> tuple[CodePhoto, bytes]:
    drawn = code_from_seed(seed)
    return drawn, drawn.jpeg_bytes


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
