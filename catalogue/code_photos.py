"""Draws photos of codes from a seed: EAN-13, Code 128 and QR with Chinese, turned up to 30 degrees, JPEG 50."""

import io
import random
from dataclasses import dataclass

import zxingcpp
from PIL import Image

_KINDS = (zxingcpp.BarcodeFormat.EAN13, zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.QRCode)
_WORDS = ("净含量500克", "有机绿茶", "产地：云南", "批号", "https://shop.example/p/", "型号AX-200")


@dataclass(frozen=True)
class CodePhoto:
    text: str
    jpeg_bytes: bytes


def code_from_seed(seed: int) -> CodePhoto:
    """Draw code `seed`."""
    rng = random.Random(f"code {seed}")
    kind = _KINDS[seed % len(_KINDS)]
    text = _text(rng, kind)
    code = zxingcpp.create_barcode(text, kind)
    picture = Image.fromarray(code.to_image(scale=rng.randint(3, 6), add_quiet_zones=True)).convert("RGB")
    ground = tuple(rng.randint(225, 255) for _ in range(3))
    turned = picture.rotate(rng.uniform(-30, 30), Image.Resampling.BICUBIC, expand=True, fillcolor=(255, 255, 255))
    photo = Image.new("RGB", (turned.width + 160, turned.height + 120), ground)
    photo.paste(turned, (rng.randint(10, 150), rng.randint(10, 110)))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=50)
    return CodePhoto(text, buffer.getvalue())


def _text(rng: random.Random, kind: zxingcpp.BarcodeFormat) -> str:
    if kind == zxingcpp.BarcodeFormat.EAN13:
        digits = "69" + "".join(str(rng.randrange(10)) for _ in range(10))
        total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
        return digits + str(-total % 10)
    if kind == zxingcpp.BarcodeFormat.Code128:
        return f"VT-{rng.randrange(10**8):08}"
    return f"{rng.choice(_WORDS)} {rng.randrange(10**6)}"
