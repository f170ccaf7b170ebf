"""The model that is trained: a small BLIP, and heads that exist only in training.

The heads read category, colour, pattern, number, the product's outline and
the items' centres from the photo's tokens. They give the vision tower a
signal at every step, long before the answers do, and are thrown away.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BlipConfig, BlipForQuestionAnswering, PreTrainedTokenizerFast

from catalogue.attributes import CATEGORIES, COLOURS, MAX_COUNT, PATTERNS
from catalogue.traditional import simplified_character

IMAGE_PX = 112
PATCH_PX = 16
GRID = IMAGE_PX // PATCH_PX
WIDTH = 192
MAX_QUESTION_TOKENS = 64
ATTRIBUTE_SIZES = {
    "category": len(CATEGORIES),
    "colour": len(COLOURS),
    "pattern": len(PATTERNS),
    "count": MAX_COUNT,
}


def new_model(tokenizer: PreTrainedTokenizerFast) -> BlipForQuestionAnswering:
    """A small BLIP with random weights, for `tokenizer`."""
    config = BlipConfig(
        vision_config={
            "image_size": IMAGE_PX,
            "patch_size": PATCH_PX,
            "hidden_size": WIDTH,
            "intermediate_size": 4 * WIDTH,
            "num_hidden_layers": 6,
            "num_attention_heads": 3,
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "encoder_hidden_size": WIDTH,
            "intermediate_size": 4 * WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "max_position_embeddings": MAX_QUESTION_TOKENS,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "label_smoothing": 0.0,
            "pad_token_id": tokenizer.pad_token_id,
            "sep_token_id": tokenizer.sep_token_id,
            "eos_token_id": tokenizer.sep_token_id,
            "bos_token_id": tokenizer.bos_token_id,
        },
    )
    return BlipForQuestionAnswering(config)


def extended_model(folder: Path, tokenizer: PreTrainedTokenizerFast) -> BlipForQuestionAnswering:
    """The model in `folder` with the vocabulary of `tokenizer`: known words keep their vectors, new ones get [UNK]'s,
    traditional characters those of the simplified ones.

    Args:
        folder: a checkpoint that `python -m training` wrote.
    """
    old: Any = BlipForQuestionAnswering.from_pretrained(folder)
    old_ids = PreTrainedTokenizerFast.from_pretrained(folder).get_vocab()
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    unknown = old_ids["[UNK]"]
    rows = torch.tensor([old_ids.get(t, old_ids.get(simplified_character(t), unknown)) for t, _ in vocabulary])
    by_word = {name for name, tensor in old.state_dict().items() if tensor.shape[:1] == (len(old_ids),)}
    new: Any = new_model(tokenizer)
    new.load_state_dict({k: v[rows] if k in by_word else v for k, v in old.state_dict().items()})
    return new


class AuxiliaryHeads(nn.Module):
    """Loss of reading the photo's truth directly from its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = list(ATTRIBUTE_SIZES.values())
        self.attributes = nn.Linear(WIDTH, sum(self.sizes))
        self.patches = nn.Linear(WIDTH, 2)  # product share, holds an item's centre

    def forward(self, features: Tensor, attributes: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            features: [B, 1 + GRID², WIDTH], class token first.
            attributes: [B, 4] int64, indices in the order of ATTRIBUTE_SIZES.
            patches: [B, GRID², 2] float, 0 to 1.

        Returns:
            The loss, and [4] the share of right attributes.
        """
        logits = self.attributes(features[:, 0]).float().split(self.sizes, dim=1)
        losses = [F.cross_entropy(group, attributes[:, i]) for i, group in enumerate(logits)]
        right = torch.stack([(g.argmax(1) == attributes[:, i]).float().mean() for i, g in enumerate(logits)])
        patch_loss = F.binary_cross_entropy_with_logits(self.patches(features[:, 1:]).float(), patches)
        return torch.stack(losses).sum() + 2 * patch_loss, right


class TrainedTogether(nn.Module):
    """A BLIP and its auxiliary heads, as one thing to train and to save."""

    def __init__(self, blip: Any) -> None:
        super().__init__()
        self.blip: Any = blip
        self.heads = AuxiliaryHeads()


def answer_logits(
    model: BlipForQuestionAnswering, features: Tensor, question_ids: Tensor, question_mask: Tensor, answer_ids: Tensor
) -> Tensor:
    """Teacher-forced logits.

    Args:
        features: [P, N, WIDTH], one row a photo; questions are grouped by photo.
        question_ids, question_mask: [P·Q, L].
        answer_ids: [P·Q, T], starting with the decoder's start token.

    Returns:
        [P·Q, T, vocabulary].
    """
    features = features.repeat_interleave(question_ids.shape[0] // features.shape[0], dim=0)
    question_states = model.text_encoder(
        input_ids=question_ids, attention_mask=question_mask, encoder_hidden_states=features
    ).last_hidden_state
    logits: Tensor = model.text_decoder(
        input_ids=answer_ids,
        encoder_hidden_states=question_states,
        encoder_attention_mask=question_mask,
        use_cache=False,
    ).logits
    return logits
