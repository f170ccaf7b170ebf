"""A few questions about a few photos, and the answers of a real server."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine_client import VitrineError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.errors import only_serving_errors
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings, beside
from serving.triton.integrity import read_manifest

if TYPE_CHECKING:
    from serving.demo import DemoOptions

QUESTIONS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("What is this?", "What colour is it?", "这个商品有几件？")),
    (1, ("这是什么？", "它是什么颜色的？", "How many items are there?")),
    (2, ("What pattern does it have?", "上面是什么图案？", "How much does it cost?", "这个多少钱？")),
)
_FIRST_PHOTO = 1
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
        with only_serving_errors("the photos cannot be written"):
            photos = _write_photos(beside(options.repository) / "demo")
        with EmbeddedServer(settings) as server, VqaClient(server.url) as client:
            print(f"Triton is ready after {time.perf_counter() - start_s:.1f} s at {server.url}\n")
            for index, questions in QUESTIONS:
                print(photos[index])
                for question in questions:
                    _ask(client, photos[index], question)
                print()
            heatmap = photos[-1].with_name("heatmap.png")
            client.ask(photos[0], QUESTIONS[0][1][0]).overlay(photos[0]).save(heatmap)
            print(f"where {QUESTIONS[0][1][0]!r} looked in photo1.jpg: {heatmap}")
    except VitrineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("The server has stopped. Next: make serve")
    return 0


def _write_photos(folder: Path) -> list[Path]:
    """Draw photos that the checkpoint was not trained on, and write them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for index, _ in QUESTIONS:
        photo = photo_from_seed(first_seed("test") + _FIRST_PHOTO + index)
        file = folder / f"photo{index + 1}.jpg"
        file.write_bytes(photo.jpeg_bytes())
        files.append(file)
    return files


def _ask(client: VqaClient, photo: Path, question: str) -> None:
    start_s = time.perf_counter()
    answer = client.ask(photo, question)
    time_ms = (time.perf_counter() - start_s) * 1000
    sure = "uncalibrated" if answer.confidence is None else f"{answer.confidence:6.1%}"
    print(f"  {_pad(question, 28)} {_pad(answer.text, 14)} {sure} {time_ms:6.1f} ms{_NOTES[answer.status]}")


def _pad(text: str, columns: int) -> str:
    """Pad to a width on screen, where a Chinese character takes two columns."""
    return text + " " * max(1, columns - sum(2 if ord(c) > 0x2E7F else 1 for c in text))
