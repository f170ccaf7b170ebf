"""`--precision auto`: INT8 for each engine that it makes faster on this machine, as long as the answers stay."""

import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builders.calibration.ask import Asked, ask_engines
from builders.calibration.labelled import Labelled
from builders.checkpoint.checkpoint import Checkpoint
from builders.dimensions import BuildDimensions, engine_threads
from builders.engine_spec import ANSWER_SCORER, ENGINES, IMAGE_ENCODER, EngineSpec, noise_for
from builders.parity.forced_rows import open_rows, opener
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine, Outputs
from builders.parity.photos import encode_photo, question_tensors
from builders.parity.report import min_cosine
from builders.parity.timing import medians_ms
from builders.parity.tolerances import LowPrecisionBounds
from builders.precision.int8 import write_int8

FP32_SHARES = (0.0, 1 / 12, 1 / 6, 1 / 3, 1 / 2)
"""Of an engine's matrix products, the first ones, where errors grow longest: what a variant leaves in FP32."""
BOUNDS = LowPrecisionBounds()


@dataclass(frozen=True)
class Trial:
    """One variant of one engine."""

    engine: str
    precision: str
    run_ms: tuple[float, ...]
    """Medians, of one row, and of as many as are served together where the engine takes more than one."""
    speedup: float
    """Over FP32: geometric mean over the rows."""
    min_cosine: float | None = None
    """Of a feature row with FP32's; None: it was no faster, so nothing was asked."""
    equal_ratio: float | None = None
    """Share of the questions answered alike, open or out of a list: the smaller one."""
    accuracy_loss: float | None = None
    """Share of right answers, FP32's less this one's: the larger one."""
    chosen: bool = False

    @property
    def keeps_the_answers(self) -> bool:
        if self.min_cosine is None or self.equal_ratio is None or self.accuracy_loss is None:
            return False
        is_alike = self.min_cosine >= BOUNDS.min_cosine and self.equal_ratio >= BOUNDS.min_equal_ratio
        return is_alike and self.accuracy_loss <= BOUNDS.max_accuracy_loss


@dataclass(frozen=True)
class Examined:
    """What three engines make of all photos and questions."""

    features: NDArray[np.float16]
    """[P, N, D]."""
    answers: list[Asked]


@dataclass(frozen=True)
class Examination:
    checkpoint: Checkpoint
    dimensions: BuildDimensions
    engines: Sequence[EngineSpec]
    questions: Sequence[Labelled]
    """Those about one photo in a row, some with lists."""
    rows: int
    """Of a full run, beside runs of one row."""

    def of(self, files: Mapping[str, Path]) -> Examined:
        pad_id = self.checkpoint.parts.steps.pad_id
        opened = opener(lambda name: onnx_engine(files[name]), files, self.dimensions, pad_id)
        engines = [opened(name) for name in ENGINES]
        photos = dict.fromkeys(question.photo for question in self.questions)
        features = [encode_photo(engines[0], self.checkpoint, photo)["ENCODED_FEATURES"][0] for photo in photos]
        return Examined(np.stack(features), ask_engines(engines, self.checkpoint, self.questions, self.dimensions))

    def real_inputs(self, encoder: Engine, rows: int) -> Outputs:
        """Make inputs of real photos and questions: a run of a loop is as long as its answers."""
        one_a_photo = {question.photo: question for question in self.questions}.values()
        tokens = self.dimensions.question_tokens
        parts = [
            {
                "IMAGE_FEATURES": encode_photo(encoder, self.checkpoint, question.photo)["IMAGE_FEATURES"],
                **question_tensors(self.checkpoint, question.question, tokens),
            }
            for question in islice(cycle(one_a_photo), rows)
        ]
        inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if ANSWER_SCORER not in {engine.name for engine in self.engines}:
            inputs["FORCED_IDS"] = open_rows(inputs["QUESTION_IDS"], self.dimensions)
        return inputs


