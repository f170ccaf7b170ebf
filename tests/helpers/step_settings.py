"""Settings of the steps for the tokenizer of `training`, whose vocabulary begins with padding and the unknown word."""

from builders.families.blip.load import step_settings
from vitrine_steps.step_settings import StepSettings

WORDS = step_settings(pad_id=0, unknown_id=1)
SETTINGS = StepSettings(WORDS, {"en": ["cannot tell"], "zh": ["看不出来"]})
