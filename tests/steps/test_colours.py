"""Colours: a photo in any space that its file describes gives the pixels of its twin in sRGB."""

import io
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from evaluation.cmyk_profile import press_profile
from vitrine_steps.photo import colours
from vitrine_steps.photo.colours import conversion_from_profile
from vitrine_steps.photo.icc_check import MAX_PROFILE_BYTES, ProfileError, checked_profile
from vitrine_steps.photo.matrix_profile import (
    ADOBE_RGB_PRIMARIES,
    DISPLAY_P3_PRIMARIES,
    PROPHOTO_PRIMARIES,
    REC2020_PRIMARIES,
    SRGB_PRIMARIES,
    Curve,
    Primaries,
    gamma_curve,
    grey_profile,
    hlg_curve,
    pq_curve,
    profile_from_h273,
    profile_from_tags,
    rgb_profile,
    srgb_curve,
)
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo

SIDE = 32
LIMITS = PhotoLimits()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
SPACES: dict[str, tuple[Primaries, Curve]] = {
    "Display P3": (DISPLAY_P3_PRIMARIES, srgb_curve),
    "Adobe RGB": (ADOBE_RGB_PRIMARIES, gamma_curve(563 / 256)),
    "ProPhoto": (PROPHOTO_PRIMARIES, gamma_curve(1.8)),
    "Rec. 2020": (REC2020_PRIMARIES, gamma_curve(2.4)),
}


def profile(space: str) -> bytes:
    found = rgb_profile(*SPACES[space])
    assert found
    return found


