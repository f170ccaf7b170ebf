"""`python -m training label`: a served release answers questions about unlabelled photos; sure answers become data."""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm
from vitrine_client import Answer, InvalidPhotoError, InvalidRequestError, VitrineError, VqaClient

from builders.checkpoint.digests import write_whole
from builders.errors import BuildError
from evaluation.questions import DataError
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from training.options import LabelCommand

_TIMEOUT_S = 60.0


def label_photos(options: LabelCommand) -> int:
    """Ask, and write a line for each answer that is sure enough. Returns the exit status."""
    try:
        rows = _rows_of(options.questions)
        with (
            EmbeddedServer(ServerSettings(options.repository, grpc_port=0, metrics_port=None)) as server,
            VqaClient(server.url, timeout_s=_TIMEOUT_S) as client,
        ):
            found = _answers(client, rows, options.questions.parent)
    except (ServingError, BuildError, VitrineError, DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    kept = [
        row | {"photo": str((options.questions.parent / row["photo"]).resolve()), "answer": answer.text,
               "weight": options.weight}
        for row, answer in zip(rows, found, strict=True) if answer and is_sure(answer, options.confidence)
    ]  # fmt: skip
    write_whole(options.output, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept).encode())
    common = ", ".join(f"{text} {count}" for text, count in Counter(row["answer"] for row in kept).most_common(5))
    if refused := found.count(None):
        print(f"{refused} photos or questions were refused, and are left out", file=sys.stderr)
    print(f"{len(kept)} of {len(rows)} answers are as sure as {options.confidence:g}: {options.output} ({common})")
    return 0


def _rows_of(file: Path) -> list[dict[str, Any]]:
    """Read the lines that are not blank.

    Raises:
        DataError: one lacks its photo or question.
    """
    rows = []
    for number, line in enumerate(file.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row["photo"], str) or not isinstance(row["question"], str):
                raise TypeError("a text is expected")
            (file.parent / row["photo"]).stat()
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DataError(
                f'{file}, line {number}: {{"photo": PATH, "question": TEXT}} is expected ({error})'
            ) from error
        rows.append(row)
    return rows


def is_sure(answer: Answer, confidence: float) -> bool:
    """Tell whether an answer was given, and surely enough; refusals teach nothing."""
    return answer.status == "answered" and answer.confidence is not None and answer.confidence >= confidence


def _answers(client: VqaClient, rows: list[dict[str, Any]], folder: Path) -> list[Answer | None]:
    def ask(row: dict[str, Any]) -> Answer | None:
        try:
            return client.ask(folder / row["photo"], row["question"])
        except (InvalidPhotoError, InvalidRequestError):  # one bad line must not end ten thousand
            return None

    with ThreadPoolExecutor(4) as pool:
        return list(tqdm(pool.map(ask, rows), total=len(rows), desc="asked", unit="question", disable=None))
