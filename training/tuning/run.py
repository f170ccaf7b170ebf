"""`python -m training tune`: from labelled data to a plain checkpoint."""

import copy
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.load import load_checkpoint
from builders.errors import BuildError
from command_line.errors import UsageError
from evaluation.questions import DataError
from training.loop import multiplies_in_bf16
from training.tuning.adapters import Trained, make_trainable
from training.tuning.batches import Mixture, Photos
from training.tuning.check import Checked, check_examples, first_fault, table_of, unknown_words
from training.tuning.data import Example, read_examples
from training.tuning.families import tuning_family
from training.tuning.files import with_words, write_checkpoint
from training.tuning.loop import Lesson, tune
from training.tuning.memory import estimate_mib
from training.tuning.options import CheckCommand, Course, TuneCommand, TuningData
from training.tuning.parts import parts_of
from training.tuning.tracking import Measured, Tracks

_SHOWN = 20
Report = Callable[[int, Measured], None]


def _no_report(step: int, found: Measured) -> None:
    pass


def check_data(command: CheckCommand) -> int:
    """Print what is wrong with the data. Returns the exit status."""
    try:
        checkpoint = load_checkpoint(command.checkpoint)
        checked = _checked(command.source, checkpoint)
    except (BuildError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    print_findings(checked)
    return 1 if checked.faults or not checked.examples else 0


def print_findings(checked: Checked) -> None:
    print(f"{len(checked.examples)} questions can be used, {len(checked.faults)} lines cannot")
    print(table_of(checked.examples))
    for title, found in (("cannot be used", checked.faults), ("to look at", checked.notes)):
        if found:
            print(f"{title}:")
            print("\n".join(f"  {one.where}: {one.reason}" for one in found[:_SHOWN]))
            if len(found) > _SHOWN:
                print(f"  and {len(found) - _SHOWN} more")
    if checked.new_words:
        words = ", ".join(checked.new_words[:_SHOWN]) + (", ..." if len(checked.new_words) > _SHOWN else "")
        print(f"words that the checkpoint does not know, {len(checked.new_words)}: {words}; tuning teaches them")


def tune_checkpoint(command: TuneCommand) -> int:
    """Tune and write. Returns the exit status."""
    from accelerate import Accelerator

    device = command.running.device or ("cuda" if torch.cuda.is_available() else "cpu")
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if multiplies_in_bf16(device) else "no",
        log_with=None if command.running.track == "none" else command.running.track,
        project_dir=str(command.running.work),
    )
    try:
        checked = _checked(command.source, load_checkpoint(command.checkpoint, wishes=_wishes(command.course)))
        if accelerator.is_main_process:
            print_findings(checked)
        if checked.faults and not command.source.leave_out_bad:
            raise UsageError(f"{len(checked.faults)} lines cannot be used: mend them, or leave them out with "
                             "--leave-out-bad")  # fmt: skip
        if command.running.search:
            from training.tuning.search import best_course

            command = replace(command, course=best_course(command, checked, accelerator))
        best, trained, start = run_tuning(command, checked, accelerator)
    except (BuildError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    if accelerator.is_main_process:
        write_checkpoint(trained.merged(), start, command.output)
        print(f"held-out questions: {best}\ncheckpoint in {command.output}")
    accelerator.wait_for_everyone()
    return 0


def run_tuning(
    command: TuneCommand, checked: Checked, accelerator: Any, report: Report = _no_report
) -> tuple[Measured, Trained, Path]:
    """Train on the data that was checked.

    Args:
        report: is told the step and each measurement.

    Returns:
        The best measurement, the model, and the folder of the checkpoint that it began with.
    """
    course, running = command.course, command.running
    checkpoint = load_checkpoint(command.checkpoint, wishes=_wishes(course))
    replay, guesses = (_good(files, option, checkpoint) for files, option in
                       ((course.replay, "--replay"), (course.guesses, "--guesses")))  # fmt: skip
    parts = parts_of(checked.examples, guesses=guesses, general=replay)
    running.work.mkdir(parents=True, exist_ok=True)
    if accelerator.is_main_process:
        write_held_out(running.work / "calibration.jsonl", parts.calibration)
        write_held_out(running.work / "report.jsonl", parts.report)
        write_held_out(running.work / "general-report.jsonl", parts.general_report)
    family = tuning_family(checkpoint.architecture)
    words = unknown_words(checkpoint, (*parts.train, *parts.stop))
    if words:
        with accelerator.main_process_first():
            checkpoint = with_words(checkpoint, words, running.work / "start", _wishes(course))
    vocabulary = int(checkpoint.model.config.text_config.vocab_size)
    torch.manual_seed(course.seed)  # adapters begin at random
    teacher = copy.deepcopy(checkpoint.model).eval().requires_grad_(False) if course.distillation else None
    trained = make_trainable(
        checkpoint.model, family, course.method, rank=course.rank, steps=course.steps,
        trains_vision=course.train_vision, new_ids=range(vocabulary - len(words), vocabulary),
    )  # fmt: skip
    answers = checkpoint.settings.cannot_tell_answers
    lesson = Lesson(
        checkpoint,
        family,
        Mixture(parts.train, parts.general, {language: texts[0] for language, texts in answers.items() if texts},
                course.replay_share, course.cannot_tell_share, course.reword, course.augment,
                course.seed),
        [*parts.stop, *parts.general_stop],
        len(parts.general_stop),
        teacher,
        course,
        running,
    )  # fmt: skip
    if accelerator.is_main_process:
        _say_what_it_takes(lesson, trained, accelerator.num_processes)
    tracks = Tracks(accelerator, asdict(course), lesson.stop, is_on=running.track != "none")
    try:
        best = tune(lesson, trained, accelerator, tracks, report)
    finally:
        tracks.close()
    return best, trained, checkpoint.folder


def _good(files: Sequence[Path], option: str, checkpoint: Checkpoint) -> list[Example]:
    examples, faults = read_examples(files)
    if fault := first_fault(examples, faults, checkpoint):
        raise UsageError(f"{option}: {fault.where}: {fault.reason}")
    return examples


def _say_what_it_takes(lesson: Lesson, trained: Trained, processes: int) -> None:
    """Say how much is trained, and how much memory a process will take."""
    photos = Photos(lesson.checkpoint.parts.image_px, lesson.checkpoint.parts.steps.photo_fit)
    at_once = lesson.course.micro_batch or -(-lesson.course.batch // processes)
    example = max(lesson.stop, key=lambda one: len(one.question))
    mib = estimate_mib(lesson.checkpoint, lesson.family, trained, photos.asked(example), at_once)
    count, whole = (sum(p.numel() for p in of) for of in (trained.parameters(), trained.model.parameters()))
    print(
        f"{count:,} of {whole:,} weights are trained; {processes} "
        f"{'process' if processes == 1 else 'processes'} of about {mib:,.0f} MiB, and photos of up to 1,024 MiB",
        flush=True,
    )


def _wishes(course: Course) -> Wishes:
    text = course.instruction.read_text("utf-8") if course.instruction else None
    return Wishes(course.image_px, text)


def _checked(source: TuningData, checkpoint: Checkpoint) -> Checked:
    if not source.data and not source.vqa_v2:
        raise UsageError("nothing to look at: name --data FILE or --vqa-v2 QUESTIONS ANNOTATIONS PHOTOS")
    examples, faults = read_examples(source.data, source.vqa_v2)
    return check_examples(examples, faults, checkpoint)


def write_held_out(file: Path, examples: Sequence[Example]) -> None:
    """Write a part of the split that is not trained on, for `--data` of calibration and evaluation."""
    file.write_text("".join(json.dumps(one.as_row(), ensure_ascii=False) + "\n" for one in examples), "utf-8")
