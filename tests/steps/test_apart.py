"""Photos that are decoded in a process apart: the operating system holds them to their limits."""

import importlib.util
import io
import os
import signal
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vitrine_steps.photo import pixels as photo_step
from vitrine_steps.photo.apart import APART_KINDS
from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, pixels_decoded_here, pixels_from_photo

LIMITS = PhotoLimits()
RED, GREEN = (220, 20, 30), (20, 200, 40)
with_heic = pytest.mark.skipif(not importlib.util.find_spec("pillow_heif"), reason="needs vitrine[heic]")
without_heic = pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is not None, reason="HEIC is accepted")


def encoded(image: Image.Image, kind: str = "AVIF", **options: Any) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(size: int = 200) -> Image.Image:
    image = Image.new("RGB", (size, size), RED)
    image.paste(GREEN, (size // 2, 0, size, size))
    return image


def noise(width: int, height: int) -> Image.Image:
    small = np.random.default_rng(2).integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height))


def shown(photo: bytes, **limits: Any) -> np.ndarray:
    return pixels_from_photo(photo, side_px=32, limits=PhotoLimits(**limits))


def test_avif_is_decoded_as_it_would_be_here() -> None:
    for image in (halves(), halves().convert("L"), noise(640, 480)):
        photo = encoded(image)
        here = pixels_decoded_here(photo, "AVIF", side_px=32, limits=LIMITS, draft_ratio=8)
        assert np.array_equal(shown(photo), here)
    assert np.abs(shown(encoded(halves()))[16, 4].astype(int) - RED).max() <= 4


def test_avif_is_turned_made_opaque_and_stopped_at_its_first_frame() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    top = shown(encoded(halves(), exif=exif))[4, 16].astype(int)
    assert np.abs(top - RED).max() <= 4
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert (shown(encoded(clear)) >= 253).all()
    moving = encoded(Image.new("RGB", (64, 64), RED), save_all=True, append_images=[Image.new("RGB", (64, 64), GREEN)])
    assert np.abs(shown(moving)[5, 5].astype(int) - RED).max() <= 4


AVIF = encoded(noise(1600, 1200))
REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "too many pixels": (encoded(halves(512)), {"max_pixels": 250_000}, "512 x 512 = 262144 pixels"),
    "too many bytes": (AVIF, {"max_bytes": 1000}, "more than the 1000 allowed"),
    "too long to decode": (AVIF, {"max_decode_s": 0.01}, r"takes more than 0\.01 s to decode"),
    "too large for its memory, by its header": (AVIF, {"max_decode_bytes": 2**20}, "takes 16 MiB to decode, more than"),
    "too large for its memory, as it is decoded": (
        AVIF, {"max_decode_bytes": 17 * 2**20}, "takes more than the 17 MiB allowed",
    ),
    "cut short": (AVIF[: len(AVIF) // 2], {}, "broken"),
    "cut in its header": (AVIF[:100], {}, "the AVIF photo is broken or cut short"),
    "noise": (AVIF[:40] + bytes(range(256)) * 9, {}, "the AVIF photo is broken or cut short"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused(sentence: str) -> None:
    photo, limits, words = REFUSED[sentence]
    with pytest.raises(PhotoError, match=words):
        shown(photo, **limits)
    assert shown(encoded(halves())).shape == (32, 32, 3), "the next one is decoded"


def test_a_decoder_that_was_killed_is_started_again() -> None:
    photo = encoded(halves())
    expected = shown(photo)
    process = photo_step._decoder_apart._process
    assert process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert np.array_equal(shown(photo), expected)
    assert photo_step._decoder_apart._process is not process


def test_it_ends_with_who_asked() -> None:
    shown(encoded(halves()))
    process = photo_step._decoder_apart._process
    assert process
    assert process.stdin
    process.stdin.close()
    assert process.wait(30) == 0
    photo_step._decoder_apart.close()
    assert shown(encoded(halves())).shape == (32, 32, 3)


def damaged(photo: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(photo)
    for _ in range(rng.integers(1, 6)):
        at = rng.integers(0, len(changed) if rng.random() < 0.5 else min(len(changed), 400))
        changed[at] = rng.integers(0, 256)
    return bytes(changed[: len(changed) - rng.integers(0, 40)])


def test_any_damage_is_decoded_or_refused() -> None:
    rng = np.random.default_rng(int(os.environ.get("VITRINE_DAMAGE_SEED", "1")))
    good = encoded(noise(96, 80))
    for _ in range(int(os.environ.get("VITRINE_DAMAGED_PHOTOS", "60"))):
        try:
            assert shown(damaged(good, rng)).shape == (32, 32, 3)
        except PhotoError as error:
            assert len(str(error)) < 300


@without_heic
@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_is_refused_by_name_and_says_what_to_do(brand: bytes) -> None:
    photo = b"\0\0\0\x24ftyp" + brand + bytes(4) + b"mif1MiHEMiPrmiafheic" + bytes(60)
    with pytest.raises(PhotoError, match="format, HEIC, is not accepted here: convert it to JPEG"):
        shown(photo)
    assert "HEIC" in APART_KINDS


@with_heic
def test_heic_is_decoded_and_held_to_the_same_limits() -> None:
    photo = encoded(halves(), "HEIF", quality=90)
    assert np.abs(shown(photo)[16, 4].astype(int) - RED).max() <= 6
    large = encoded(noise(1600, 1200), "HEIF", enc_params={"preset": "ultrafast"})
    for limits in ({"max_decode_s": 0.01}, {"max_decode_bytes": 2**20}, {"max_pixels": 1000}):
        with pytest.raises(PhotoError, match=r"HEIC|pixels"):
            shown(large, **limits)
    with pytest.raises(PhotoError, match="the HEIC photo is broken"):
        shown(photo[: len(photo) // 2])


@with_heic
def test_any_damage_to_heic_is_decoded_or_refused() -> None:
    rng = np.random.default_rng(int(os.environ.get("VITRINE_DAMAGE_SEED", "2")))
    good = encoded(noise(96, 80), "HEIF", enc_params={"preset": "ultrafast"})
    for _ in range(int(os.environ.get("VITRINE_DAMAGED_PHOTOS", "60"))):
        try:
            assert shown(damaged(good, rng)).shape == (32, 32, 3)
        except PhotoError as error:
            assert len(str(error)) < 300
