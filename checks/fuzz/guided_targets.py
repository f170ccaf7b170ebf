"""Targets of the fuzzing that coverage guides, and inputs to begin with."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import atheris
import numpy as np
from PIL import Image, ImageCms

from checks.fuzz.leaks import leak_in
from command_line.values import make_folder

if TYPE_CHECKING:
    from checks.fuzz.guided import GuidedOptions

_SIDE_PX = 112
_SEED_SIZE = (48, 40)


def photo_target(repository: Path) -> Callable[[bytes], None]:
    with atheris.instrument_imports(include=["vitrine_steps", "PIL"]):
        from vitrine_steps.photo import pixels as photo
    limits = photo.PhotoLimits()

    def one(data: bytes) -> None:
        try:
            pixels = photo.pixels_from_photo(data, side_px=_SIDE_PX, limits=limits)
        except photo.PhotoError as error:
            assert not leak_in(str(error)), error
        else:
            assert pixels.shape == (_SIDE_PX, _SIDE_PX, 3)
            assert pixels.dtype == np.uint8

    return one


def question_target(repository: Path) -> Callable[[bytes], None]:
    with atheris.instrument_imports(include=["vitrine_steps"]):
        from vitrine_steps import question
        from vitrine_steps.step_settings import read_settings
        from vitrine_steps.text import TextError
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(repository / "question_preprocess" / "1" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    limits = question.QuestionLimits(max_bytes=4096, max_tokens=32)
    family = read_settings(repository / "question_preprocess" / "1").family
    steps = question.QuestionSteps(tokenizer, limits, family)

    def one(data: bytes) -> None:
        try:
            ids, mask = question.padded([question.tokens_from_question(data, steps)], steps)
        except TextError as error:
            assert not leak_in(str(error)), error
        else:
            assert ids.shape == mask.shape == (1, 32)
            assert mask.sum() > 0

    return one


def answer_target(repository: Path) -> Callable[[bytes], None]:
    """Take any tokens, as of an engine gone mad."""
    with atheris.instrument_imports(include=["vitrine_steps"]):
        from vitrine_steps import answer, calibration, confidence
        from vitrine_steps.step_settings import read_settings
    from tokenizers import Tokenizer

    folder = repository / "answer_postprocess" / "1"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    settings = read_settings(folder)
    fitted = calibration.read_calibration(folder / "calibration.json")

    def one(data: bytes) -> None:
        numbers = np.frombuffer(data[: len(data) // 4 * 4].ljust(320, b"\0")[:320], np.int32)
        ids = np.abs(numbers[:40].reshape(5, 8).astype(np.int64)).astype(np.int32) % tokenizer.get_vocab_size()
        logprobs = -np.abs(numbers[40:].view(np.float32).reshape(5, 8))  # NaN and infinity among them
        try:
            candidates = answer.candidates_from_decoder(ids, logprobs, tokenizer, settings)
        except FloatingPointError:  # of log-probabilities that are no numbers; callers hear of an internal error
            return
        found = confidence.judge(
            candidates, frozenset({"cannot tell"}), fitted, question="Is it red?", language="en", max_risk=None
        )
        assert found.verdict.status in ("answered", "cannot_tell", "hand_over")
        assert len(found.confidences) == len(found.texts) == len(candidates)

    return one


TARGETS = {"photo": photo_target, "question": question_target, "answer": answer_target}


def seeds(target: str) -> list[bytes]:
    """Good inputs to begin with."""
    if target == "question":
        return [b"What colour is it?", "这是什么颜色的？".encode(), "Ａ１ 🙂".encode(), b"\xff"]
    if target == "answer":
        return [bytes(320), b"\1\0\0\0" * 80]
    picture = Image.linear_gradient("L").resize(_SEED_SIZE)
    colour = Image.merge("RGB", (picture, picture.rotate(180), picture))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = srgb.replace(b"rXYZ", b"last").replace(b"bXYZ", b"rXYZ").replace(b"last", b"bXYZ")  # a space of its own
    variants: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (colour, "JPEG", {}), (colour, "JPEG", {"progressive": True}), (colour.convert("CMYK"), "JPEG", {}),
        (colour, "PNG", {}), (colour.quantize(8), "PNG", {"transparency": 1}), (colour.convert("RGBA"), "PNG", {}),
        (colour, "WEBP", {"lossless": True}), (colour, "WEBP", {"quality": 50}),
        (colour, "MPO", {"save_all": True, "append_images": [colour]}), (colour, "AVIF", {}),
        (colour, "JPEG", {"icc_profile": profile}), (colour, "PNG", {"icc_profile": profile}),
    ]  # fmt: skip
    found = []
    for image, kind, options in variants:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        found.append(buffer.getvalue())
    return found


def fuzz_target(options: "GuidedOptions") -> int:
    """Fuzz one step's code until the time is over, or something is found. Returns the exit status."""
    corpus = options.output / f"{options.target}-corpus"
    make_folder(corpus)
    for number, seed in enumerate(seeds(options.target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = [
        f"-max_total_time={options.seconds}", "-seed=1", "-timeout=5", "-rss_limit_mb=1500", "-max_len=65536",
        "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={options.output}/{options.target}-", str(corpus),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *words], TARGETS[options.target](options.repository))
    atheris.Fuzz()  # ends the process itself
    return 0
