"""Reports as one HTML file, with everything in it."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def write_page(file: Path, template: Path, content: Mapping[str, Any], plots: Mapping[str, bytes]) -> None:
    """Fill in a Jinja template and write it to `file`.

    Args:
        template: gets the fields of `content` by their names, escaped, and `plots` in base64 by title; a name that it
            uses and that is not there is an error.
        plots: PNG by title.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    inline = {title: base64.b64encode(png).decode() for title, png in plots.items()}
    file.write_text(environment.get_template(template.name).render(**content, plots=inline), "utf-8")
