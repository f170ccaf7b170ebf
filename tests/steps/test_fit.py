"""A photo in the square: stretched to it, or whole in the middle, undistorted."""

import io

import numpy as np
import pytest
from PIL import Image

from vitrine_steps.photo.fit import MARGIN, size_in_square
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo

LIMITS = PhotoLimits()


def photo(size: tuple[int, int], kind: str = "PNG", **options: object) -> bytes:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"), [((200, 100), (64, 32)), ((100, 200), (32, 64)), ((7, 7), (64, 64)), ((5000, 1), (64, 1))]
)
def test_a_photo_keeps_its_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert size_in_square(size, 64, "pad") == expected
    assert size_in_square(size, 64, "stretch") == (64, 64)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "AVIF"])
def test_the_margin_is_grey_and_the_photo_is_in_the_middle(kind: str) -> None:
    pixels = pixels_from_photo(photo((400, 200), kind), side_px=64, limits=LIMITS, fit="pad")
    assert (pixels[:15] == MARGIN).all()
    assert (pixels[-15:] == MARGIN).all()
    assert np.abs(pixels[17:47, 2:28].astype(int) - (255, 0, 0)).max() < 12
    assert np.abs(pixels[17:47, 36:62].astype(int) - (0, 0, 255)).max() < 12


def test_an_upright_photo_is_fitted_as_it_is_seen() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    pixels = pixels_from_photo(photo((400, 200), "JPEG", exif=exif), side_px=64, limits=LIMITS, fit="pad")
    assert (pixels[:, :15] == MARGIN).all()
    assert (pixels[:, 20:44] != MARGIN).any(axis=2).all()


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (5000, 40)])
def test_large_photos_are_shrunk_alike(size: tuple[int, int]) -> None:
    whole, drafted = (
        pixels_from_photo(photo(size, "JPEG"), side_px=64, limits=LIMITS, fit="pad", draft_ratio=ratio)
        for ratio in (None, 8)
    )
    assert np.abs(whole.astype(int) - drafted).mean() < 2


def test_a_square_photo_is_the_same_either_way() -> None:
    stretched, padded = (
        pixels_from_photo(photo((128, 128)), side_px=64, limits=LIMITS, fit=fit) for fit in ("stretch", "pad")
    )
    assert np.array_equal(stretched, padded)
