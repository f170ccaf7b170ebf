"""The tuning loop: the same curve with one process or several, and after an interruption."""

import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from builders.checkpoint.checkpoint import Checkpoint
from training.tuning.adapters import Trained
from training.tuning.batches import Mixture, Photos
from training.tuning.data import Example
from training.tuning.families import IGNORED, Inputs, TuningFamily
from training.tuning.options import Course, Running
from training.tuning.state import load_state, put_weights, save_state, weights_of
from training.tuning.tracking import Measured, Tracks

_WARM_UP = 0.05
_LAST_RATE = 0.02
"""Share of the highest learning rate that is left at the end."""
_MEASURED_AT_ONCE = 32
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class Lesson:
    """Everything that a run learns with."""

    checkpoint: Checkpoint
    family: TuningFamily
    mixture: Mixture
    stop: Sequence[Example]
    """Questions that are not trained on, which tell when to stop: own ones first."""
    general_stop: int
    """How many of them, the last ones, are general."""
    teacher: Any
    """The model as it was, for distillation; None: without."""
    course: Course
    running: Running


class AnswerLoss(nn.Module):
    """Loss of the right answers: each question counts the same, however long its answer is."""

    def __init__(self, model: Any, family: TuningFamily, teacher: Any = None, distillation: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self._logits_of, self._distillation = family.logits_of, distillation
        self._teacher = (teacher,)  # in a tuple, so that it is no part of what is trained

    def forward(self, inputs: Inputs, general: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """
        Args:
            general: [B], 1 where a question is general, and is to be answered as the teacher does; else 0.

        Returns:
            [B] the mean loss of each answer's tokens, and [B] whether all of them are the likeliest ones: then greedy
            decoding says this very answer.
        """
        logits, labels = self._logits_of(self.model, inputs).float(), inputs["labels"]
        losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
        taught = labels != IGNORED
        exact = ((logits.argmax(-1) == labels) | ~taught).all(1)
        found = losses.view(labels.shape).sum(1) / taught.sum(1)
        if self._distillation and general is not None:
            with torch.no_grad():
                before = self._logits_of(self._teacher[0], inputs).float().log_softmax(-1)
            moved = F.kl_div(logits.log_softmax(-1), before, log_target=True, reduction="none").sum(-1)
            found = found + self._distillation * general * (moved * taught).sum(1) / taught.sum(1)
        return found, exact


def _loss_of(lesson: Lesson, trained: Trained) -> AnswerLoss:
    return AnswerLoss(trained.model, lesson.family, lesson.teacher, lesson.course.distillation)


def learning_rate(step: int, course: Course) -> float:
    """Linear warm-up, then half a cosine."""
    warm_up = max(1, round(course.steps * _WARM_UP))
    if step < warm_up:
        return course.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(1, course.steps - warm_up)
    return course.learning_rate * (_LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * done)))


