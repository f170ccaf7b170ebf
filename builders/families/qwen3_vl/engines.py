"""The engines of a Qwen3-VL: image encoder, and one decoder for answers and for closed lists."""

from typing import Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import EngineSpec
from builders.families.encoder_spec import image_encoder_spec
from builders.families.language.engine import answer_decoder_spec, attention_decoder


def engine_specs(dimensions: BuildDimensions, strategy: str) -> tuple[EngineSpec, ...]:
    """Describe the engines of a build.

    Args:
        strategy: "loop" or "unrolled", of the decoding steps.
    """
    return qwen_image_encoder(dimensions), answer_decoder_spec(dimensions, strategy, _decoder)


def qwen_image_encoder(dimensions: BuildDimensions) -> EngineSpec:
    """Describe the vision tower, which Qwen3.5 has as well."""

    def module(checkpoint: Any, precision: str) -> Any:
        import torch

        from builders.graphs.precision import with_precision
        from builders.graphs.qwen_vision import QwenImageEncoder

        processor = checkpoint.image_processor
        visual = with_precision(checkpoint.model.model.visual, precision)
        side, mean, std = dimensions.image_px, processor.image_mean, processor.image_std
        return QwenImageEncoder(visual, side, mean, std, torch.float32)

    return image_encoder_spec(dimensions, module)


def prompt_head(checkpoint: Any) -> Any:
    """The `PromptHead`: the prompt up to the question, with the model's own three-axis positions."""
    import torch

    from builders.graphs.language.segments import PromptHead

    model, parts = checkpoint.model, checkpoint.parts
    image_id, side = model.config.image_token_id, parts.grid * model.config.vision_config.spatial_merge_size
    tokens = torch.tensor([parts.prompt.prefix_ids])
    photo = torch.tensor([[1, side, side]])
    positions, _ = model.model.get_rope_index(
        tokens, mm_token_type_ids=(tokens == image_id).int(), image_grid_thw=photo
    )
    return PromptHead(parts.prompt.prefix_ids, image_id, positions[:, 0])


def _decoder(checkpoint: Any, options: Any, dtype: Any) -> Any:
    deep_layers = len(checkpoint.model.config.vision_config.deepstack_visual_indexes)
    return attention_decoder(checkpoint.model, prompt_head(checkpoint), options, dtype, deep_layers)
