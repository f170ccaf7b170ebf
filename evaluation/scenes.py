"""A product photographed otherwise: a cut-out turned, smaller, in other light, on another ground; a part of a photo."""

import random
from collections.abc import Sequence

from PIL import Image, ImageEnhance

_SIZES_PX = ((400, 400), (480, 360), (360, 480), (512, 288))
_TURN_DEGREES, _LIGHT = 20, (0.7, 1.3)
_SIZE, _PART, _GROUND_PART = (0.55, 0.95), (0.65, 0.9), (0.4, 1.0)
_PALEST, _WHITE = 150, 255


def is_cut_out(image: Image.Image) -> bool:
    """Tell whether a tenth of a picture at least is transparent."""
    alpha = image.convert("RGBA").getchannel("A")
    return sum(alpha.histogram()[:128]) >= alpha.width * alpha.height / 10


def on_plain_ground(cut_out: Image.Image, draw: random.Random) -> Image.Image:
    """Put a cut-out on a pale colour, as shops do."""
    size = draw.choice(_SIZES_PX)
    pale = (draw.randint(_PALEST, _WHITE), draw.randint(_PALEST, _WHITE), draw.randint(_PALEST, _WHITE))
    return _placed(cut_out, Image.new("RGBA", size, pale), draw)


def in_front_of(cut_out: Image.Image, grounds: Sequence[Image.Image], draw: random.Random) -> Image.Image:
    """Put a cut-out in front of a part of a photo, as nobody's camera would, but as hard."""
    ground = _part(draw.choice(grounds), _GROUND_PART, draw)
    return _placed(cut_out, ground.convert("RGBA").resize(draw.choice(_SIZES_PX)), draw)


def part_in_other_light(photo: Image.Image, draw: random.Random) -> Image.Image:
    """Take 65 to 90 % of each side of a photo, lighter or darker."""
    return _in_other_light(_part(photo.convert("RGB"), _PART, draw), draw)


def _placed(cut_out: Image.Image, ground: Image.Image, draw: random.Random) -> Image.Image:
    product = cut_out.convert("RGBA")
    product = product.crop(product.getbbox()).rotate(
        draw.uniform(-_TURN_DEGREES, _TURN_DEGREES), Image.Resampling.BICUBIC, expand=True
    )
    scale = draw.uniform(*_SIZE) * min(ground.width / product.width, ground.height / product.height)
    product = product.resize((max(1, int(product.width * scale)), max(1, int(product.height * scale))))
    left, top = draw.randint(0, ground.width - product.width), draw.randint(0, ground.height - product.height)
    ground.alpha_composite(product, (left, top))
    return _in_other_light(ground.convert("RGB"), draw)


def _part(photo: Image.Image, share: tuple[float, float], draw: random.Random) -> Image.Image:
    width, height = (int(side * draw.uniform(*share)) for side in photo.size)
    left, top = draw.randint(0, photo.width - width), draw.randint(0, photo.height - height)
    return photo.crop((left, top, left + width, top + height))


def _in_other_light(photo: Image.Image, draw: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(photo).enhance(draw.uniform(*_LIGHT))
