"""What a photo's features take in Triton's response cache."""

import json
from pathlib import Path

_EXTRA_ROWS = 2  # the pooled row and the digest row, see vitrine_steps/features.py
_FP16_BYTES = 2
_OWN_BYTES = 300  # the cache's own, an entry: 4 MiB held the features of 207 photos of 19,968 bytes


def bytes_per_cached_photo(repository: Path) -> int:
    """
    Args:
        repository: a built one.
    """
    dimensions = json.loads((repository / "manifest.json").read_text("utf-8"))["dimensions"]
    tokens, width = dimensions["image_tokens"], dimensions["image_width"]
    return int((tokens + _EXTRA_ROWS) * width * _FP16_BYTES + _OWN_BYTES)
