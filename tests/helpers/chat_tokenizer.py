"""A small byte-level tokenizer with a chat template in the form of Qwen's, for tiny models."""

from typing import Any

QWEN_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def chat_tokenizer(
    template: str | None = TEMPLATE, special: tuple[str, ...] = QWEN_SPECIAL, *, vocabulary: int = 600,
    end: str = "<|im_end|>", pad: str = "<|endoftext|>",
) -> Any:  # fmt: skip
    """A `PreTrainedTokenizerFast`, trained on a few lines of Chinese and English."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_pattern(), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(special), initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    lines = ["What colour is it? It is red. cannot tell", "这是什么颜色的？红色。看不出来", "How many are there?\n"]
    backend.train_from_iterator(lines * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=end, pad_token=pad, chat_template=template)


def _pattern() -> Any:
    from tokenizers import Regex

    return Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
