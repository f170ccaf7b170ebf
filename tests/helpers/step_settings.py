"""Settings of the steps for the tokenizer of `training`, whose vocabulary begins with padding and the unknown word."""

import numpy as np
from tokenizers import Tokenizer

from builders.families.blip.load import step_settings
from vitrine_steps.question import QuestionLimits, QuestionSteps, padded, tokens_from_question
from vitrine_steps.step_settings import FamilySettings, StepSettings

WORDS = step_settings(pad_id=0, unknown_id=1)
SETTINGS = StepSettings(WORDS, {"en": ["cannot tell"], "zh": ["看不出来"]})


def question_ids(
    question: bytes, tokenizer: Tokenizer, limits: QuestionLimits, family: FamilySettings = WORDS
) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask of one question, [L] each."""
    steps = QuestionSteps(tokenizer, limits, family)
    ids, mask = padded([tokens_from_question(question, steps)], steps)
    return ids[0], mask[0]
