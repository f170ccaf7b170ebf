"""JPEGs that lack their last bytes: what is there is shown, and no row that is not."""

import io
import itertools
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vitrine_steps.photo.cut_jpeg import picture_of_cut_jpeg
from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, pixels_from_photo

LIMITS = PhotoLimits()


def picture(width: int = 120, height: int = 400, mode: str = "RGB") -> Image.Image:
    """Soft shapes under noise, so that no two rows are alike."""
    rng = np.random.default_rng(1)
    soft = Image.fromarray(rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)).resize((width, height))
    noisy = np.asarray(soft, int) + rng.integers(-20, 21, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert(mode)


def jpeg(mode: str = "RGB", height: int = 400, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture(height=height, mode=mode).save(buffer, "JPEG", **{"quality": 85, **options})
    return buffer.getvalue()


def loaded(photo: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(photo))
    image.load()
    return image


def shown(photo: bytes) -> np.ndarray:
    return pixels_from_photo(photo, side_px=64, limits=LIMITS).astype(int)


def scans_of(photo: bytes) -> list[int]:
    """Where each begins."""
    return [at for at in range(len(photo)) if photo.startswith(b"\xff\xda", at)]


BUT_LAST_BITS = 6
"""Scans by which libjpeg's progressive files have brought all but the last bits."""

KINDS: dict[str, dict[str, Any]] = {
    "colour": {}, "colour of every pixel": {"subsampling": 0}, "grey": {"mode": "L"}, "CMYK": {"mode": "CMYK"},
    "with restarts": {"restart_marker_rows": 1}, "with tables of its own": {"optimize": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_that_is_shown_is_the_whole_files(kind: str) -> None:
    """Cut anywhere in the last tenth: what is shown is the whole file's to the bit, above what is white."""
    photo = jpeg(**KINDS[kind])
    whole = np.asarray(loaded(photo))
    height, scan = len(whole), photo.rindex(b"\xff\xda")
    block = 8 if kind in ("colour of every pixel", "grey", "CMYK") else 16
    seen, white = [], 0 if kind == "CMYK" else 255
    for missing in itertools.chain(range(1, 40), range(40, (len(photo) - scan) // 8, 97)):
        cut = picture_of_cut_jpeg(photo[:-missing], loaded)
        if cut is None:
            seen.append(0)
            continue
        pixels = np.asarray(cut)
        is_white = (pixels == white).reshape(height, -1).all(axis=1)
        rows = height - int(np.argmin(is_white[::-1]))
        assert np.array_equal(pixels[:rows], whole[:rows])
        assert rows >= 0.95 * height
        seen.append(rows)
    assert seen[0] == seen[1] == height, "only the end marker is missing"
    assert all(earlier >= later for earlier, later in itertools.pairwise(seen))
    assert seen[-1] == 0
    found = sorted({rows for rows in seen if rows})
    assert len(found) > 1
    assert all(height - rows <= 0.05 * height + block for rows in found)


@pytest.mark.parametrize("kind", KINDS)
def test_no_end_marker_changes_no_pixel(kind: str) -> None:
    photo = jpeg(**KINDS[kind])
    for missing in (1, 2):
        assert np.array_equal(shown(photo[:-missing]), shown(photo))


def test_rows_that_are_missing_are_white() -> None:
    photo = jpeg(subsampling=0)
    scan = photo.rindex(b"\xff\xda")
    cut = photo[: scan + round((len(photo) - scan) * 0.965)]
    found, whole = shown(cut), shown(photo)
    assert np.array_equal(found[:59], whole[:59])
    assert (found[-1] > 250).all()


def test_rows_are_counted_not_bytes() -> None:
    """A tenth of the rows may take a hundredth of the bytes: sky, or a white cloth."""
    image = picture(height=400)
    image.paste("white", (0, 340, 120, 400))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, optimize=True)
    photo = buffer.getvalue()
    flat = next(n for n in range(1, 900) if picture_of_cut_jpeg(photo[:-n], loaded) is None)
    assert flat < 0.01 * len(photo)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"height": 8}, {"height": 16}])
def test_less_is_refused(share: float, options: dict[str, Any]) -> None:
    photo = jpeg(**options)
    scans = scans_of(photo)
    start, end = (scans[0], scans[BUT_LAST_BITS]) if options.get("progressive") else (scans[0], len(photo))
    with pytest.raises(PhotoError, match="broken or cut short"):
        shown(photo[: start + round((end - start) * share)])


def test_a_progressive_jpeg_may_lack_its_last_bits() -> None:
    """Its last four scans bring one bit more of each number: without them a level or two are off."""
    photo = jpeg(progressive=True)
    scans, whole = scans_of(photo), shown(photo)
    assert len(scans) == BUT_LAST_BITS + 4
    assert np.array_equal(shown(photo[:-2]), whole)
    for end in (*scans[BUT_LAST_BITS:], scans[-1] + 60, (scans[-1] + len(photo)) // 2, len(photo) - 30):
        assert np.abs(shown(photo[: end + 5]) - whole).mean() <= 2.5  # of noise, which is all fine detail


def test_a_progressive_jpeg_shows_rows_that_its_scan_has_reached() -> None:
    photo = jpeg(progressive=True)
    start, end = scans_of(photo)[BUT_LAST_BITS - 1 : BUT_LAST_BITS + 1]
    assert shown(photo[: start + round((end - start) * 0.98)]).shape == (64, 64, 3)
    with pytest.raises(PhotoError, match="broken or cut short"):
        shown(photo[: start + round((end - start) * 0.85)])


def test_a_good_jpeg_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrine_steps.photo.pixels.picture_of_cut_jpeg", None)  # would raise
    for photo in (jpeg(), jpeg(progressive=True)):
        assert shown(photo).shape == (64, 64, 3)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_one_is_turned(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = jpeg(exif=exif)
    assert np.array_equal(shown(photo[:-2]), shown(photo))


def test_decoding_it_again_and_again_has_the_time_of_one() -> None:
    buffer = io.BytesIO()
    picture(1200, 1600).resize((6000, 8000)).save(buffer, "JPEG", quality=60)
    photo = buffer.getvalue()[:-2]
    with pytest.raises(PhotoError, match=r"takes more than 0\.02 s"):
        pixels_from_photo(photo, side_px=64, limits=PhotoLimits(max_decode_s=0.02))


@pytest.mark.parametrize(
    "rubbish", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xda\0\x02", b"\xff\xd8\xff\xda\0\0\xff\xd8" * 9]
)
def test_what_is_hardly_a_jpeg_gives_none_or_an_error(rubbish: bytes) -> None:
    with pytest.raises(PhotoError, match="JPEG"):
        shown(b"\xff\xd8\xff" + rubbish)
