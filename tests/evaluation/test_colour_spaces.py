"""The comparison of colour spaces: twins that look alike, and a table that tells when they are not answered alike."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from catalogue.photos import photo_from_seed
from evaluation.colour_space_twins import Outcome, right_share, spaces, table, too_much_worse, twin
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo

IMAGE = photo_from_seed(11, long_side_px=(300, 300)).image
SPACES = spaces(None)


def pixels(photo: bytes) -> np.ndarray:
    return pixels_from_photo(photo, side_px=112, limits=PhotoLimits()).astype(int)


@pytest.mark.parametrize("name", SPACES)
def test_a_twin_has_another_files_colours_and_the_same_look(name: str) -> None:
    photo, bare = (twin(IMAGE, SPACES[name], with_profile=is_said) for is_said in (True, False))
    opened = Image.open(io.BytesIO(photo))
    assert opened.mode == SPACES[name].mode
    assert opened.info["icc_profile"] == SPACES[name].profile
    assert "icc_profile" not in Image.open(io.BytesIO(bare)).info
    own = np.asarray(IMAGE.resize((112, 112), Image.Resampling.BICUBIC), int)
    far, near = (np.abs(pixels(found) - own).mean() for found in (bare, photo))
    assert near < 4
    assert far > 1.5 * near


def test_the_profiles_can_be_read_by_others() -> None:
    for space in SPACES.values():
        read = ImageCms.ImageCmsProfile(io.BytesIO(space.profile))
        assert read.profile.xcolor_space.strip() == space.mode


def test_the_table_and_what_is_too_much_worse() -> None:
    rows = [Outcome("sRGB", False, True, True) for _ in range(200)]
    rows += [Outcome("A", True, number > 1, number > 1) for number in range(200)]  # 1 point worse
    rows += [Outcome("B", True, number > 2, number > 2) for number in range(200)]
    rows += [Outcome(name, False, False, False) for name in ("A", "B")]
    assert right_share(rows, "A", with_profile=True) == 0.99
    assert too_much_worse(rows, ["A", "B"]) == ["B"]
    lines = table(rows, ["A", "B"]).splitlines()
    assert lines[2].split() == ["A", "99.00%", "-1.00%", "99.00%", "0.00%"]
