"""The description of an image encoder, whatever the family: uint8 photos in, features and their summary out."""

from collections.abc import Callable
from typing import Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import IMAGE_ENCODER, EngineSpec, TensorSpec


def image_encoder_spec(dimensions: BuildDimensions, module: Callable[[Any, str], Any]) -> EngineSpec:
    """Describe the engine.

    Args:
        module: from a checkpoint and the graph's precision to the `torch.nn.Module`.
    """

    def finish(model: Any) -> None:
        from builders.graphs.export import ask_shape_after_cast

        ask_shape_after_cast(model, "PIXELS")

    pixels = TensorSpec("PIXELS", "uint8", (dimensions.image_px, dimensions.image_px, 3), "bytes")
    return EngineSpec(IMAGE_ENCODER, (pixels,), ("ENCODED_FEATURES", "IMAGE_POOLED"), module, finish)
