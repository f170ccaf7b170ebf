"""Fonts that labels are drawn with: those of Debian's packages that are installed, and Pillow's own."""

from functools import cache
from pathlib import Path

from PIL import ImageFont

_FOLDER = Path("/usr/share/fonts")
CHINESE_FONTS = (
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "opentype/noto/NotoSansCJK-Bold.ttc",
    "opentype/noto/NotoSerifCJK-Regular.ttc",
    "truetype/wqy/wqy-microhei.ttc",
    "truetype/wqy/wqy-zenhei.ttc",
)
"""Fonts of Debian's fonts-noto-cjk, fonts-wqy-microhei and fonts-wqy-zenhei. All have Latin letters too."""
_PACKAGES = "fonts-noto-cjk fonts-wqy-microhei fonts-wqy-zenhei"


class NoFontError(RuntimeError):
    """No font with Chinese characters is installed."""


@cache
def chinese_fonts() -> tuple[Path, ...]:
    """
    Raises:
        NoFontError: there is none; says what to install.
    """
    found = tuple(_FOLDER / name for name in CHINESE_FONTS if (_FOLDER / name).is_file())
    if not found:
        raise NoFontError(f"no font with Chinese characters is installed: apt-get install {_PACKAGES}")
    return found


@cache
def font_of(file: Path | None, size_px: int) -> ImageFont.FreeTypeFont:
    """Open a font.

    Args:
        file: None: the Latin one that Pillow carries.
    """
    if file is None:
        font = ImageFont.load_default(size_px)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font
    return ImageFont.truetype(str(file), size_px)