def picture(size: int = 64) -> Image.Image:
    """Every colour a little, smoothly, away from the edges of sRGB."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1)
    return Image.fromarray((30 + 195 * np.stack([x, y, (1 - x + y) / 2], 2)).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(photo: bytes, side_px: int = SIDE) -> np.ndarray:
    return pixels_from_photo(photo, side_px=side_px, limits=LIMITS).astype(int)


def converted(image: Image.Image, icc: bytes, mode: str = "RGB") -> Image.Image:
    found = ImageCms.profileToProfile(image, SRGB, ImageCms.ImageCmsProfile(io.BytesIO(icc)), outputMode=mode)
    assert found
    found.info.clear()  # or Pillow writes the profile, unasked
    return found


def require_close(found: np.ndarray, twin: np.ndarray) -> None:
    moved = np.abs(found - twin)
    assert np.percentile(moved, 99) <= CLOSE
    assert moved.mean() <= CLOSE_MEAN


FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0}, "PNG": {}, "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}  # fmt: skip
CLOSE, CLOSE_MEAN = 12, 1.5
"""Levels: a wide space is written in the same 256 steps, coarse in the dark; JPEG and AVIF round again."""
FAR_MEAN = 6


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("space", SPACES)
def test_a_photo_of_another_space_gives_the_pixels_of_its_twin(space: str, kind: str) -> None:
    icc = profile(space)
    twin = pixels(encoded(picture(), kind, **FORMATS[kind]))
    image = converted(picture(), icc)
    found = pixels(encoded(image, kind, icc_profile=icc, **FORMATS[kind]))
    require_close(found, twin)
    assert np.abs(pixels(encoded(image, kind, **FORMATS[kind])) - twin).mean() > FAR_MEAN, "without the profile"


def test_our_profiles_are_what_littlecms_makes_of_the_same_numbers() -> None:
    ours = rgb_profile(SRGB_PRIMARIES, srgb_curve)
    assert ours
    moved = np.asarray(converted(picture(), ours), int) - np.asarray(picture(), int)
    assert np.abs(moved).max() <= 1


def test_transparency_is_kept_and_shown_on_white() -> None:
    icc = profile("Display P3")
    image = converted(picture(), icc)
    alpha = Image.linear_gradient("L").resize(image.size)
    image.putalpha(alpha)
    twin = picture()
    twin.putalpha(alpha)
    require_close(pixels(encoded(image, icc_profile=icc)), pixels(encoded(twin)))


def test_grey_photos_take_profiles_of_grey_and_of_rgb() -> None:
    grey = Image.linear_gradient("L").resize((64, 64))
    light = np.arange(256) / 255
    expected = np.interp(light, srgb_curve(light), np.arange(256))[np.asarray(grey)]
    found = pixels(encoded(grey, icc_profile=grey_profile(gamma_curve(1.0))), 64)[..., 0]
    assert np.abs(found - expected).max() <= 2
    wide = pixels(encoded(grey, icc_profile=rgb_profile(ADOBE_RGB_PRIMARIES, gamma_curve(1.0))), 64)
    assert np.abs(wide[..., 0] - expected).max() <= 2
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert np.abs(pixels(encoded(deep, icc_profile=grey_profile(gamma_curve(1.0))), 64)[..., 0] - found).max() <= 1


@pytest.mark.parametrize("kind", [{}, {"progressive": True}])
def test_cmyk_with_a_profile_gives_the_pixels_of_its_twin(kind: dict[str, bool]) -> None:
    icc = press_profile()
    soft = Image.blend(picture(), Image.new("RGB", (64, 64), (128, 128, 128)), 0.4)  # what a press can print
    cmyk = converted(soft, icc, "CMYK")
    found = pixels(encoded(cmyk, "JPEG", quality=97, subsampling=0, icc_profile=icc, **kind))
    assert np.abs(found - pixels(encoded(soft))).max() <= 12
    assert np.abs(pixels(encoded(cmyk, "JPEG", quality=97)) - pixels(encoded(soft))).max() > 24


def test_cmyk_without_a_profile_is_converted_as_browsers_do() -> None:
    """Red is what cyan and black leave of it: (255 - C) (255 - K) / 255."""
    cmyk = (40, 90, 160, 60)
    found = pixels(encoded(Image.new("CMYK", (16, 16), cmyk), "JPEG", quality=100))[5, 5]
    assert np.abs(found - [(255 - ink) * (255 - cmyk[3]) / 255 for ink in cmyk[:3]]).max() <= 3


def test_srgb_is_recognised_and_moves_no_bit() -> None:
    photo = picture()
    plain = pixels(encoded(photo))
    ours = rgb_profile(SRGB_PRIMARIES, srgb_curve)
    for icc in (SRGB.tobytes(), ours):
        assert icc
        assert conversion_from_profile(icc, "RGB") is None
        assert np.array_equal(pixels(encoded(photo, icc_profile=icc)), plain)


def test_a_profile_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    icc = profile("Display P3")
    first = conversion_from_profile(icc, "RGB")
    monkeypatch.setattr(colours, "checked_profile", None)  # would raise
    assert first is not None
    assert conversion_from_profile(icc, "RGBA") is first
    assert conversion_from_profile(icc, "CMYK") is None


def test_no_more_profiles_are_kept_than_may_be() -> None:
    for number in range(100):
        conversion_from_profile(rgb_profile(DISPLAY_P3_PRIMARIES, gamma_curve(1.5 + number / 100)), "RGB")
    assert len(colours._known) <= 32
    for number in range(5):
        conversion_from_profile(press_profile() + bytes(3 * 2**20) + bytes([number]), "CMYK")
    assert sum(known.size_bytes for known in colours._known.values()) <= 2 * MAX_PROFILE_BYTES


def with_field(icc: bytes, at: int, value: bytes) -> bytes:
    return icc[:at] + value + icc[at + len(value) :]


def table(kind: bytes, inputs: int, outputs: int, grid: int, size: int) -> bytes:
    return (kind + bytes(4) + bytes([inputs, outputs, grid]) + bytes(size))[:size]


P3 = rgb_profile(DISPLAY_P3_PRIMARIES, srgb_curve) or b""
PASSED_OVER: dict[str, bytes] = {
    "no profile at all": b"hello",
    "cut short": P3[:300],
    "a link between two devices": with_field(P3, 12, b"link"),
    "named colours": with_field(P3, 12, b"nmcl"),
    "an effect": with_field(P3, 12, b"abst"),
    "of Lab": with_field(P3, 16, b"Lab "),
    "of six inks": with_field(P3, 16, b"6CLR"),
    "connected by RGB": with_field(P3, 20, b"RGB "),
    "of version 5": with_field(P3, 8, b"\5"),
    "without the mark of a profile": with_field(P3, 36, b"pcsa"),
    "of a billion tags": with_field(P3, 128, b"\x40\0\0\0"),
    "a tag behind its end": with_field(P3, 136, b"\xff\xff\xff\xf0"),
    "without curves": profile_from_tags(b"mntr", b"RGB ", b"XYZ ", {}, "x"),
    "CMYK without a table": profile_from_tags(b"prtr", b"CMYK", b"Lab ", {}, "x"),
    "a table of 255^4 points that are not there": profile_from_tags(
        b"prtr", b"CMYK", b"Lab ", {b"A2B0": table(b"mft2", 4, 3, 255, 4000)}, "x"
    ),
    "a table of 15 inks": profile_from_tags(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table(b"mft2", 15, 3, 2, 4000)}, "x"),
    "a table of no points": profile_from_tags(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table(b"mft1", 4, 3, 0, 4000)}, "x"),
    "a table of a type that is none": profile_from_tags(b"prtr", b"CMYK", b"Lab ", {b"A2B0": bytes(4000)}, "x"),
    "larger than a profile may be": P3 + bytes(MAX_PROFILE_BYTES),
    "of grey": grey_profile(gamma_curve(1.0)),
    "of CMYK": press_profile(),
}


@pytest.mark.parametrize("sentence", PASSED_OVER)
def test_a_profile_that_is_not_the_photos_is_passed_over(sentence: str) -> None:
    photo = encoded(picture(), "JPEG", quality=95)
    found = encoded(picture(), "JPEG", quality=95, icc_profile=PASSED_OVER[sentence])
    assert np.array_equal(pixels(found), pixels(photo))


def test_tables_of_floating_point_steps_are_left_out() -> None:
    icc = profile_from_tags(b"mntr", b"RGB ", b"XYZ ", {b"D2B0": b"mpet" + bytes(60)}, "x")
    with pytest.raises(ProfileError, match="not there"):
        checked_profile(icc)
    tags = {b"A2B0": table(b"mft1", 3, 3, 2, 48 + 768 + 24 + 768), b"D2B0": b"mpet" + bytes(60)}
    space, kept = checked_profile(profile_from_tags(b"mntr", b"RGB ", b"Lab ", tags, "x"))
    assert space == "RGB"
    assert b"D2B0" not in kept


def test_two_thousand_broken_profiles_cost_little_and_raise_nothing() -> None:
    """Any damage is passed over, or applied like a whole profile, within the time that a photo has."""
    rng = np.random.default_rng(5)
    good = [P3, press_profile(), grey_profile(gamma_curve(2.2)), SRGB.tobytes()]
    longest_s = 0.0
    for number in range(2_000):
        icc = bytearray(good[0] if number % 20 else good[number // 20 % 4])
        for _ in range(rng.integers(1, 9)):
            at = rng.integers(0, min(len(icc), 400) if rng.random() < 0.7 else len(icc))
            icc[at] = rng.integers(0, 256)
        begin_s = time.thread_time()
        for mode in ("RGB", "L", "CMYK"):
            conversion = conversion_from_profile(bytes(icc), mode)
            if conversion:
                out = conversion.apply(Image.new(mode, (4, 4)))
                assert (out.mode, out.size) == ("RGB", (4, 4))
        longest_s = max(longest_s, time.thread_time() - begin_s)
    assert longest_s < LIMITS.max_decode_s


def with_chunks(photo: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Chunks of a PNG, before all others but the first."""
    made = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return photo[:33] + made + photo[33:]


