"""`python -m docs.generate.terminal_picture`: an SVG of a terminal, from the output of `make demo` on standard input.

$ python -m serving.demo build/vitrine-small | python -m docs.generate.terminal_picture > docs/demo.svg
"""

import base64
import io
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

_COMMAND = "$ make demo"
_COLUMN_PX, _LINE_PX, _FONT_PX = 8.4, 20, 14
_MARGIN_PX, _THUMBNAIL_PX = 20, 68
_COLOURS = {"$": "#8fd08f", "  ": "#e6edf3", "build/": "#79b8ff"}
_PLAIN_COLOUR = "#9aa7b3"
_FIRST_WIDE = 0x2E7F
"""Chinese characters and their punctuation lie above this code point; each takes two columns."""
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'Microsoft YaHei', monospace"


def picture(output: str, folder: Path) -> str:
    """Draw a terminal that shows `output`, with a thumbnail beside each photo that a line names.

    Args:
        output: what the demo printed.
        folder: in which the photos' paths hold.
    """
    lines = [_COMMAND, *output.rstrip().split("\n")]
    columns = max(sum(_columns(character) for character in line) for line in lines)
    width = round(columns * _COLUMN_PX + 3 * _MARGIN_PX + _THUMBNAIL_PX)
    height = len(lines) * _LINE_PX + 2 * _MARGIN_PX
    body = [part for number, line in enumerate(lines) for part in _line(line, number, width, folder)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' role="img" aria-label="A terminal: make demo asks ten questions about three photos">',
            f'  <rect width="{width}" height="{height}" rx="8" fill="#161b22"/>',
            f'  <g font-family="{_FONTS}" font-size="{_FONT_PX}" xml:space="preserve">',
            *body,
            "  </g>",
            "</svg>",
            "",
        ]
    )


def _line(line: str, number: int, width: int, folder: Path) -> Iterator[str]:
    """Write the SVG elements of one line: a text for each run of narrow or wide characters, a picture for a photo."""
    y = _MARGIN_PX + (number + 0.75) * _LINE_PX
    colour = next((colour for start, colour in _COLOURS.items() if line.startswith(start)), _PLAIN_COLOUR)
    column = 0
    for _, run in groupby(re.findall(r" +|[^ ]", line), key=lambda part: (part[0] == " ", _columns(part[0]))):
        text = "".join(run)
        columns = sum(map(_columns, text))
        if text.strip():
            x, length = _MARGIN_PX + column * _COLUMN_PX, columns * _COLUMN_PX
            yield (
                f'    <text x="{x:.1f}" y="{y:.1f}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
                f' fill="{colour}">{escape(text)}</text>'
            )
        column += columns
    if re.fullmatch(r"\S+\.jpg", line):
        x = width - _MARGIN_PX - _THUMBNAIL_PX
        yield (
            f'    <image x="{x}" y="{y - _LINE_PX * 0.75:.1f}" width="{_THUMBNAIL_PX}" height="{_THUMBNAIL_PX}"'
            f' href="data:image/jpeg;base64,{_thumbnail(folder / line)}"/>'
        )


def _columns(character: str) -> int:
    return 2 if ord(character) > _FIRST_WIDE else 1


def _thumbnail(photo: Path) -> str:
    buffer = io.BytesIO()
    with Image.open(photo) as image:
        image.convert("RGB").resize((2 * _THUMBNAIL_PX, 2 * _THUMBNAIL_PX)).save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    sys.stdout.write(picture(sys.stdin.read(), Path.cwd()))
