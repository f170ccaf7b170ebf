"""The engines of a SmolVLM: image encoder, and one decoder for answers and for closed lists."""

from typing import Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import EngineSpec
from builders.families.encoder_spec import image_encoder_spec
from builders.families.language.engine import answer_decoder_spec, plain_decoder


def engine_specs(dimensions: BuildDimensions, strategy: str) -> tuple[EngineSpec, ...]:
    """Describe the engines of a build.

    Args:
        strategy: "loop" or "unrolled", of the decoding steps.
    """
    return image_encoder_spec(dimensions, _encoder), answer_decoder_spec(dimensions, strategy, plain_decoder)


def _encoder(checkpoint: Any, precision: str) -> Any:
    import torch

    from builders.graphs.precision import with_precision
    from builders.graphs.smolvlm_vision import SmolVLMImageEncoder

    model, processor = checkpoint.model.model, checkpoint.image_processor
    tower, connector = (with_precision(part, precision) for part in (model.vision_model, model.connector))
    return SmolVLMImageEncoder(
        tower, connector, checkpoint.parts.grid, processor.image_mean, processor.image_std, torch.float32
    )
