"""How each family of checkpoints learns: its inputs with the right answer in them, its logits, its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from builders.checkpoint.checkpoint import Checkpoint
from training.model import answer_logits

IGNORED = -100
"""Label of a token that is not taught."""
Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Asked:
    """A question with the answer that is taught."""

    square: Image.Image
    """The photo as the serving step fits it."""
    question: str
    answer: str


@dataclass(frozen=True)
class TuningFamily:
    """What tuning needs of a family."""

    inputs_of: Callable[[Checkpoint, Sequence[Asked]], Inputs]
    """Tensors of a batch, [B, ...] each; "labels" are the tokens that "logits" are compared with."""
    logits_of: Callable[[Any, Inputs], Tensor]
    """[B, T, V], of a model and such tensors."""
    text: tuple[str, ...]
    """Names that parts which read text begin with."""
    decoder: tuple[str, ...]
    """Names that parts which write the answer begin with."""
    vision: tuple[str, ...]


def tuning_family(architecture: str) -> TuningFamily:
    if architecture == "BlipForQuestionAnswering":
        return TuningFamily(
            _blip_inputs, _blip_logits, ("text_encoder", "text_decoder"), ("text_decoder",), ("vision_model",)
        )
    match architecture:
        case "InternVLForConditionalGeneration":
            from builders.families.internvl.reference import photo_inputs
        case "SmolVLMForConditionalGeneration":
            from builders.families.smolvlm.reference import photo_inputs
        case _:
            from builders.families.qwen3_vl.reference import photo_inputs
    language = ("model.language_model", "model.text_model")
    vision = ("model.visual", "model.vision_tower", "model.vision_model", "model.multi_modal_projector",
              "model.connector")  # fmt: skip
    return TuningFamily(partial(_chat_inputs, photo_inputs), _chat_logits, language, language, vision)


def _blip_inputs(checkpoint: Checkpoint, asked: Sequence[Asked]) -> Inputs:
    tokenizer, processor = checkpoint.tokenizer, checkpoint.image_processor
    questions = tokenizer([one.question for one in asked], padding=True, truncation=True,
                          max_length=checkpoint.parts.max_text_tokens, return_tensors="pt")  # fmt: skip
    answers = tokenizer([one.answer for one in asked], padding=True, return_tensors="pt")
    answer_ids = answers.input_ids.clone()
    answer_ids[:, 0] = checkpoint.model.config.text_config.bos_token_id  # instead of [CLS]
    pixels = torch.from_numpy(np.stack([np.asarray(one.square) for one in asked])).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (processor.image_mean, processor.image_std))
    return {
        "pixels": (pixels - mean) / std,
        "question_ids": questions.input_ids,
        "question_mask": questions.attention_mask,
        "answer_ids": answer_ids[:, :-1],
        "labels": answer_ids[:, 1:].masked_fill(answers.attention_mask[:, 1:] == 0, IGNORED),
    }


def _blip_logits(model: Any, inputs: Inputs) -> Tensor:
    features = model.vision_model(inputs["pixels"]).last_hidden_state
    return answer_logits(model, features, inputs["question_ids"], inputs["question_mask"], inputs["answer_ids"])


def _chat_inputs(
    photo_inputs: Callable[[Checkpoint, Image.Image], Inputs], checkpoint: Checkpoint, asked: Sequence[Asked]
) -> Inputs:
    """Make the prompt that a build asks with, the answer and its end behind it, padding last."""
    parts = checkpoint.parts
    assert parts.prompt
    assert parts.steps.end_id is not None
    encode = parts.tokenizer.backend_tokenizer.encode
    rows, labels = [], []
    for one in asked:
        question = encode(one.question, add_special_tokens=False).ids
        prompt = [*parts.prompt.prefix_ids, *question, *parts.prompt.suffix_ids]
        answer = [*encode(one.answer, add_special_tokens=False).ids, parts.steps.end_id]
        rows.append(torch.tensor(prompt + answer))
        labels.append(torch.tensor([IGNORED] * (len(prompt) - 1) + answer + [IGNORED]))  # of the next token
    ids = pad_sequence(rows, batch_first=True, padding_value=parts.steps.pad_id)
    there = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    photos = [photo_inputs(checkpoint, one.square) for one in asked]
    inputs = {name: torch.cat([photo[name] for photo in photos]) for name in photos[0]}
    if "image_grid_thw" in inputs:
        inputs["mm_token_type_ids"] = (ids == checkpoint.model.config.image_token_id).int()
    return inputs | {
        "input_ids": ids,
        "attention_mask": there,
        "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED),
    }


def _chat_logits(model: Any, inputs: Inputs) -> Tensor:
    logits: Tensor = model(**{name: x for name, x in inputs.items() if name != "labels"}, use_cache=False).logits
    return logits
