"""(d) The floor: the engines alone, called in this process, in the arrangement that is fastest here."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.mixes import QUESTIONS, draw_photo
from benchmarks.systems import Model
from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER
from vitrine_steps.features import EXTRA_ROWS, pack_features
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo, sha256_of_photo

_LIMITS = PhotoLimits()
_PHOTOS = 16
_ENGINES = (IMAGE_ENCODER, ANSWER_DECODER)


@dataclass(frozen=True)
class Arrangement:
    """Way to call the engines."""

    callers: int
    threads: int
    """Threads that a run of an engine uses."""
    rows: int
    """Rows of a run: the batch."""


class Floor:
    """Engines and inputs for them: pixels and token ids are ready, so nothing but the engines works."""

    def __init__(self, model: Model, *, try_s: float) -> None:
        """
        Args:
            try_s: how long each arrangement is tried.
        """
        from tokenizers import Tokenizer

        manifest = json.loads((model.repository / "manifest.json").read_text("utf-8"))
        dimensions = manifest["dimensions"]
        self._files = {name: model.repository / manifest["engines"][name]["file"] for name in _ENGINES}
        self._photos = [draw_photo(index) for index in range(_PHOTOS)]
        self._pixels = np.stack([self._pixels_of(photo, dimensions["image_px"]) for photo in self._photos])
        tokenizer = Tokenizer.from_file(str(model.repository / "question_preprocess" / "1" / "tokenizer.json"))
        tokenizer.enable_padding(length=dimensions["question_tokens"])
        encoded = tokenizer.encode_batch([QUESTIONS[index % len(QUESTIONS)] for index in range(_PHOTOS)])
        self._ids = np.array([[one.ids] for one in encoded], np.int32)
        self._mask = np.array([[one.attention_mask] for one in encoded], np.int32)
        self._digests = np.stack([sha256_of_photo(photo) for photo in self._photos])
        self._sessions: dict[int, dict[str, Any]] = {}
        cores = os.cpu_count() or 1
        arrangements = [Arrangement(1, cores, 1), Arrangement(1, cores, 8)]
        arrangements += [Arrangement(cores, 1, 1), Arrangement(cores, 1, 8)]
        self.best = max(arrangements, key=lambda one: self._rate(one, try_s))

    def rate(self, seconds: float) -> float:
        """Questions a second about new photos."""
        return self._rate(self.best, seconds)

    @staticmethod
    def _pixels_of(photo: bytes, side_px: int) -> Any:
        return pixels_from_photo(photo, side_px=side_px, limits=_LIMITS)

    def _engines(self, threads: int) -> dict[str, Any]:
        if threads not in self._sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            self._sessions.clear()  # one copy of the weights at a time
            self._sessions[threads] = {
                name: onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
                for name, file in self._files.items()
            }
        return self._sessions[threads]

    def _rate(self, arrangement: Arrangement, seconds: float) -> float:
        run = self._run_of(arrangement)
        run(0)
        end = time.perf_counter() + seconds

        def caller(number: int) -> int:
            count = 0
            while time.perf_counter() < end:
                run(number + count)
                count += 1
            return count

        start = time.perf_counter()
        with ThreadPoolExecutor(arrangement.callers) as pool:
            runs = sum(pool.map(caller, range(arrangement.callers)))
        return runs * arrangement.rows / (time.perf_counter() - start)

    def _run_of(self, arrangement: Arrangement) -> Callable[[int], None]:
        engines, rows = self._engines(arrangement.threads), arrangement.rows

        def run(number: int) -> None:
            index = (np.arange(rows) + number * rows) % _PHOTOS
            features, pooled = engines[IMAGE_ENCODER].run(
                ["ENCODED_FEATURES", "IMAGE_POOLED"], {"PIXELS": self._pixels[index]}
            )
            packed = pack_features(features, pooled, self._digests[index])
            assert packed.shape[1] == features.shape[1] + EXTRA_ROWS
            asked = {"IMAGE_FEATURES": packed, "QUESTION_IDS": self._ids[index], "QUESTION_MASK": self._mask[index]}
            engines[ANSWER_DECODER].run(None, asked)

        return run
