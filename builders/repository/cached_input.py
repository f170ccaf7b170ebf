"""The input of what Triton's cache keeps, named after the release.

Triton's key of an entry holds the model's name and version, and the names and
contents of its inputs; nothing of the checkpoint. So the input's name carries
the release: two releases never find each other's entries, whichever cache they
share. (A version would do too, but Triton 2.51 then counts no hits.)
"""

import re
from pathlib import Path

from builders.repository.source import read_config

_INPUT = r"IMAGE(_[0-9a-f]{12})?"


def name_cached_inputs(repository: Path, release: str) -> None:
    """Rename the input IMAGE of what is cached, there and where it is called.

    Args:
        release: 12 hexadecimal digits; "": the plain name again.
    """
    name = f"IMAGE_{release}" if release else "IMAGE"
    files = sorted(repository.glob("*/config.pbtxt"))
    cached = [file.parent.name for file in files if read_config(file).response_cache.enable]
    for file in files:
        text = found = file.read_text("utf-8")
        if file.parent.name in cached:
            text = re.sub(rf'(\b(?:name|value): )"{_INPUT}"', rf'\g<1>"{name}"', text)
        for model in cached:
            call = rf'(model_name: "{model}"\s+model_version: -1\s+input_map \{{\s+key: )"{_INPUT}"'
            text = re.sub(call, rf'\g<1>"{name}"', text)
        if text != found:
            file.write_text(text, "utf-8")


def cached_input(repository: Path, model: str) -> str:
    """Return the name of a cached model's input."""
    [image] = read_config(repository / model / "config.pbtxt").input
    return str(image.name)
