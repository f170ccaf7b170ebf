"""A few questions about a few photos, and the answers of a real server."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine_client import Answer, InvalidPhotoError, InvalidRequestError, VitrineError, VqaClient

from serving.demo_photos import PhotoRound, drawn_rounds, own_rounds
from serving.errors import UsageError, only_serving_errors
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings, beside
from serving.triton.integrity import read_manifest

if TYPE_CHECKING:
    from serving.demo import DemoOptions

MOST_PHOTOS = 5
_TIMEOUT_S = 300.0
"""Deadline of a question: a checkpoint of some thousand million weights takes its time on a CPU."""
_NOTES = {
    "answered": "",
    "cannot_tell": "  <- the photo does not show that",
    "hand_over": "  <- not sure enough: for a person",
}


def show_demo(options: "DemoOptions") -> int:
    """Serve, ask, and print the answers. Returns the exit status."""
    end_on_signals()
    settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
    start_s = time.perf_counter()
    try:
        read_manifest(options.repository)
        folder = beside(options.repository) / "demo"
        rounds = own_rounds(options.photos) if options.photos else drawn_rounds(folder)
        with EmbeddedServer(settings) as server, VqaClient(server.url, timeout_s=_TIMEOUT_S) as client:
            print(f"Triton is ready after {time.perf_counter() - start_s:.1f} s at {server.url}\n")
            photo, question, answer = show_answers(client, rounds)
            _show_heatmap(folder, photo, question, answer)
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("The server has stopped. Next: make serve")
    return 0


def show_answers(client: VqaClient, rounds: Iterable[PhotoRound]) -> tuple[Path, str, Answer]:
    """Ask about the first photos that can be read, and print what is answered; name those that cannot.

    Returns:
        The first photo, the first question about it, and its answer.

    Raises:
        UsageError: no photo can be read.
    """
    answered: list[tuple[Path, str, Answer]] = []
    for one in rounds:
        print(one.photo)
        try:
            answers = [_ask(client, one.photo, question) for question in one.questions]
        except (InvalidPhotoError, InvalidRequestError) as error:
            print(f"  passed over: {error.message}\n")
            continue
        print()
        answered.append((one.photo, one.questions[0], answers[0]))
        if len(answered) == MOST_PHOTOS:
            break
    if not answered:
        raise UsageError("none of these files is a photo that can be read: name a folder with others in --photos")
    return answered[0]


def _show_heatmap(folder: Path, photo: Path, question: str, answer: Answer) -> None:
    if not answer.heatmap.any():
        return  # this family of checkpoints does not show where it looks
    file = folder / "heatmap.png"
    with only_serving_errors("the heatmap cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        answer.overlay(photo).save(file)
    print(f"where {question!r} looked in {photo.name}: {file}")


def _ask(client: VqaClient, photo: Path, question: str) -> Answer:
    start_s = time.perf_counter()
    answer = client.ask(photo, question)
    time_ms = (time.perf_counter() - start_s) * 1000
    sure = "uncalibrated" if answer.confidence is None else f"{answer.confidence:6.1%}"
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in answer.text)
    print(f"  {_pad(question, 28)} {_pad(text, 14)} {sure} {time_ms:6.1f} ms{_NOTES[answer.status]}")
    return answer


def _pad(text: str, columns: int) -> str:
    """Pad to a width on screen, where a Chinese character takes two columns."""
    return text + " " * max(1, columns - sum(2 if ord(c) > 0x2E7F else 1 for c in text))
