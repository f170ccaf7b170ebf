"""The engines of a BLIP: image encoder, answer decoder with its whole decoding loop, answer scorer."""

from typing import Any

from builders.dimensions import BuildDimensions
from builders.engine_spec import (
    ANSWER_DECODER,
    ANSWER_SCORER,
    MOST_REFUSALS,
    Axis,
    EngineSpec,
    TensorSpec,
)
from builders.families.encoder_spec import image_encoder_spec
from builders.repository.source import limit
from vitrine_steps.features import EXTRA_ROWS

_GRAPH_QUESTIONS, _GRAPH_CANDIDATES = 1024, 4096
_TIMED_CANDIDATES, _TIMED_CANDIDATE_TOKENS = 64, 3


def engine_specs(dimensions: BuildDimensions, strategy: str) -> tuple[EngineSpec, ...]:
    """Describe the engines of a build.

    Args:
        strategy: "loop" or "unrolled", of the decoding steps.
    """
    return (_image_encoder(dimensions), _answer_decoder(dimensions, strategy), _answer_scorer(dimensions, strategy))


def _image_encoder(dimensions: BuildDimensions) -> EngineSpec:
    def module(checkpoint: Any, precision: str) -> Any:
        from builders.graphs.image_encoder import ImageEncoder
        from builders.graphs.precision import with_precision

        model = with_precision(checkpoint.model, precision)
        processor = checkpoint.image_processor
        return ImageEncoder(model.vision_model, processor.image_mean, processor.image_std)

    return image_encoder_spec(dimensions, module)


def _answer_decoder(dimensions: BuildDimensions, strategy: str) -> EngineSpec:
    def module(checkpoint: Any, precision: str) -> Any:
        from builders.graphs.answer_decoder import AnswerDecoder
        from builders.graphs.precision import with_precision

        model = with_precision(checkpoint.model, precision)
        return AnswerDecoder(model.text_encoder, model.text_decoder, _options(checkpoint, dimensions, strategy))

    def finish(model: Any) -> None:
        from builders.graphs.export import set_trip_count

        if strategy == "loop":
            set_trip_count(model, dimensions.answer_tokens)

    most = limit("question_preprocess", "max_questions")
    questions = Axis("questions", 1, 1, most, _GRAPH_QUESTIONS, traced=3, timed=1)
    outputs = ("ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "IMAGE_SHA256")
    inputs = _question_inputs(dimensions, questions)
    return EngineSpec(ANSWER_DECODER, inputs, outputs, module, finish, is_loop=strategy == "loop")


def _answer_scorer(dimensions: BuildDimensions, strategy: str) -> EngineSpec:
    def module(checkpoint: Any, precision: str) -> Any:
        from builders.graphs.answer_scorer import AnswerScorer
        from builders.graphs.precision import with_precision

        model = with_precision(checkpoint.model, precision)
        return AnswerScorer(model.text_encoder, model.text_decoder, _options(checkpoint, dimensions, strategy))

    few = min(4, dimensions.answer_tokens)
    most = limit("candidates_preprocess", "max_candidates") + MOST_REFUSALS
    candidates = Axis("candidates", 1, 16, most, _GRAPH_CANDIDATES, traced=3, timed=_TIMED_CANDIDATES)
    longest = dimensions.answer_tokens
    tokens = Axis("candidate_tokens", 1, few, longest, longest, traced=few, timed=_TIMED_CANDIDATE_TOKENS)
    listed = TensorSpec("CANDIDATE_IDS", "int32", (candidates, tokens), "tokens")
    outputs = ("CANDIDATE_LOGPROBS", "ATTENTION", "IMAGE_SHA256")
    inputs = (*_question_inputs(dimensions, 1), listed)
    return EngineSpec(ANSWER_SCORER, inputs, outputs, module, one_at_a_time=True)


def _question_inputs(dimensions: BuildDimensions, questions: int | Axis) -> tuple[TensorSpec, ...]:
    text = (questions, dimensions.question_tokens)
    packed = (dimensions.image_tokens + EXTRA_ROWS, dimensions.image_width)
    return (
        TensorSpec("IMAGE_FEATURES", "float16", packed, "features"),
        TensorSpec("QUESTION_IDS", "int32", text, "tokens"),
        TensorSpec("QUESTION_MASK", "int32", text, "ones"),
    )


def _options(checkpoint: Any, dimensions: BuildDimensions, strategy: str) -> Any:
    """`DecoderOptions` for this checkpoint's special tokens."""
    from builders.graphs.answer_decoder import DecoderOptions

    text = checkpoint.model.config.text_config
    return DecoderOptions(
        answers=dimensions.answers,
        answer_tokens=dimensions.answer_tokens,
        start_id=text.bos_token_id,
        end_id=text.sep_token_id,
        pad_id=text.pad_token_id,
        pointing_heads=checkpoint.pointing_heads,
        strategy=strategy,
    )
