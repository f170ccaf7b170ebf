"""Tiny InternVLs with random weights, on disk in the transformers format: one like InternVL3, one like InternVL3.5."""

from pathlib import Path
from typing import Any

from tests.helpers.chat_tokenizer import chat_tokenizer
from tests.helpers.weights import randomised

IMAGE_PX, PATCH, WIDTH = 224, 28, 96
"""At half that side, a large photo that is shrunk cheaply differs by 14 of 255 levels, more than a build allows."""
INTERNVL_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>")
INTERNVL_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}{% else %}{{ content['text'] }}{% endif %}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
VISION = {
    "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 128,
    "image_size": [IMAGE_PX, IMAGE_PX], "patch_size": [PATCH, PATCH], "attention_bias": True,
}  # fmt: skip
_TEXT = {
    "hidden_size": WIDTH, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
    "intermediate_size": 160, "max_position_embeddings": 1024,
}  # fmt: skip
_QWEN2 = {
    "model_type": "qwen2", "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}, **_TEXT,
}  # fmt: skip
_QWEN3 = {"model_type": "qwen3", "head_dim": 32, "rope_parameters": {"rope_theta": 10000.0}, **_TEXT}


def save_internvl3(folder: Path) -> Path:
    """Write an InternVL3: Qwen2 with biases, and an output matrix of its own."""
    return _save(folder, _QWEN2, is_tied=False)


def save_internvl3_5(folder: Path) -> Path:
    """Write an InternVL3.5: Qwen3, whose output matrix is the embedding's."""
    return _save(folder, _QWEN3, is_tied=True)


def save_size_of_internvl3_1b(folder: Path) -> Path:
    """Write one of the size of InternVL3-1B: 0.8 billion parameters, 3.2 GB of files."""
    vision = VISION | {
        "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
        "image_size": [448, 448], "patch_size": [14, 14],
    }  # fmt: skip
    text = _QWEN2 | {
        "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
        "intermediate_size": 4864, "max_position_embeddings": 32768,
    }  # fmt: skip
    return _save(folder, text, is_tied=True, vision=vision, vocabulary=151_674, scale=0.02)


def tiny_internvl(
    vision: dict[str, Any], text: dict[str, Any], *, image_id: int, vocabulary: int, is_tied: bool, seed: int = 0,
    scale: float = 0.12,
) -> Any:  # fmt: skip
    """Make an `InternVLForConditionalGeneration`; norms, biases and the scales of layers are random too.

    Args:
        scale: standard deviation of weights.
        image_id: the token that stands for a patch of the photo.
        is_tied: True: the matrix from states to logits is the embedding's.
    """
    from transformers import InternVLConfig, InternVLForConditionalGeneration

    config = InternVLConfig(
        vision_config=vision,
        text_config=text | {"vocab_size": vocabulary, "tie_word_embeddings": is_tied},
        image_token_id=image_id,
        tie_word_embeddings=is_tied,
    )
    return randomised(InternVLForConditionalGeneration(config), seed, scale)


def tiny_tower(**options: Any) -> Any:
    """Make one whose vision tower has other options, in memory alone."""
    return tiny_internvl(VISION | options, _QWEN3, image_id=5, vocabulary=64, is_tied=True)


def _save(
    folder: Path, text: dict[str, Any], *, is_tied: bool, vision: dict[str, Any] = VISION,
    vocabulary: int | None = None,
    scale: float = 0.12,
) -> Path:  # fmt: skip
    """Write weights, tokenizer with its chat template, image processor and generation settings to `folder`."""
    from transformers import GenerationConfig
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    tokenizer = chat_tokenizer(INTERNVL_TEMPLATE, INTERNVL_SPECIAL)
    image_id, end = (tokenizer.convert_tokens_to_ids(token) for token in ("<IMG_CONTEXT>", "<|im_end|>"))
    model = tiny_internvl(
        vision, text, image_id=image_id, vocabulary=vocabulary or len(tokenizer), is_tied=is_tied, scale=scale
    )
    model.generation_config = GenerationConfig(eos_token_id=end)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    GotOcr2ImageProcessorPil(
        size=dict(zip(("height", "width"), vision["image_size"], strict=True)), image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225], crop_to_patches=True,
    ).save_pretrained(folder)  # fmt: skip
    return folder
