"""Turns a small picture's colours into sRGB's, by the ICC profile that describes them (LittleCMS, in Pillow).

The picture that is turned is the one that the encoder is given, not the photo:
50 megapixels would take seconds. What a profile costs once is kept for the
next photo with the same one.
"""

import hashlib
import io
from collections import OrderedDict
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image, ImageCms

from vitrine_steps.photo.icc_check import MAX_PROFILE_BYTES, ProfileError, checked_profile

_KEPT = 32
"""Profiles whose transforms are kept; a shop's photos come with a handful."""
_KEPT_BYTES = 2 * MAX_PROFILE_BYTES
_GREYS = ("1", "L", "LA", "La")
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
_SAME_LEVELS = 1
"""A profile that moves no colour by more is one of sRGB, of which there are dozens."""
_SIDE = 9


@dataclass(frozen=True)
class Conversion:
    """Makes sRGB of pictures in one mode."""

    mode: str
    """"L", "RGB" or "CMYK": what `apply` takes."""
    transform: ImageCms.ImageCmsTransform

    def apply(self, picture: Image.Image) -> Image.Image:
        """
        Args:
            picture: of any mode; grey and palette pictures are turned into `mode` first.

        Returns:
            In mode "RGB".
        """
        picture = picture if picture.mode == self.mode else picture.convert(self.mode)
        converted = ImageCms.applyTransform(picture, self.transform)
        assert converted is not None  # only in place
        return converted


@dataclass(frozen=True)
class _Known:
    space: str
    conversion: Conversion | None
    size_bytes: int


_known: OrderedDict[bytes, _Known] = OrderedDict()
_srgb = ImageCms.createProfile("sRGB")


def conversion_from_profile(profile: bytes | None, mode: str) -> Conversion | None:
    """Find out what has to be done to a photo of this mode, with this profile.

    A profile that is broken, hostile, or of other colours than the photo's is
    passed over, as browsers do. A grey photo may have a profile of RGB.

    Args:
        profile: None: the photo has none.
        mode: Pillow's, of the whole photo.

    Returns:
        None: nothing. The colours are sRGB's, or nobody knows what they are.
    """
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return None
    digest = hashlib.sha256(profile).digest()
    known = _known.get(digest)
    if known is None:
        known = _read(profile)
        _known[digest] = known
    _known.move_to_end(digest)
    while len(_known) > _KEPT or (sum(one.size_bytes for one in _known.values()) > _KEPT_BYTES and len(_known) > 1):
        _known.popitem(last=False)
    colours = "CMYK" if mode == "CMYK" else "GRAY" if mode in _GREYS or mode[0] == "I" else "RGB"
    fits = known.space == colours or (known.space, colours) == ("RGB", "GRAY")
    return known.conversion if fits else None


def _read(profile: bytes) -> _Known:
    try:
        space, checked = checked_profile(profile)
        conversion = Conversion(_MODES[space], _transform(checked, _MODES[space]))
        is_srgb = space != "CMYK" and _moves_nothing(conversion)
    except (ProfileError, ImageCms.PyCMSError, OSError, ValueError):
        return _Known("", None, 0)
    return _Known(space, None, 0) if is_srgb else _Known(space, conversion, len(profile))


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    # LittleCMS would make a short table of what grey becomes: of linear light, it was off by 10 levels.
    flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
    return ImageCms.buildTransform(source, _srgb, mode, "RGB", ImageCms.Intent.PERCEPTUAL, flags)


def _moves_nothing(conversion: Conversion) -> bool:
    levels = np.linspace(0, 255, _SIDE).astype(np.uint8)
    if conversion.mode == "L":
        probe = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    else:
        probe = Image.fromarray(np.array(list(product(levels, repeat=3)), np.uint8)[None])
    before, after = np.asarray(probe.convert("RGB"), np.int16), np.asarray(conversion.apply(probe), np.int16)
    return bool(np.abs(after - before).max() <= _SAME_LEVELS)
