"""Tiny checkpoints of each family of chat models, with random weights, for tests that hold for all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.chat_tokenizer import QWEN_SPECIAL
from tests.helpers.internvl import INTERNVL_SPECIAL, save_internvl3, save_internvl3_5
from tests.helpers.qwen import save_qwen3_5, save_qwen3_vl
from tests.helpers.smolvlm import SMOLVLM_SPECIAL, save_smolvlm2


@dataclass(frozen=True)
class TinyFamily:
    architecture: str
    save: Callable[[Path], Path]
    """Writes a checkpoint to a folder."""
    image_px: int
    """A side that the checkpoint takes."""
    grid: int
    """Image tokens along that side."""
    image_width: int
    side_multiple: int
    """What a side must be a multiple of; 0: the checkpoint takes one side only."""
    image_token: str
    special: tuple[str, ...]
    """Tokens of the chat template."""
    label: str = ""
    """Tells checkpoints of one architecture apart."""
    end: str = "<|im_end|>"
    """Token that ends an answer."""
    at_night: bool = False
    """True: all its tests run at night, since its graphs are of the pieces of others."""

    def __str__(self) -> str:
        return self.label or self.architecture


FAMILIES = (
    TinyFamily("Qwen3VLForConditionalGeneration", save_qwen3_vl, 128, 4, 96 * 3, 32, "<|image_pad|>", QWEN_SPECIAL),
    TinyFamily("Qwen3_5ForConditionalGeneration", save_qwen3_5, 256, 8, 96, 32, "<|image_pad|>", QWEN_SPECIAL),
    *(
        TinyFamily("InternVLForConditionalGeneration", save, 224, 4, 96, 0, "<IMG_CONTEXT>", INTERNVL_SPECIAL, label)
        for label, save in (("InternVL3", save_internvl3), ("InternVL3.5", save_internvl3_5))
    ),
    TinyFamily(
        "SmolVLMForConditionalGeneration", save_smolvlm2, 256, 4, 96, 0, "<image>", SMOLVLM_SPECIAL, "SmolVLM2",
        "<end_of_utterance>", at_night=True,
    ),
)  # fmt: skip
