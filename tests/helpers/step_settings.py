"""Settings of the steps for the tokenizer of `training`, whose vocabulary begins with padding and the unknown word."""

from vitrine_steps.step_settings import FamilySettings, StepSettings

WORDS = FamilySettings(
    pad_id=0,
    unknown_id=1,
    prefix_tokens=1,
    splits_words=True,
    end_id=None,
    suffix_ids=(),
    photo_fit="stretch",
    leading_image_tokens=1,
)
SETTINGS = StepSettings(WORDS, {"en": ["cannot tell"], "zh": ["看不出来"]})
