"""From proved graphs to engine files, held to the reference; and to INT8 where that is faster and keeps the answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from builders.calibration.labelled import drawn_questions
from builders.dimensions import BatchRange, BuildDimensions
from builders.engine_spec import EngineSpec
from builders.errors import BuildError
from builders.graphs.cache import Graphs, remove_graphs
from builders.parity.compare import OutputReport, compare_engines, parity_table, require_parity
from builders.parity.material import ParitySet
from builders.parity.tolerances import TOLERANCES
from builders.precision.auto import Examination, Trial, replace_by_low_precision, trials_table
from builders.stages import Stages
from builders.targets import Target

_TIMED_ROWS = 8
"""Rows of a full run while INT8 is timed, beside one row; fewer where fewer are served together."""


def compile_engines(
    folder: Path, graphs: Graphs, engines: Sequence[EngineSpec], target: Target, batch: BatchRange, stage: Stages
) -> None:
    """Make the engine files of a repository `folder`."""
    files = target.files(folder)
    for engine in engines:
        with stage(f"{engine.name.replace('_', ' ')} to {target.engine_file}"):
            target.compile(engine, graphs.file(engine.name), files[engine.name], batch)


def compare_files(
    folder: Path, graphs: Graphs, target: Target, parity_set: ParitySet, precision: str, stage: Stages
) -> list[OutputReport]:
    """Compare a repository's engine files with the reference.

    Raises:
        BuildError: they do not answer like the checkpoint.
    """
    files = target.files(folder)
    with stage("parity"):
        reports = compare_engines(lambda name: target.engine(files[name]), parity_set, TOLERANCES[precision])
    try:
        require_parity(reports)
    except BuildError:
        if target.engine_file == "model.onnx":
            remove_graphs(graphs)  # the graphs are the engines
        raise
    print(parity_table(reports), flush=True)
    return reports


def make_faster(
    folder: Path,
    graphs: Graphs,
    engines: Sequence[EngineSpec],
    target: Target,
    batch: BatchRange,
    parity_set: ParitySet,
    dimensions: BuildDimensions,
    photos: int,
    fp32: list[OutputReport],
    stage: Stages,
) -> tuple[list[Trial], list[OutputReport]]:
    """Make engines INT8 where that is faster and keeps the answers.

    Args:
        photos: how many photos the answers have to stay on.
        fp32: the reports on what is there, for when all of it stays.
    """
    files, rows = target.files(folder), min(_TIMED_ROWS, batch.max)
    with stage(f"int8 for each engine ({photos} photos)"):
        questions = list(drawn_questions(photos))
        examination = Examination(parity_set.checkpoint, dimensions, engines, questions, rows)
        trials = replace_by_low_precision(files, examination)
    print(trials_table(trials), flush=True)
    with stage("parity of what was chosen"):
        reports = compare_engines(lambda name: target.engine(files[name]), parity_set, TOLERANCES["int8"])
    print(parity_table(reports), flush=True)
    if all(report.passed for report in reports):
        return trials, reports
    print("      not like the checkpoint any more: every engine stays in fp32")
    for engine in engines:
        target.compile(engine, graphs.file(engine.name), files[engine.name], batch)
    return [replace(trial, chosen=trial.precision == "fp32") for trial in trials], fp32
