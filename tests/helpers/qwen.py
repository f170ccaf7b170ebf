"""A tiny Qwen3-VL and a tiny Qwen3.5 with random weights: in memory, or on disk in the transformers format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.helpers.chat_tokenizer import chat_tokenizer
from tests.helpers.weights import randomised

IMAGE_PX = 128
PATCH, WIDTH, DEEP_LAYERS = 16, 96, 2


def tiny_qwen3_vl(image_id: int, start_id: int, end_id: int, *, vocabulary: int, seed: int, is_tied: bool) -> Any:
    """Make a `Qwen3VLForConditionalGeneration`, norms and biases random too.

    Args:
        image_id, start_id, end_id: tokens that stand for, before and behind the photo's patches.
        is_tied: True: the matrix from states to logits is the embedding's.
    """
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        vision_config={
            "depth": 3, "hidden_size": 64, "num_heads": 4, "intermediate_size": 128, "patch_size": PATCH,
            "out_hidden_size": WIDTH, "num_position_embeddings": 64,
            "deepstack_visual_indexes": list(range(DEEP_LAYERS)),
        },
        text_config={
            "hidden_size": WIDTH, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
            "intermediate_size": 160, "head_dim": 32, "vocab_size": vocabulary, "max_position_embeddings": 1024,
            "rope_parameters": rope, "tie_word_embeddings": is_tied,
        },
        image_token_id=image_id, video_token_id=vocabulary - 1, vision_start_token_id=start_id,
        vision_end_token_id=end_id, tie_word_embeddings=is_tied,
    )  # fmt: skip
    return randomised(Qwen3VLForConditionalGeneration(config), seed)


def tiny_qwen3_5(image_id: int, start_id: int, end_id: int, *, vocabulary: int, seed: int, is_tied: bool) -> Any:
    """Make a `Qwen3_5ForConditionalGeneration`: three layers with linear attention, then one with attention."""
    from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration

    rope = {
        "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1], "mrope_interleaved": True,
        "partial_rotary_factor": 0.25,
    }  # fmt: skip
    config = Qwen3_5Config(
        vision_config={
            "depth": 2, "hidden_size": 64, "num_heads": 4, "intermediate_size": 128, "patch_size": PATCH,
            "out_hidden_size": WIDTH, "num_position_embeddings": 64,
        },
        text_config={
            "hidden_size": WIDTH, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2,
            "intermediate_size": 160, "head_dim": 32, "vocab_size": vocabulary, "max_position_embeddings": 1024,
            "linear_key_head_dim": 16, "linear_value_head_dim": 24, "linear_num_key_heads": 2,
            "linear_num_value_heads": 4, "partial_rotary_factor": 0.25, "rope_parameters": rope,
            "tie_word_embeddings": is_tied,
        },
        image_token_id=image_id, video_token_id=vocabulary - 1, vision_start_token_id=start_id,
        vision_end_token_id=end_id, tie_word_embeddings=is_tied,
    )  # fmt: skip
    model = Qwen3_5ForConditionalGeneration(config)
    linear = [layer.linear_attn for layer in model.model.language_model.layers if hasattr(layer, "linear_attn")]
    decays = [layer.A_log.detach().clone() for layer in linear]
    model = randomised(model, seed)
    with torch.no_grad():
        for layer, decay in zip(linear, decays, strict=True):
            layer.A_log.copy_(decay - 2)  # so that a memory lasts for some tokens
    return model


def save_qwen3_vl(folder: Path, *, seed: int = 0, is_tied: bool = True) -> Path:
    """Write weights, tokenizer with its chat template, image processor and generation settings to `folder`."""
    return _save(folder, tiny_qwen3_vl, seed=seed, is_tied=is_tied)


def save_qwen3_5(folder: Path, *, seed: int = 0, is_tied: bool = True) -> Path:
    """Write the same of a Qwen3.5."""
    return _save(folder, tiny_qwen3_5, seed=seed, is_tied=is_tied)


def _save(folder: Path, make: Callable[..., Any], *, seed: int, is_tied: bool) -> Path:
    from transformers import GenerationConfig
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokenizer = chat_tokenizer()
    names = ("image_pad", "vision_start", "vision_end")
    ids = [tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in names]
    model = make(*ids, vocabulary=len(tokenizer), seed=seed, is_tied=is_tied)
    ends = [tokenizer.convert_tokens_to_ids(name) for name in ("<|im_end|>", "<|endoftext|>")]
    model.generation_config = GenerationConfig(eos_token_id=ends, pad_token_id=ends[1], do_sample=True, temperature=0.7)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(patch_size=PATCH, image_mean=[0.5] * 3, image_std=[0.5] * 3).save_pretrained(folder)
    return folder
