"""Limits of a photo, as a step's config says them."""

from typing import Any

from vitrine_steps.photo.pixels import PhotoLimits
from vitrine_steps.triton.step import parameter


def photo_limits(config: dict[str, Any]) -> PhotoLimits:
    """Read the limits out of a step's config, as Triton gives it."""
    return PhotoLimits(
        max_bytes=int(parameter(config, "max_photo_bytes")),
        max_pixels=int(parameter(config, "max_photo_pixels")),
        max_decode_bytes=int(parameter(config, "max_decode_bytes")),
        max_decode_s=int(parameter(config, "max_decode_ms")) / 1000,
        max_scanned_pixels=int(parameter(config, "max_scanned_pixels")),
    )