def tune(
    lesson: Lesson, trained: Trained, accelerator: Any, tracks: Tracks, report: Callable[[int, Measured], None]
) -> Measured:
    """Train until the held-out questions gain no more, and leave the best weights in the model.

    Args:
        trained: is changed.
        accelerator: of accelerate.
        report: is told every measurement; what it raises ends the run.

    Returns:
        The best measurement.
    """
    course, running = lesson.course, lesson.running
    # Rows of words that are not new must not shrink: they get no gradient, but would get a decay.
    decay = _WEIGHT_DECAY if course.method == "full" else 0.0
    optimizer = torch.optim.AdamW(trained.parameters(), lr=course.learning_rate, weight_decay=decay)
    facts, best_weights = load_state(running.work, trained, optimizer, course)
    if trained.peft is not None and running.save_memory:
        trained.model.enable_input_require_grads()
    if running.save_memory:
        trained.model.gradient_checkpointing_enable({"use_reentrant": False})
    if lesson.teacher is not None:
        lesson.teacher.to(accelerator.device)
    loss, optimizer = accelerator.prepare(_loss_of(lesson, trained), optimizer)
    photos = Photos(lesson.checkpoint.parts.image_px, lesson.checkpoint.parts.steps.photo_fit)
    first, stale = facts.get("step", 0), facts.get("stale", 0)
    best = Measured.from_facts(facts.get("best"))
    ends = facts.get("ends", False)
    steps = tqdm(range(first, course.steps), initial=first, total=course.steps, unit="step", desc="tuning",
                 disable=None if accelerator.is_main_process else True)  # fmt: skip
    for step in steps:
        if ends:
            break
        mean_loss = _train_step(step, lesson, loss, trained, optimizer, accelerator, photos)
        done = step + 1
        tracks.step(done, loss=mean_loss, learning_rate=learning_rate(step, course))
        steps.set_postfix(loss=f"{mean_loss:.3f}", refresh=False)
        is_last = done == course.steps
        if done % running.measure_every == 0 or is_last:
            found = measure(lesson, loss, accelerator, photos)
            tracks.measured(done, found, ranks=trained.ranks())
            stale = 0 if best is None or found.is_better_than(best) else stale + 1
            if stale == 0:
                best, best_weights = found, weights_of(trained)
            ends = stale >= running.patience
            if accelerator.is_main_process:
                tqdm.write(f"step {done}: {found}", file=sys.stderr)
            report(done, found)
        if (done % running.save_every == 0 or is_last or ends) and accelerator.is_main_process:
            told = {"step": done, "stale": stale, "ends": ends, "best": best.as_facts() if best else None}
            save_state(running.work, trained, optimizer, course, told, best_weights)
    put_weights(trained, best_weights)
    assert best
    return best


def _train_step(
    step: int, lesson: Lesson, loss: nn.Module, trained: Trained, optimizer: Any, accelerator: Any, photos: Photos
) -> float:
    """Take one step on this process's share of the batch; returns the mean loss of that share."""
    course = lesson.course
    torch.manual_seed(hash((course.seed, step, accelerator.process_index)) % 2**31)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, course)
    drawn = lesson.mixture.drawn(step, course.batch)[accelerator.process_index :: accelerator.num_processes]
    moves = random.Random(f"{course.seed} moves {step} {accelerator.process_index}")
    asked = [photos.asked(one.example, one.augment, moves) for one in drawn]
    is_general = torch.tensor([float(one.is_general) for one in drawn], device=accelerator.device)
    size = course.micro_batch or len(asked)
    total = 0.0
    loss.train()
    for start in range(0, len(asked), size):
        inputs = lesson.family.inputs_of(lesson.checkpoint, asked[start : start + size])
        is_last = start + size >= len(asked)
        with accelerator.no_sync(loss) if not is_last else accelerator.autocast(), accelerator.autocast():
            on_device = {name: x.to(accelerator.device) for name, x in inputs.items()}
            losses, _ = loss(on_device, is_general[start : start + size])
            part = losses.sum() / len(asked)
            total += float(part.detach())
            accelerator.backward(part + (trained.penalty() if is_last else 0.0))
    accelerator.clip_grad_norm_(trained.parameters(), 1.0)
    optimizer.step()
    trained.after_step(step)
    optimizer.zero_grad(set_to_none=True)
    return total


@torch.inference_mode()
def measure(lesson: Lesson, loss: nn.Module, accelerator: Any, photos: Photos) -> Measured:
    """Ask the held-out questions, each process its share."""
    loss.eval()
    numbers = range(accelerator.process_index, len(lesson.stop), accelerator.num_processes)
    rows: list[tuple[int, float, bool]] = []
    for start in range(0, len(numbers), _MEASURED_AT_ONCE):
        some = numbers[start : start + _MEASURED_AT_ONCE]
        asked = [photos.asked(lesson.stop[number]) for number in some]
        inputs = lesson.family.inputs_of(lesson.checkpoint, asked)
        with accelerator.autocast():
            losses, exact = loss({name: x.to(accelerator.device) for name, x in inputs.items()})
        rows += list(zip(some, losses.tolist(), exact.tolist(), strict=True))
    from accelerate.utils import gather_object

    return Measured.of(lesson.stop, gather_object(rows), general=lesson.general_stop)
