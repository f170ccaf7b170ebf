"""Latency of one question, start-up time, and memory after many questions, of the embedded server."""

import io
import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from tqdm import tqdm
from vitrine_client import VitrineError, VqaClient

from benchmarks.mixes import draw_photo
from builders.parity.timing import medians_ms
from catalogue.questions import words
from measuring.memory import tree_memory_mib
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo

if TYPE_CHECKING:
    from benchmarks.one_question import OneQuestionOptions

QUESTIONS = ("What colour is it?", "这是什么？", "How many items are there?", "上面是什么图案？")
_WARMUP = 20
_MEMORY_EVERY = 500
_MEMORY_CALLERS = 16
_MEMORY_CACHE_MIB = 64
_PHOTO_SIZES_PX = {"0.3": (640, 480), "1": (1152, 864), "4": (2304, 1728), "12": (4000, 3000)}
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")


def measure_one_question(options: "OneQuestionOptions") -> int:
    """Start the server twice, measure it, and print the figures. Returns the exit status."""
    end_on_signals()
    settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
    start_s = time.perf_counter()
    try:
        with EmbeddedServer(settings) as server, VqaClient(server.url) as client:
            figures = {"ready_s": time.perf_counter() - start_s}
            figures |= latency_figures(client, options.photos)
        figures |= photo_step_figures(options.repository)
        # A cache that is soon full, so that what still grows is not the cache.
        small_cache = replace(settings, cache_mib=_MEMORY_CACHE_MIB)
        with EmbeddedServer(small_cache) as server, VqaClient(server.url) as client:
            figures |= memory_figures(client, server.pid, options.questions, options.together)
    except (ServingError, VitrineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, value in figures.items():
        print(f"{name:<32} {value:10.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def photo_step_figures(repository: Path) -> dict[str, float]:
    """Milliseconds from a photo to the encoder's pixels, by format and megapixels, without a server; medians."""
    manifest = json.loads((repository / "manifest.json").read_text("utf-8"))
    decode = partial(
        pixels_from_photo,
        side_px=manifest["dimensions"]["image_px"],
        limits=PhotoLimits(),
        draft_ratio=manifest["draft_ratio"],
    )
    photos = {
        f"photo_step_{kind.lower()}_{megapixels}_mpx_ms": encode_photo(draw_photo(0, size_px), kind)
        for megapixels, size_px in _PHOTO_SIZES_PX.items()
        for kind in _FORMATS
    }
    return medians_ms({name: partial(decode, photo) for name, photo in photos.items()})


def encode_photo(jpeg: bytes, kind: str) -> bytes:
    """Save a photo in another format."""
    if kind == "JPEG":
        return jpeg
    buffer = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(buffer, kind)
    return buffer.getvalue()


def latency_figures(client: VqaClient, photos: int) -> dict[str, float]:
    """Milliseconds of a question about each photo, of it again, and of a closed list; medians and spread."""
    encoded = [draw_photo(index) for index in tqdm(range(photos + _WARMUP), desc="drawing photos", leave=False)]
    candidates = _words()
    times_ms: dict[str, list[float]] = {"new_photo_ms": [], "same_photo_again_ms": [], "list_of_64_ms": []}
    for index, photo in enumerate(tqdm(encoded, desc="latency", leave=False)):
        question = QUESTIONS[index % len(QUESTIONS)]
        for name, found_ms in times_ms.items():
            start_s = time.perf_counter()
            if name == "list_of_64_ms":
                client.choose(photo, question, candidates)
            else:
                client.ask(photo, question)
            found_ms.append((time.perf_counter() - start_s) * 1000)
    figures: dict[str, float] = {}
    for name, found_ms in times_ms.items():
        figures |= _spread(name, found_ms[_WARMUP:])
    return figures


def _words() -> list[str]:
    """64 allowed answers of one to three words: "red", "backpack", "red backpack", ..."""
    colours, categories = words("colour", "en"), words("category", "en")
    both = (f"{colour} {category}" for colour in colours for category in categories)
    return list(dict.fromkeys([*colours, *categories, *both]))[:64]


def _spread(name: str, times_ms: list[float]) -> dict[str, float]:
    tenths = statistics.quantiles(times_ms, n=10)
    return {f"{name}_median": statistics.median(times_ms), f"{name}_p10": tenths[0], f"{name}_p90": tenths[-1]}


def memory_figures(client: VqaClient, pid: int, questions: int, together: int) -> dict[str, float]:
    """Memory of the server tree in MiB (proportional set size, so that shared pages count once), and its growth.

    Args:
        together: questions about each photo, in one request.
    """
    encoded = [draw_photo(10_000 + index) for index in tqdm(range(500), desc="drawing photos", leave=False)]

    def ask(index: int) -> None:
        # Photo bytes that were never seen: a trailing number makes them new.
        asked = [QUESTIONS[(index + number) % len(QUESTIONS)] for number in range(together)]
        client.ask_many(encoded[index // together % len(encoded)] + index.to_bytes(4, "big"), asked)

    curve_mib = []
    with ThreadPoolExecutor(_MEMORY_CALLERS) as pool:
        for start in tqdm(range(0, questions, _MEMORY_EVERY), desc="memory", unit_scale=_MEMORY_EVERY, leave=False):
            list(pool.map(ask, range(start, min(start + _MEMORY_EVERY, questions), together)))
            curve_mib.append(tree_memory_mib(pid))
    half = curve_mib[len(curve_mib) // 2 :]
    return {
        "memory_mib_after_all": curve_mib[-1],
        "memory_mib_at_half": half[0],
        "memory_growth_last_half_percent": (half[-1] / half[0] - 1) * 100,
    }
