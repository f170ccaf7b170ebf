"""The training loop: resumable, measured as it goes."""

import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm
from transformers import BlipForQuestionAnswering, PreTrainedTokenizerFast

from training.batches import test_batch, training_batch
from training.model import TrainedTogether, answer_logits, new_model
from training.render import RenderedPhotos
from training.tokenizer import new_tokenizer


@dataclass(frozen=True)
class TrainingOptions:
    steps: int
    text_steps: int = 1500
    """The last of the steps: the vision tower rests, and more questions are asked of each photo."""
    photos_per_step: int = 64
    questions_per_photo: int = 3
    text_questions_per_photo: int = 7
    peak_learning_rate: float = 1e-3
    text_peak_learning_rate: float = 4e-4
    warmup_ratio: float = 0.04
    weight_decay: float = 0.02
    auxiliary_weight: float = 0.5
    save_every_steps: int = 500
    measure_every_steps: int = 1000
    seed: int = 0


def learning_rate(step: int, options: TrainingOptions) -> float:
    """Linear warm-up, then a cosine down to a hundredth of the peak; once for all, once for the text alone."""
    together = options.steps - options.text_steps
    if step < together:
        return _one_cycle(step, together, options.peak_learning_rate, options.warmup_ratio)
    return _one_cycle(step - together, options.text_steps, options.text_peak_learning_rate, options.warmup_ratio)


def _one_cycle(step: int, steps: int, peak: float, warmup_ratio: float) -> float:
    warmup = max(1, round(steps * warmup_ratio))
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(
    train_photos: RenderedPhotos,
    test_photos: RenderedPhotos,
    outliers: NDArray[np.uint8],
    folder: Path,
    options: TrainingOptions,
    start: BlipForQuestionAnswering | None = None,
) -> BlipForQuestionAnswering:
    """Train to `options.steps`, from the last state saved in `folder` if there is one, else from `start`.

    Writes `state.pt` (to resume) and `history.jsonl` (to plot) to `folder`.
    """
    torch.manual_seed(options.seed)
    tokenizer = new_tokenizer()
    trained = TrainedTogether(start if start is not None else new_model(tokenizer))
    optimizer = torch.optim.AdamW(trained.parameters(), weight_decay=options.weight_decay, betas=(0.9, 0.98))
    first_step = _resume(folder, trained, optimizer)
    history = (folder / "history.jsonl").open("a", encoding="utf-8")
    progress = tqdm(range(first_step, options.steps), initial=first_step, total=options.steps, unit="step")
    for step in progress:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options)
        losses = _train_step(trained, tokenizer, train_photos, outliers, step, options, optimizer)
        done = step + 1
        if done % 50 == 0:
            progress.set_postfix(loss=f"{losses['answer']:.3f}")
            history.write(json.dumps({"step": done, **losses}) + "\n")
        if done % options.measure_every_steps == 0 or done == options.steps:
            accuracy = measured_accuracy(trained.blip, tokenizer, test_photos)
            history.write(json.dumps({"step": done, "accuracy": accuracy}) + "\n")
            history.flush()
            tqdm.write(f"step {done}: " + " ".join(f"{k} {v:.1%}" for k, v in accuracy.items()))
        if done % options.save_every_steps == 0 or done == options.steps:
            _save(folder, trained, optimizer, done, options)
    history.close()
    return trained.blip.eval()


def _train_step(
    trained: TrainedTogether,
    tokenizer: PreTrainedTokenizerFast,
    photos: RenderedPhotos,
    outliers: NDArray[np.uint8],
    step: int,
    options: TrainingOptions,
    optimizer: torch.optim.Optimizer,
) -> dict[str, float]:
    text_alone = step >= options.steps - options.text_steps
    per_photo = options.text_questions_per_photo if text_alone else options.questions_per_photo
    batch = training_batch(
        photos,
        tokenizer,
        step,
        size=options.photos_per_step,
        per_photo=per_photo,
        outliers=outliers if text_alone else None,
    )
    trained.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.set_grad_enabled(not text_alone):
            features = trained.blip.vision_model(batch.pixels).last_hidden_state
            heads_loss, right = trained.heads(features, batch.attributes, batch.patches)
        logits = answer_logits(
            trained.blip, features, batch.question_ids, batch.question_mask, batch.answer_ids[:, :-1]
        )
    wanted = batch.answer_ids[:, 1:]
    answer_loss = F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), ignore_index=tokenizer.pad_token_id)
    optimizer.zero_grad(set_to_none=True)
    (answer_loss + options.auxiliary_weight * heads_loss).backward()  # heads_loss is a constant in text steps
    nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
    optimizer.step()
    names = ("category", "colour", "pattern", "count")
    return {
        "answer": answer_loss.item(),
        "heads": heads_loss.item(),
        **{f"head_{name}": share for name, share in zip(names, right.tolist(), strict=True)},
    }


@torch.inference_mode()
def measured_accuracy(
    model: BlipForQuestionAnswering, tokenizer: PreTrainedTokenizerFast, photos: RenderedPhotos
) -> dict[str, float]:
    """Share of exactly right greedy answers: in all, by kind, by language.

    A teacher-forced pass whose every best token is the right one is a greedy
    decoding of the right answer, and the other way round.
    """
    model.eval()
    right: dict[str, list[bool]] = defaultdict(list)
    for start in range(0, len(photos), 50):
        batch = test_batch(photos, tokenizer, start, 50)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = model.vision_model(batch.pixels).last_hidden_state
            logits = answer_logits(model, features, batch.question_ids, batch.question_mask, batch.answer_ids[:, :-1])
        wanted = batch.answer_ids[:, 1:]
        exact = ((logits.argmax(-1) == wanted) | (wanted == tokenizer.pad_token_id)).all(1).tolist()
        for question, is_right in zip(batch.questions, exact, strict=True):
            for name in ("all", question.kind, question.language):
                right[name].append(is_right)
    return {name: sum(values) / len(values) for name, values in right.items()}


def _save(
    folder: Path, trained: TrainedTogether, optimizer: torch.optim.Optimizer, step: int, options: TrainingOptions
) -> None:
    partial = folder / "state.partial.pt"
    torch.save(
        {"step": step, "model": trained.state_dict(), "optimizer": optimizer.state_dict(), "options": asdict(options)},
        partial,
    )
    partial.rename(folder / "state.pt")


def _resume(folder: Path, trained: TrainedTogether, optimizer: torch.optim.Optimizer) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "state.pt").exists():
        return 0
    state = torch.load(folder / "state.pt", weights_only=True)
    trained.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
