"""BLIPs of any size with random weights, whose answers vary: for tests, and for the real cost of a size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import BlipConfig, BlipForQuestionAnswering, BlipImageProcessorPil, BlipProcessor

from training.tokenizer import new_tokenizer


@dataclass(frozen=True)
class Geometry:
    image_px: int = 32
    patch_px: int = 16
    width: int = 32
    """Width of both towers: BLIP's decoder reads photo and question through layers of one width."""
    vision_layers: int = 2
    text_layers: int = 1
    heads: int = 2
    mlp_ratio: int = 2
    vocabulary: int | None = None
    """Size of the vocabulary; None: the bundled tokenizer's."""


BLIP_VQA_BASE = Geometry(
    image_px=384, patch_px=16, width=768, vision_layers=12, text_layers=12, heads=12, mlp_ratio=4, vocabulary=30_524
)


def random_blip(geometry: Geometry, seed: int, *, end_bias: float = 0.0, weight_scale: float = 0.35) -> Any:
    """A BLIP whose weights are drawn wide enough that its answers differ from question to question.

    Args:
        end_bias: added to the end token's logit: large and positive, answers
            end at once; large and negative, never.
        weight_scale: standard deviation of the weights; wide for small models.
    """
    torch.manual_seed(seed)
    tokenizer = new_tokenizer()
    config = BlipConfig(
        vision_config={
            "image_size": geometry.image_px,
            "patch_size": geometry.patch_px,
            "hidden_size": geometry.width,
            "intermediate_size": geometry.mlp_ratio * geometry.width,
            "num_hidden_layers": geometry.vision_layers,
            "num_attention_heads": geometry.heads,
        },
        text_config={
            "vocab_size": geometry.vocabulary or len(tokenizer),
            "hidden_size": geometry.width,
            "encoder_hidden_size": geometry.width,
            "intermediate_size": geometry.mlp_ratio * geometry.width,
            "num_hidden_layers": geometry.text_layers,
            "num_attention_heads": geometry.heads,
            "max_position_embeddings": 64,
            "pad_token_id": tokenizer.pad_token_id,
            "sep_token_id": tokenizer.sep_token_id,
            "eos_token_id": tokenizer.sep_token_id,
            "bos_token_id": tokenizer.bos_token_id,
        },
    )
    model = BlipForQuestionAnswering(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, weight_scale)
        model.text_decoder.cls.predictions.bias[tokenizer.sep_token_id] += end_bias
    return model


def save_checkpoint(model: Any, folder: Any) -> None:
    """Write `model` with a processor and a tokenizer, in the transformers format."""
    model.save_pretrained(folder)
    side = model.config.vision_config.image_size
    BlipProcessor(BlipImageProcessorPil(size={"height": side, "width": side}), new_tokenizer()).save_pretrained(folder)


def write_blip_vqa_base(folder: Path) -> None:
    """A checkpoint of the size of blip-vqa-base, whose answers never end by themselves."""
    save_checkpoint(random_blip(BLIP_VQA_BASE, seed=11, end_bias=-100.0, weight_scale=0.02), folder)
