"""The sizes of a build: what its options ask, as far as the checkpoint takes it."""

from builders.checkpoint.checkpoint import Checkpoint
from builders.dimensions import BuildDimensions
from builders.engine_spec import MOST_REFUSALS
from builders.errors import UsageError
from builders.options import BuildOptions
from vitrine_steps.features import DIGEST_BYTES

_QUESTION_TOKENS, _MORE_OF_A_CHAT = 32, 64
_CONTEXT_TOKENS, _MOST_CONTEXT_TOKENS = 512, 2048


def dimensions_of(checkpoint: Checkpoint, options: BuildOptions) -> BuildDimensions:
    """The letters of the tensor contract for this checkpoint.

    Raises:
        UsageError: the checkpoint does not take what was asked.
    """
    parts, longest = checkpoint.parts, checkpoint.parts.max_text_tokens
    usual = _QUESTION_TOKENS + (_MORE_OF_A_CHAT if parts.prompt else 0)
    question_tokens = usual if options.question_tokens is None else options.question_tokens
    answer_tokens = parts.answer_tokens if options.answer_tokens is None else options.answer_tokens
    if parts.image_width < DIGEST_BYTES:
        raise UsageError(f"features are {parts.image_width} wide; a photo's digest needs {DIGEST_BYTES}")
    for name, tokens in (("--question-tokens", question_tokens), ("--answer-tokens", answer_tokens)):
        if not 2 <= tokens <= longest:
            raise UsageError(f"{name} is {tokens}, but this checkpoint takes 2 to {longest}")
    encode = checkpoint.tokenizer.backend_tokenizer.encode
    refusals = {text: len(encode(text)) - parts.steps.prefix_tokens for text in checkpoint.settings.cannot_tell()}
    if len(refusals) > MOST_REFUSALS:
        raise UsageError(f'the checkpoint has {len(refusals)} ways to say "cannot tell"; {MOST_REFUSALS} fit in a list')
    for text, tokens in refusals.items():
        if tokens > answer_tokens:
            raise UsageError(f"{text!r} has {tokens} tokens, but answers have {answer_tokens}: raise --answer-tokens")
    return BuildDimensions(
        image_px=parts.image_px,
        image_tokens=parts.image_tokens,
        image_width=parts.image_width,
        grid=parts.grid,
        question_tokens=question_tokens,
        answers=options.alternatives,
        answer_tokens=answer_tokens,
        context_tokens=_context_tokens(options.context_tokens, has_prompt=parts.prompt is not None),
    )


def _context_tokens(wished: int | None, *, has_prompt: bool) -> int:
    """
    Raises:
        UsageError: the family reads no context, or not so much.
    """
    if wished and not has_prompt:
        raise UsageError(f"--context-tokens is {wished}, but this family reads the photo and the question only")
    tokens = (_CONTEXT_TOKENS if has_prompt else 0) if wished is None else wished
    if not 0 <= tokens <= _MOST_CONTEXT_TOKENS:
        raise UsageError(f"--context-tokens is {tokens}, but must be 0 to {_MOST_CONTEXT_TOKENS}")
    return tokens
