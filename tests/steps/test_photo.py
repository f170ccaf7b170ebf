"""The photo step: what is accepted is decoded rightly, what is not is refused clearly."""

import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from transformers import BlipImageProcessorPil

from vitrine_steps.photo import pixels as photo_step
from vitrine_steps.photo import square
from vitrine_steps.photo.pixels import DRAFT_RATIO, PhotoError, PhotoLimits, pixels_from_photo, sha256_of_photo

LIMITS = PhotoLimits(max_bytes=100_000, max_pixels=250_000)
SIDE = 32
RED, GREEN, WHITE = (220, 20, 30), (20, 200, 40), (255, 255, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(left: tuple[int, int, int], right: tuple[int, int, int], size: int = 64) -> Image.Image:
    image = Image.new("RGB", (size, size), left)
    image.paste(right, (size // 2, 0, size, size))
    return image


def test_pixels_equal_those_of_the_reference_processor() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (90, 71, 3), dtype=np.uint8)
    ours = pixels_from_photo(encoded(Image.fromarray(photo)), side_px=SIDE, limits=LIMITS)
    processor = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}, do_rescale=False, do_normalize=False)
    theirs = processor(Image.fromarray(photo), return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("size", [(200, 150), (900, 620), (1300, 990)])
def test_large_jpegs_are_drafted_and_look_the_same(size: tuple[int, int]) -> None:
    """Smooth pictures come out within 3 of 255 levels of those decoded in full; what is small, to the bit."""
    picture = Image.linear_gradient("L").resize(size)
    photo = encoded(Image.merge("RGB", (picture, picture.rotate(180), picture)), "JPEG", quality=90)
    limits = PhotoLimits(max_bytes=10**6, max_pixels=10**7)
    drafted, whole = (
        pixels_from_photo(photo, side_px=SIDE, limits=limits, draft_ratio=ratio) for ratio in (DRAFT_RATIO, None)
    )
    assert np.abs(drafted.astype(int) - whole.astype(int)).max() <= 3
    assert np.array_equal(drafted, pixels_from_photo(photo, side_px=SIDE, limits=limits))


def test_twelve_megapixels_are_not_decoded_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder gives a quarter of the photo's pixels, blocks are averaged, and the resize sees the rest."""
    decoded = []
    resize = Image.Image.resize

    def seen(image: Image.Image, *arguments: Any, **named: Any) -> Image.Image:
        decoded.append(image.size)
        return resize(image, *arguments, **named)

    photo = encoded(Image.new("RGB", (4000, 3000), RED), "JPEG")
    monkeypatch.setattr(Image.Image, "resize", seen)
    pixels = pixels_from_photo(photo, side_px=112, limits=PhotoLimits(max_bytes=10**6, max_pixels=12_000_000))
    assert decoded == [(1000, 1500)]
    assert np.abs(pixels.astype(int) - RED).max() <= 2


def png(depth: int, kind: int, row: bytes, clear: bytes, rows: int = 20, columns: int = 20) -> bytes:
    """A PNG of bit depths that Pillow does not write, with a transparent colour."""
    photo = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">2I5B", columns, rows, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tRNS", clear), (b"IDAT", zlib.compress((b"\0" + row) * rows)), (b"IEND", b""))
    for name, content in chunks:
        photo += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return photo


GREY, COLOUR = 0, 2
CLEAR = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
PALETTE_CLEAR = Image.new("P", (20, 20), 0)
PALETTE_CLEAR.putpalette([0, 0, 0, *RED])

ACCEPTED = {
    "a PNG": (encoded(Image.new("RGB", (20, 20), RED)), RED),
    "a JPEG": (encoded(Image.new("RGB", (20, 20), RED), "JPEG", quality=95), RED),
    "a WebP": (encoded(Image.new("RGB", (20, 20), RED), "WEBP", lossless=True), RED),
    "a CMYK JPEG": (encoded(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG", quality=95), (255, 0, 0)),
    "a 16-bit grey PNG": (encoded(Image.fromarray(np.full((20, 20), 128 * 257, np.uint16))), (128, 128, 128)),
    "a 1-bit PNG": (encoded(Image.new("1", (20, 20), 1)), WHITE),
    "a grey PNG with alpha": (encoded(Image.new("LA", (20, 20), (0, 0))), WHITE),
    "a palette PNG": (encoded(Image.new("RGB", (20, 20), RED).convert("P", palette=Image.Palette.ADAPTIVE)), RED),
    "transparency is shown on white": (encoded(CLEAR), WHITE),
    "a clear palette colour is shown on white": (encoded(PALETTE_CLEAR, transparency=0), WHITE),
    "of an animation, the first frame": (
        encoded(Image.new("RGB", (20, 20), RED), "WEBP", lossless=True, save_all=True,
                append_images=[Image.new("RGB", (20, 20), GREEN)]),
        RED,
    ),
    "16-bit grey that is clear": (png(16, GREY, b"\1\2" * 20, b"\1\2"), WHITE),
    "16-bit grey that is hardly not the clear one": (png(16, GREY, b"\1\2" * 20, b"\1\3"), (1, 1, 1)),
    "16-bit colour that is clear": (png(16, COLOUR, b"\1\2\3\4\5\6" * 20, b"\1\2\3\4\5\6"), WHITE),
    "16-bit colour that is not": (png(16, COLOUR, b"\xc8\2\3\4\5\6" * 20, b"\1\2\3\4\5\6"), (200, 3, 5)),
    "8-bit colour that is clear": (png(8, COLOUR, b"\1\3\5" * 20, b"\0\1\0\3\0\5"), WHITE),
    "4-bit grey that is clear": (png(4, GREY, b"\x33" * 10, b"\0\3"), WHITE),
    "4-bit grey that is not": (png(4, GREY, b"\x33" * 10, b"\0\2"), (51, 51, 51)),
    "2-bit grey that is clear": (png(2, GREY, b"\x55" * 5, b"\0\1"), WHITE),
    "1-bit black that is clear": (png(1, GREY, b"\0\0\0", b"\0\0"), WHITE),
    "one pixel": (encoded(Image.new("RGB", (1, 1), RED)), RED),
}  # fmt: skip


@pytest.mark.parametrize("sentence", ACCEPTED)
def test_accepted(sentence: str) -> None:
    photo, colour = ACCEPTED[sentence]
    pixels = pixels_from_photo(photo, side_px=SIDE, limits=LIMITS)
    assert pixels.shape == (SIDE, SIDE, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[SIDE // 2, SIDE // 2].astype(int) - colour).max() <= 3  # JPEG is lossy


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    y, x = np.mgrid[0:40, 0:60]  # a gradient that looks different from every side
    image = Image.fromarray(np.stack([4 * x, 6 * y, x + y], axis=2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = encoded(image, exif=exif)
    upright = encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(turned))))
    got = pixels_from_photo(turned, side_px=SIDE, limits=LIMITS).astype(int)
    expected = pixels_from_photo(upright, side_px=SIDE, limits=LIMITS)
    assert np.abs(got - expected).max() <= 2  # resizing rounds between its two passes


def test_exif_that_cannot_be_read_is_passed_over() -> None:
    orientation_as_text = struct.pack("<HHI4s", 0x0112, 2, 4, b"abc\0")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + orientation_as_text + bytes(4)
    photo = encoded(halves(RED, GREEN), "JPEG", exif=exif)
    assert pixels_from_photo(photo, side_px=SIDE, limits=LIMITS).shape == (SIDE, SIDE, 3)


GOOD = encoded(halves(RED, GREEN, 200), "JPEG")
REFUSED = {
    "empty": (b"", "0 bytes"),
    "not an image": (b"hello, this is text", "not an image that is known here"),
    "a GIF is not accepted": (
        encoded(Image.new("P", (9, 9)), "GIF"),
        "the photo's format, GIF, is not accepted: send JPEG",
    ),
    "a BMP is not accepted": (encoded(Image.new("RGB", (9, 9)), "BMP"), "format, BMP, is not accepted"),
    "a TIFF is not accepted": (encoded(Image.new("RGB", (9, 9)), "TIFF"), "format, TIFF, is not accepted"),
    "a WebP cut short": (encoded(halves(RED, GREEN, 200), "WEBP")[:90], "the WEBP photo is broken or cut short"),
    "a JPEG cut in its header": (GOOD[:20], "the JPEG photo is broken or cut short"),
    "a PNG cut short": (encoded(halves(RED, GREEN, 200))[:90], "the PNG photo is broken or cut short"),
    "a JPEG cut short": (GOOD[: len(GOOD) // 2], "broken or cut short"),
    "header only": (encoded(Image.new("RGB", (99, 99)))[:60], "broken or cut short"),
    "too many bytes": (GOOD + b"\0" * 100_000, "more than the 100000 allowed"),
    "too many pixels": (encoded(Image.new("1", (501, 500))), "501 x 500 = 250500 pixels"),
    "a bomb of pixels": (encoded(Image.new("1", (9000, 9000))), "81000000 pixels"),
    "PNG magic, then noise": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "send"),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused(sentence: str) -> None:
    photo, words = REFUSED[sentence]
    with pytest.raises(PhotoError) as caught:
        pixels_from_photo(photo, side_px=SIDE, limits=LIMITS)
    assert words in str(caught.value)


WHOLE = {kind: encoded(halves(RED, GREEN), kind) for kind in ("JPEG", "PNG", "WEBP")}


@given(
    st.sampled_from(sorted(WHOLE)),
    st.dictionaries(st.integers(0, 10_000), st.integers(0, 255), max_size=8),
    st.integers(0, 10_000),
)
def test_any_damage_is_decoded_or_refused_never_raised_otherwise(kind: str, changes: dict[int, int], cut: int) -> None:
    damaged = bytearray(WHOLE[kind])
    for position, value in changes.items():
        damaged[position % len(damaged)] = value
    try:
        pixels = pixels_from_photo(bytes(damaged[: len(damaged) - cut % 50]), side_px=SIDE, limits=LIMITS)
    except PhotoError:
        return
    assert pixels.shape == (SIDE, SIDE, 3)


def scan_bomb() -> bytes:
    """A small file that paints its picture again and again: 2,000 times, it held a step for 80 s."""
    photo = encoded(Image.new("L", (2000, 2000), 128), "JPEG", progressive=True)
    last_scan = photo[photo.rindex(b"\xff\xda") : -2]
    return photo[:-2] + last_scan * 300 + photo[-2:]


def baseline_scan_bomb() -> bytes:
    """Not progressive, but with a scan for each colour, so that all of them are kept, and read again and again."""
    photo = encoded(Image.new("RGB", (2000, 2000), RED), "JPEG", subsampling=0)
    start = photo.index(b"\xff\xda")
    scans = [b"\xff\xda\0\x08\x01" + bytes([colour, 0x11 * (colour > 1)]) + b"\0\x3f\0\0" for colour in (1, 2, 3)]
    return photo[:start] + b"".join(scans * 120) + photo[-2:]


def with_another_picture(photo: bytes) -> bytes:
    """A JPEG that says it holds a second picture, as phones write them: Pillow opens it by another decoder, MPO."""
    entry = struct.pack(">IIIHH", 0x030000, len(photo), 0, 0, 0)
    tags = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, struct.pack(">I", 2)), (0xB002, 7, 32, struct.pack(">I", 50))]
    index = b"MM\0*" + struct.pack(">IH", 8, len(tags))
    index += b"".join(struct.pack(">HHI", *tag[:3]) + tag[3] for tag in tags) + struct.pack(">I", 0) + entry * 2
    body = b"MPF\0" + index
    return photo[:2] + b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body + photo[2:] + photo


def with_a_scan_that_is_none(photo: bytes) -> bytes:
    """Before the first scan a note that looks like one of all colours to who reads it from the wrong byte on.

    The note's marker begins with two bytes of ff, as it may: who skips one only takes a length that leads into it.
    """
    note = (b"\0\0" + b"\xff\xda\0\x0c\x03" * 14_000)[: 0xFFFF - 2]
    return photo[:2] + b"\xff\xff\xe1\xff\xff" + note + photo[2:]


def test_a_photo_with_another_picture_behind_it_is_read() -> None:
    photo = with_another_picture(WHOLE["JPEG"])
    assert Image.open(io.BytesIO(photo)).format == "MPO"
    found = pixels_from_photo(photo, side_px=SIDE, limits=LIMITS)
    assert np.array_equal(found, pixels_from_photo(WHOLE["JPEG"], side_px=SIDE, limits=LIMITS))


def test_of_a_photo_with_one_scan_what_follows_costs_nothing() -> None:
    """Phones put films behind their photos, in which the mark of a scan occurs by chance."""
    photo = encoded(Image.new("RGB", (3000, 3000), RED), "JPEG")
    for behind in (photo, with_another_picture(photo)):
        found = pixels_from_photo(behind + b"\xff\xda" * 500, side_px=SIDE, limits=PhotoLimits())
        assert found.shape == (SIDE, SIDE, 3)


def png_of_tiny_chunks() -> bytes:
    chunk = b"\0\0\0\0prIv" + struct.pack(">I", zlib.crc32(b"prIv"))
    photo = encoded(Image.new("L", (50, 50)))
    return photo[:33] + chunk * 1_000_000 + photo[33:]


COSTLY = {
    "a progressive JPEG of very many scans": (scan_bomb, r"paints its 4000000 pixels in 30\d scans"),
    "a baseline JPEG of very many scans": (baseline_scan_bomb, r"paints its 4000000 pixels in 360 scans"),
    "the same, with another picture": (
        lambda: with_another_picture(scan_bomb()),
        r"paints its 4000000 pixels in \d{3} scans",
    ),
    "the same of the baseline": (
        lambda: with_another_picture(baseline_scan_bomb()),
        r"paints its 4000000 pixels in \d{3} scans",
    ),
    "the same, behind a scan that is none": (
        lambda: with_a_scan_that_is_none(baseline_scan_bomb()),
        r"paints its 4000000 pixels in \d{5} scans",
    ),
    "the same, behind a byte that belongs to nothing": (
        lambda: (bomb := baseline_scan_bomb())[:20] + b"\0" + bomb[20:],
        r"paints its 4000000 pixels in 360 scans",
    ),
    "a small WebP of many pixels": (
        lambda: encoded(Image.new("RGB", (5000, 5000)), "WEBP", lossless=True, method=0),
        "takes 477 MiB to decode, more than the 256 allowed",
    ),
    "a million empty chunks in a PNG": (png_of_tiny_chunks, r"takes more than 0\.2 s to decode"),
    "four million empty markers in a JPEG": (
        lambda: (whole := encoded(Image.new("L", (50, 50)), "JPEG"))[:2] + b"\xff\xe5\0\2" * 4_000_000 + whole[2:],
        r"takes more than 0\.2 s to decode",
    ),
}


@pytest.mark.parametrize("sentence", COSTLY)
def test_a_photo_that_would_hold_the_step_is_refused(sentence: str) -> None:
    photo, words = COSTLY[sentence]
    start_s = time.thread_time()
    encoded_photo = photo()
    made_s = time.thread_time()
    with pytest.raises(PhotoError, match=words):
        pixels_from_photo(encoded_photo, side_px=SIDE, limits=PhotoLimits(max_decode_s=0.2))
    assert time.thread_time() - made_s < 1 + (made_s - start_s)


LARGE = {
    "RGBA": lambda: encoded(Image.new("RGBA", (5000, 5000), (*RED, 255))),
    "grey with alpha": lambda: encoded(Image.new("LA", (5000, 5000), (90, 255))),
    "palette with transparency": lambda: encoded(Image.new("P", (5000, 5000), 1), transparency=0),
    "16 bits": lambda: encoded(Image.fromarray(np.full((5000, 5000), 9000, np.uint16))),
    "progressive JPEG": lambda: encoded(Image.new("RGB", (5000, 5000), RED), "JPEG", progressive=True),
    "a JPEG without its end marker": lambda: encoded(Image.new("RGB", (22_000, 900), RED), "JPEG")[:-2],
    "WebP": lambda: encoded(Image.new("RGB", (3600, 3600), RED), "WEBP", lossless=True, method=0),
}


@pytest.mark.parametrize("sentence", LARGE)
def test_a_large_photo_takes_no_more_memory_than_it_may(sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "photo"
    file.write_bytes(LARGE[sentence]())
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo\n"
        "photo = Path(sys.argv[1]).read_bytes(); peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); pixels_from_photo(photo, side_px=112, limits=PhotoLimits()); print(peak() - before)"
    )
    folder = str(Path(photo_step.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        env={"PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) / 1024 < 256 + 20, "MiB"


def test_converting_in_strips_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of any height give what the whole photo at once gives."""
    pixels = np.random.default_rng(3).integers(0, 256, (777, 901, 4), dtype=np.uint8)
    photos = [encoded(Image.fromarray(pixels).convert(mode)) for mode in ("RGBA", "LA", "1")]
    photos.append(encoded(Image.fromarray(pixels).convert("CMYK"), "JPEG"))
    photos.append(encoded(Image.fromarray(pixels.view(np.uint16)[..., 0])))
    limits = PhotoLimits()
    whole = [pixels_from_photo(photo, side_px=16, limits=limits) for photo in photos]
    monkeypatch.setattr(square, "_STRIP_PIXELS", 10_000)
    for photo, expected in zip(photos, whole, strict=True):
        assert np.array_equal(pixels_from_photo(photo, side_px=16, limits=limits), expected)


def test_digest_is_of_the_encoded_bytes() -> None:
    import hashlib

    assert sha256_of_photo(b"abc").tobytes() == hashlib.sha256(b"abc").digest()
