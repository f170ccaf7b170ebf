"""The engines of a Qwen3-VL: image encoder, and one decoder for answers and for closed lists."""

from typing import Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, MOST_REFUSALS, Axis, EngineSpec, TensorSpec
from builders.families.encoder_spec import image_encoder_spec
from builders.repository.source import limit
from vitrine_steps.features import EXTRA_ROWS

_GRAPH_QUESTIONS, _GRAPH_ROWS = 64, 1024


def engine_specs(dimensions: BuildDimensions, strategy: str) -> tuple[EngineSpec, ...]:
    """Describe the engines of a build.

    Args:
        strategy: "loop" or "unrolled", of the decoding steps.
    """
    return _image_encoder(dimensions), _answer_decoder(dimensions, strategy)


def _image_encoder(dimensions: BuildDimensions) -> EngineSpec:
    def module(checkpoint: Any, model: Any) -> Any:
        import torch

        from builders.graphs.qwen_vision import QwenImageEncoder

        processor = checkpoint.image_processor
        side, mean, std = dimensions.image_px, processor.image_mean, processor.image_std
        return QwenImageEncoder(model.model.visual, side, mean, std, torch.float32)

    return image_encoder_spec(dimensions, module)


def _answer_decoder(dimensions: BuildDimensions, strategy: str) -> EngineSpec:
    def module(checkpoint: Any, model: Any) -> Any:
        from builders.families.qwen3_vl.load import end_ids_of
        from builders.graphs.language.decoder import LanguageDecoder, LanguageOptions

        options = LanguageOptions(
            dimensions.answers,
            dimensions.answer_tokens,
            end_ids_of(model.generation_config),
            checkpoint.parts.steps.pad_id,
            strategy,
        )
        prefix = prefix_of(model, checkpoint.parts.prompt.prefix_ids, dimensions.grid)
        deep_layers = len(model.config.vision_config.deepstack_visual_indexes)
        return LanguageDecoder(model.model.language_model, model.lm_head, prefix, options, deep_layers=deep_layers)

    def finish(model: Any) -> None:
        from builders.graphs.export import set_trip_count

        if strategy == "loop":
            set_trip_count(model, dimensions.answer_tokens - 1)

    most = limit("question_preprocess", "max_questions")
    questions = Axis("questions", 1, 1, most, _GRAPH_QUESTIONS, traced=3, timed=1)
    longest = limit("candidates_preprocess", "max_candidates") + MOST_REFUSALS
    rows = Axis("rows", 1, dimensions.answers, longest, _GRAPH_ROWS, traced=5, timed=dimensions.answers)
    text = (questions, dimensions.question_tokens)
    packed = (dimensions.image_tokens + EXTRA_ROWS, dimensions.image_width)
    inputs = (
        TensorSpec("IMAGE_FEATURES", "float32", packed, "features"),
        TensorSpec("QUESTION_IDS", "int32", text, "tokens"),
        TensorSpec("QUESTION_MASK", "int32", text, "ones"),
        TensorSpec("FORCED_IDS", "int32", (questions, rows, dimensions.answer_tokens), "tokens"),
    )
    outputs = ("ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "IMAGE_SHA256")
    return EngineSpec(ANSWER_DECODER, inputs, outputs, module, finish, is_loop=strategy == "loop")


def prefix_of(model: Any, ids: tuple[int, ...], grid: int) -> Any:
    """The prompt up to the question, with the model's own three-axis positions.

    Args:
        ids: with the photo's placeholders.
        grid: image tokens along one side of the photo.
    """
    import torch

    from builders.graphs.language.prefill import Prefix

    image_id, merge = model.config.image_token_id, model.config.vision_config.spatial_merge_size
    tokens = torch.tensor([ids])
    photo = torch.tensor([[1, grid * merge, grid * merge]])
    positions, _ = model.model.get_rope_index(
        tokens, mm_token_type_ids=(tokens == image_id).int(), image_grid_thw=photo
    )
    return Prefix(ids, image_id, positions[:, 0])