def replace_by_low_precision(files: Mapping[str, Path], examination: Examination) -> list[Trial]:
    """Put the fastest variant that keeps the answers in each engine's place; FP32 stays where there is none.

    An engine is examined together with those chosen before it, so that the last one examines them all.

    Args:
        files: FP32 engines, by name, that answer like the checkpoint.
    """
    truth = examination.of(files)
    trials: list[Trial] = []
    for engine in examination.engines:
        name = engine.name
        with tempfile.TemporaryDirectory(prefix="vitrine-int8-", dir=files[name].parent.parent) as folder:
            variants = {"fp32": files[name]}
            for share in FP32_SHARES:
                label = "int8" if share == 0 else f"int8 after the first {share:.0%}"
                variants[label] = Path(folder) / f"{len(variants)}.onnx"
                write_int8(files[name], variants[label], fp32_share=share)
            fp32, *faster = _time_variants(engine, variants, examination, files[IMAGE_ENCODER])
            chosen = False
            for trial in sorted(faster, key=lambda one: -one.speedup):
                if trial.speedup >= BOUNDS.min_speedup and not chosen:
                    trial = examine_variant(
                        trial, partial(examination.of, {**files, name: variants[trial.precision]}), truth
                    )
                    chosen = trial.keeps_the_answers
                    trial = replace(trial, chosen=chosen)
                    if chosen:
                        _put_in_place(variants[trial.precision], files[name])
                trials.append(trial)
            trials.append(replace(fp32, chosen=not chosen))
    return trials


def examine_variant(trial: Trial, examine: Callable[[], Examined], truth: Examined) -> Trial:
    """Run a variant and compare it with FP32; one that yields NaN fails every criterion."""
    try:
        return compare_with_fp32(trial, examine(), truth)
    except FloatingPointError:
        return replace(trial, min_cosine=0.0, equal_ratio=0.0, accuracy_loss=1.0)


def compare_with_fp32(trial: Trial, found: Examined, truth: Examined) -> Trial:
    """Add to `trial` how a variant's features and answers compare with those of FP32."""
    pairs = list(zip(found.answers, truth.answers, strict=True))
    opened = [(a.candidates[0].text == b.candidates[0].text, a.right[0], b.right[0]) for a, b in pairs]
    listed = [
        (_choice(a) == _choice(b), a.listed.right[_choice(a)], b.listed.right[_choice(b)])
        for a, b in pairs
        if a.listed and b.listed
    ]
    kinds = [np.array(rows, float).mean(axis=0) for rows in (opened, listed) if rows]  # equal, right, right of FP32
    return replace(
        trial,
        min_cosine=float(np.nan_to_num(min_cosine(found.features, truth.features))),
        equal_ratio=float(min(equal for equal, _, _ in kinds)),
        accuracy_loss=float(max(of_truth - of_found for _, of_found, of_truth in kinds)),
    )


def _choice(answer: Asked) -> int:
    """The likeliest of the allowed answers."""
    assert answer.listed
    sums = answer.listed.logprobs.sum(axis=1)
    return int(sums[: len(answer.listed.right)].argmax())


def _time_variants(
    engine: EngineSpec, variants: Mapping[str, Path], examination: Examination, encoder_file: Path
) -> list[Trial]:
    """All variants in turn, with as many threads as they will be served with."""
    threads = engine_threads(examination.dimensions)
    runs = {label: onnx_engine(file, threads=threads) for label, file in variants.items()}
    rows = (1,) if engine.one_at_a_time else sorted({1, examination.rows})
    medians = []
    for batch in rows:
        inputs = (
            examination.real_inputs(onnx_engine(encoder_file), batch) if engine.is_loop else noise_for(engine, batch)
        )
        medians.append(medians_ms({label: partial(run, inputs) for label, run in runs.items()}))
    trials = []
    for label in variants:
        speedups = [found["fp32"] / found[label] for found in medians]
        run_ms = tuple(round(found[label], 3) for found in medians)
        trials.append(Trial(engine.name, label, run_ms, round(statistics.geometric_mean(speedups), 3)))
    return trials


def _put_in_place(variant: Path, engine: Path) -> None:
    engine.with_suffix(".weights").unlink(missing_ok=True)
    shutil.move(variant, engine)


def trials_table(trials: Sequence[Trial]) -> str:
    """The trials as text, a line each."""
    lines = [
        f"  {'engine':<16}{'precision':<26}{'ms, one / many':>18}{'faster':>8}{'cosine':>9}{'equal':>9}{'loss':>8}"
    ]
    for one in trials:
        ms = " / ".join(f"{value:.2f}" for value in one.run_ms)
        figures = (
            "" if one.min_cosine is None else f"{one.min_cosine:>9.5f}{one.equal_ratio:>9.2%}{one.accuracy_loss:>8.2%}"
        )
        verdict = "  chosen" if one.chosen else "  refused" if figures and not one.keeps_the_answers else ""
        lines.append(f"  {one.engine:<16}{one.precision:<26}{ms:>18}{one.speedup:>7.2f}x{figures}{verdict}")
    return "\n".join(lines)
