"""How far engines may differ from the reference, and INT8 ones from FP32: every bound of a build, with its reason."""

from dataclasses import dataclass

from vitrine_steps.photo.pixels import PhotoLimits

_INT8_COSINE, _INT8_EQUAL_RATIO = 0.999, 0.995
MIN_DRAFT_COSINES = {2: 0.93, 4: 0.93, 8: 0.999}
"""Least cosine between feature rows of a photo shrunk cheaply first and of it decoded in full, by the ratio at which
that begins (`DRAFT_RATIO`). No answer of the parity check may change either. Of 4,200 questions about 600 photos of the
catalogue, in three sizes, none was answered otherwise at any ratio down to 1.5, where the least cosine was 0.94."""
PARITY_LIMITS = PhotoLimits(max_bytes=2**30, max_pixels=2**30)  # parity photos are our own


@dataclass(frozen=True)
class Tolerance:
    """What an engine may differ by from the reference."""

    min_cosine: float
    """Smallest cosine of a feature row with the reference's."""
    min_attention_cosine: float
    """Smallest cosine of an attention map; it is shown, nothing is decided by it."""
    min_equal_answers_ratio: float
    """Share of the questions whose tokens are all equal."""
    max_logprob_difference: float
    """Largest difference of an answer token's log-probability, where the scorer is given the answer."""
    max_tie: float = 0.0
    """An answer counts as equal where it leaves the reference's at a token that the engine finds at most so much
    likelier: two tokens that are nearer than the precision's own noise. 0: every token has to be equal."""


# FP32 engines differ only by the FP16 rounding of the features that travel
# (11 bits, a relative error of 5e-4 at most, so 1 - cosine is about 1e-7).
TOLERANCES = {
    "fp32": Tolerance(
        min_cosine=0.9999, min_attention_cosine=0.9999, min_equal_answers_ratio=1.0, max_logprob_difference=0.01
    ),
    "fp16": Tolerance(0.999, 0.999, 0.995, max_logprob_difference=0.1, max_tie=0.02),
    "bf16": Tolerance(0.999, 0.99, 0.995, max_logprob_difference=0.5, max_tie=0.1),  # 8 bits
    **dict.fromkeys(
        ("int8", "int8-weights", "fp8-weights"),
        Tolerance(_INT8_COSINE, 0.99, _INT8_EQUAL_RATIO, max_logprob_difference=0.5, max_tie=0.1),
    ),
}


@dataclass(frozen=True)
class LowPrecisionBounds:
    """What INT8 of one engine has to keep of FP32's answers, and to gain in speed."""

    min_cosine: float = _INT8_COSINE
    """Smallest cosine of a feature row."""
    min_equal_ratio: float = _INT8_EQUAL_RATIO
    """Share of the questions answered alike."""
    max_accuracy_loss: float = 0.003
    """Share of right answers, FP32's less INT8's."""
    min_speedup: float = 1.05
