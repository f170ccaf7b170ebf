"""A tiny SmolVLM2 with random weights: in memory, or on disk in the transformers format."""

import json
from pathlib import Path
from typing import Any

from tests.helpers.chat_tokenizer import chat_tokenizer
from tests.helpers.weights import randomised

IMAGE_PX, WIDTH = 256, 96
SMOLVLM_SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<global-img>", "<image>",
    "<end_of_utterance>",
)  # fmt: skip
SMOLVLM_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}"
    "{% if line['type'] == 'text' %}{{ line['text'] }}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_VISION = {
    "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 128,
    "image_size": IMAGE_PX, "patch_size": 16,
}  # fmt: skip
_TEXT = {
    "model_type": "llama", "hidden_size": WIDTH, "num_hidden_layers": 3, "num_attention_heads": 6,
    "num_key_value_heads": 2, "intermediate_size": 160, "max_position_embeddings": 1024, "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0},
}  # fmt: skip


def tiny_smolvlm(
    vision: dict[str, Any], text: dict[str, Any], *, image_id: int, vocabulary: int, scale_factor: int = 4
) -> Any:
    """Make a `SmolVLMForConditionalGeneration`, norms and biases random too, with an output matrix of its own.

    Args:
        image_id: the token that stands for a part of the photo.
        scale_factor: patches along the side of what one such token stands for.
    """
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

    config = SmolVLMConfig(
        vision_config=vision, text_config=text | {"vocab_size": vocabulary, "tie_word_embeddings": False},
        image_token_id=image_id, scale_factor=scale_factor, tie_word_embeddings=False,
    )  # fmt: skip
    return randomised(SmolVLMForConditionalGeneration(config), seed=0)


def tiny_tower(*, scale_factor: int = 4, **options: Any) -> Any:
    """Make one whose vision tower has other options, in memory alone."""
    return tiny_smolvlm(_VISION | options, _TEXT, image_id=5, vocabulary=64, scale_factor=scale_factor)


def save_smolvlm2(folder: Path, **text: Any) -> Path:
    """Write weights, tokenizer, chat template, image processor and generation settings to `folder`, as published.

    The template is in a file of its own, and the processor would enlarge a photo and cut it into tiles.

    Args:
        text: further settings of the language model.
    """
    from transformers import GenerationConfig
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    tokenizer = chat_tokenizer(None, SMOLVLM_SPECIAL, end="<end_of_utterance>", pad="<|im_end|>")
    start, pad, image, end = (
        tokenizer.convert_tokens_to_ids(token)
        for token in ("<|im_start|>", "<|im_end|>", "<image>", "<end_of_utterance>")
    )
    model = tiny_smolvlm(_VISION, _TEXT | {"pad_token_id": pad} | text, image_id=image, vocabulary=len(tokenizer))
    model.generation_config = GenerationConfig(bos_token_id=start, eos_token_id=end, pad_token_id=pad)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": SMOLVLM_TEMPLATE}), "utf-8")
    SmolVLMImageProcessorPil(
        size={"longest_edge": 4 * IMAGE_PX}, max_image_size={"longest_edge": IMAGE_PX}, image_mean=[0.5] * 3,
        image_std=[0.5] * 3, do_image_splitting=True,
    ).save_pretrained(folder)  # fmt: skip
    return folder
