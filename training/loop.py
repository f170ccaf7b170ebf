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
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm
from transformers import BlipForQuestionAnswering, PreTrainedTokenizerFast

from catalogue.questions import Question
from training.batches import Batch, test_batch, training_batch
from training.model import TrainedTogether, answer_logits, new_model
from training.options import TEXT_STEPS
from training.render import RenderedPhotos
from training.tokenizer import new_tokenizer


@dataclass(frozen=True)
class TrainingOptions:
    steps: int
    text_steps: int = TEXT_STEPS
    """The last of the steps: the vision tower rests, and more questions are asked of each photo."""
    photos_per_step: int = 64
    questions_per_photo: int = 3
    text_questions_per_photo: int = 7
    peak_learning_rate: float = 1e-3
    text_peak_learning_rate: float = 4e-4
    warmup_ratio: float = 0.04
    weight_decay: float = 0.02
    auxiliary_weight: float = 0.5
    device: str = "cpu"
    """ "cpu" or "cuda"; weights are float32, products bfloat16 where the hardware has it."""
    workers: int = 0
    """Processes that draw the batches; 0: none beside this one."""
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
    trained = TrainedTogether(start if start is not None else new_model(tokenizer)).to(options.device)
    optimizer = torch.optim.AdamW(trained.parameters(), weight_decay=options.weight_decay, betas=(0.9, 0.98))
    first_step = _resume(folder, trained, optimizer)
    history = (folder / "history.jsonl").open("a", encoding="utf-8")
    batches = _Batches(train_photos, outliers, tokenizer, options)
    steps = range(first_step, options.steps)
    loader = DataLoader(batches, batch_size=None, sampler=steps, num_workers=options.workers, persistent_workers=False)
    progress = tqdm(zip(steps, loader, strict=True), initial=first_step, total=options.steps, unit="step")
    for step, batch in progress:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options)
        losses = _train_step(trained, tokenizer, batch, options, optimizer, text_alone=_is_text_step(step, options))
        done = step + 1
        if done % 50 == 0:
            progress.set_postfix(loss=f"{losses['answer']:.3f}")
            history.write(json.dumps({"step": done, **losses}) + "\n")
        if done % options.measure_every_steps == 0 or done == options.steps:
            accuracy = measured_accuracy(trained.blip, tokenizer, test_photos, options.device)
            history.write(json.dumps({"step": done, "accuracy": accuracy}) + "\n")
            history.flush()
            tqdm.write(f"step {done}: " + " ".join(f"{k} {v:.1%}" for k, v in accuracy.items()))
        if done % options.save_every_steps == 0 or done == options.steps:
            _save(folder, trained, optimizer, done, options)
    history.close()
    return trained.blip.to("cpu").eval()


class _Batches(Dataset[Batch]):
    """Training batches by step, each a function of its step alone."""

    def __init__(
        self,
        photos: RenderedPhotos,
        outliers: NDArray[np.uint8],
        tokenizer: PreTrainedTokenizerFast,
        options: TrainingOptions,
    ) -> None:
        self.photos, self.outliers, self.tokenizer, self.options = photos, outliers, tokenizer, options

    def __getitem__(self, step: int) -> Batch:
        text_alone, options = _is_text_step(step, self.options), self.options
        return training_batch(
            self.photos,
            self.tokenizer,
            step,
            size=options.photos_per_step,
            per_photo=options.text_questions_per_photo if text_alone else options.questions_per_photo,
            outliers=self.outliers if text_alone else None,
        )


def _is_text_step(step: int, options: TrainingOptions) -> bool:
    return step >= options.steps - options.text_steps


def _train_step(
    trained: TrainedTogether,
    tokenizer: PreTrainedTokenizerFast,
    drawn: Batch,
    options: TrainingOptions,
    optimizer: torch.optim.Optimizer,
    *,
    text_alone: bool,
) -> dict[str, float]:
    batch = drawn.to(options.device)
    trained.train()
    with _autocast(options.device):
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


def _autocast(device: str) -> torch.autocast:
    """Compute in bfloat16 where the hardware multiplies in it: a processor without it takes 30 times as long."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=multiplies_in_bf16(device))


def multiplies_in_bf16(device: str) -> bool:
    """Tell whether a device, "cpu" or "cuda", has products in bfloat16."""
    return device == "cuda" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@torch.inference_mode()
def measured_accuracy(
    model: BlipForQuestionAnswering, tokenizer: PreTrainedTokenizerFast, photos: RenderedPhotos, device: str = "cpu"
) -> dict[str, float]:
    """Share of exactly right greedy answers: in all, by kind, by language.

    A teacher-forced pass whose every best token is the right one is a greedy
    decoding of the right answer, and the other way round.
    """
    model.eval()
    right: dict[str, list[bool]] = defaultdict(list)
    for start in range(0, len(photos), 50):
        batch = test_batch(photos, tokenizer, start, 50).to(device)
        with _autocast(device):
            features = model.vision_model(batch.pixels).last_hidden_state
            logits = answer_logits(model, features, batch.question_ids, batch.question_mask, batch.answer_ids[:, :-1])
        wanted = batch.answer_ids[:, 1:]
        exact = ((logits.argmax(-1) == wanted) | (wanted == tokenizer.pad_token_id)).all(1).tolist()
        for question, is_right in zip(batch.questions, exact, strict=True):
            for name in _groups(question):
                right[name].append(is_right)
    return {name: sum(values) / len(values) for name, values in right.items()}


def _groups(question: Question) -> tuple[str, ...]:
    """Return the names under which a question counts: what is short or no question counts apart."""
    if question.short:
        return ("short", f"short {question.language}")
    if question.kind == "no_question":
        return (question.kind,)
    return ("all", question.kind, question.language)


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