def iccp(icc: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(icc)


def chrm(primaries: Primaries) -> tuple[bytes, bytes]:
    corners = (primaries.white, primaries.red, primaries.green, primaries.blue)
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for corner in corners for value in corner))


def gama(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def cicp(*numbers: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes(numbers)


P3_CICP, SRGB_CICP, SRGB_CHUNK = cicp(12, 13, 0, 1), cicp(1, 13, 0, 1), (b"sRGB", b"\0")
ADOBE_CHUNKS = (gama(256 / 563), chrm(ADOBE_RGB_PRIMARIES))
PNG_NOTES: dict[str, tuple[tuple[tuple[bytes, bytes], ...], str | None]] = {
    "cICP says Display P3": ((P3_CICP,), "Display P3"),
    "cICP counts before iCCP": ((P3_CICP, iccp(profile("ProPhoto"))), "Display P3"),
    "cICP says sRGB, whatever iCCP says": ((SRGB_CICP, iccp(profile("ProPhoto"))), None),
    "cICP of unknown numbers does not count": ((cicp(200, 13, 0, 1), iccp(profile("ProPhoto"))), "ProPhoto"),
    "cICP of YCbCr does not count": ((cicp(12, 13, 1, 1),), None),
    "iCCP counts before sRGB": ((iccp(profile("Adobe RGB")), SRGB_CHUNK), "Adobe RGB"),
    "iCCP counts before gAMA and cHRM": ((iccp(profile("ProPhoto")), *ADOBE_CHUNKS), "ProPhoto"),
    "sRGB counts before gAMA and cHRM": ((SRGB_CHUNK, *ADOBE_CHUNKS), None),
    "gAMA and cHRM say Adobe RGB": (ADOBE_CHUNKS, "Adobe RGB"),
    "cHRM alone says nothing": ((chrm(ADOBE_RGB_PRIMARIES),), None),
    "gAMA and cHRM of sRGB": ((gama(0.45455), chrm(SRGB_PRIMARIES)), None),
    "gAMA of a monitor": ((gama(0.45455),), None),
    "gAMA of nothing": ((gama(0.0),), None),
    "cHRM that is no space": ((gama(0.45455), (b"cHRM", bytes(32))), None),
}


@pytest.mark.parametrize("sentence", PNG_NOTES)
def test_notes_of_colour_in_a_png(sentence: str) -> None:
    chunks, space = PNG_NOTES[sentence]
    twin = pixels(encoded(picture()))
    if space:
        require_close(pixels(with_chunks(encoded(converted(picture(), profile(space))), *chunks)), twin)
    else:
        assert np.array_equal(pixels(with_chunks(encoded(picture()), *chunks)), twin)


def test_gamma_alone_brightens_or_darkens() -> None:
    linear = with_chunks(encoded(Image.new("RGB", (8, 8), (55, 55, 55))), gama(1.0))
    assert abs(int(pixels(linear)[4, 4, 0]) - 128) <= 2  # 55 of 255 parts of light are half as bright to the eye
    grey = with_chunks(encoded(Image.new("L", (8, 8), 55)), gama(1.0))
    assert np.array_equal(pixels(grey), pixels(linear))


def test_sixteen_bits_a_colour_with_a_profile() -> None:
    """Pillow writes no such PNG: its rows are put together here."""
    rgb = np.asarray(converted(picture(), P3)).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in rgb)
    header = struct.pack(">2I5B", 64, 64, 16, 2, 0, 0, 0)
    photo = (
        b"\x89PNG\r\n\x1a\n" + with_chunks(bytes(33), (b"IHDR", header), iccp(P3), (b"IDAT", zlib.compress(rows)))[33:]
    )
    photo += with_chunks(bytes(33), (b"IEND", b""))[33:]
    require_close(pixels(photo), pixels(encoded(picture())))


def test_avif_says_its_space_by_numbers() -> None:
    """Pillow writes 1, 13 (sRGB); those of Display P3 are put in their place."""
    image = converted(picture(), P3)
    plain = encoded(image, "AVIF", **FORMATS["AVIF"])
    at = plain.index(b"nclx") + 4
    assert plain[at : at + 4] == b"\0\1\0\x0d"
    said = with_field(plain, at, b"\0\x0c\0\x0d")
    require_close(pixels(said), pixels(encoded(picture())))


def test_hdr_is_shown_up_to_white() -> None:
    stored = np.array([0.0, 0.5, 0.581, 0.75, 1.0])
    assert pq_curve(stored)[[0, 4]].tolist() == [0, 1]
    assert abs(pq_curve(stored)[2] - 1) < 0.01  # 203 nits
    assert abs(hlg_curve(stored)[3] - 1) < 0.03  # reference white of BT.2408
    assert (np.diff(pq_curve(stored)) >= 0).all()
    for transfer in (16, 18):
        assert profile_from_h273(9, transfer)
        photo = with_chunks(encoded(picture()), cicp(9, transfer, 0, 1))
        assert pixels(photo).max() == 255
    assert profile_from_h273(2, 2) is None
