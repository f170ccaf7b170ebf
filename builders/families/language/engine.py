"""The answer decoder of chat models that see: one engine for answers and for closed lists."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, MOST_REFUSALS, Axis, EngineSpec, TensorSpec
from builders.repository.source import limit
from vitrine_steps.features import EXTRA_ROWS

if TYPE_CHECKING:  # torch takes seconds to import
    from builders.graphs.language.model import LanguageOptions
    from builders.graphs.language.segments import PromptHead

_GRAPH_QUESTIONS, _GRAPH_ROWS = 64, 1024
_SHORTEST = 32


def answer_decoder_spec(
    dimensions: BuildDimensions, strategy: str, make: "Callable[[Any, LanguageOptions, Any], Any]"
) -> EngineSpec:
    """Describe the engine.

    Args:
        strategy: "loop" or "unrolled", of the decoding steps.
        make: from a checkpoint, the options and the ONNX type of weights to the graph, an `onnx_ir.Model`.
    """

    def graph(checkpoint: Any, precision: str) -> Any:
        from builders.families.language.parts import end_ids_of
        from builders.graphs.language.model import LanguageOptions
        from builders.graphs.precision import ONNX_TYPES

        options = LanguageOptions(
            dimensions.answers,
            dimensions.question_tokens + dimensions.context_tokens,
            dimensions.answer_tokens,
            end_ids_of(checkpoint.model.generation_config),
            checkpoint.parts.steps.pad_id,
            strategy,
        )
        return make(checkpoint, options, ONNX_TYPES[precision])

    most = limit("question_preprocess", "max_questions")
    questions = Axis("questions", 1, 1, most, _GRAPH_QUESTIONS, traced=3, timed=1)
    longest = limit("candidates_preprocess", "max_candidates") + MOST_REFUSALS
    rows = Axis("rows", 1, dimensions.answers, longest, _GRAPH_ROWS, traced=5, timed=dimensions.answers)
    usual, most_tokens = dimensions.question_tokens, dimensions.question_tokens + dimensions.context_tokens
    varying = Axis("question_tokens", min(_SHORTEST, usual), usual, most_tokens, most_tokens, traced=usual, timed=usual)
    text = (questions, varying if dimensions.context_tokens else usual)
    packed = (dimensions.image_tokens + EXTRA_ROWS, dimensions.image_width)
    inputs = (
        TensorSpec("IMAGE_FEATURES", "float32", packed, "features"),
        TensorSpec("QUESTION_IDS", "int32", text, "tokens"),
        TensorSpec("QUESTION_MASK", "int32", text, "ones"),
        TensorSpec("FORCED_IDS", "int32", (questions, rows, dimensions.answer_tokens), "tokens"),
    )
    outputs = ("ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "IMAGE_SHA256")
    return EngineSpec(ANSWER_DECODER, inputs, outputs, graph, is_loop=strategy == "loop")


def attention_decoder(
    model: Any, head: "PromptHead", options: "LanguageOptions", dtype: Any, deep_layers: int = 0
) -> Any:
    """Write the graph of a language model that has Qwen2's, Qwen3's or Llama's layers alone; see `language_decoder`.

    Args:
        model: of transformers, with its language model and `lm_head`.
    """
    from builders.graphs.language.attention import attention_layers
    from builders.graphs.language.decoder import language_decoder

    text = model.get_decoder()
    return language_decoder(
        text, model.lm_head.weight, head, options, lambda weights: attention_layers(weights, text), dtype=dtype,
        deep_layers=deep_layers,
    )  # fmt: skip


def plain_decoder(checkpoint: Any, options: "LanguageOptions", dtype: Any) -> Any:
    """Write the graph of such a language model whose positions count the tokens, the photo's like any other."""
    import torch

    from builders.graphs.language.segments import PromptHead

    ids = checkpoint.parts.prompt.prefix_ids
    head = PromptHead(ids, checkpoint.model.config.image_token_id, torch.arange(len(ids)))
    return attention_decoder(checkpoint.model, head, options, dtype)
