"""From proved graphs to engine files, held to the reference; and to INT8 where that is faster and keeps the answers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from builders.calibration.labelled import draw_questions
from builders.errors import BuildError
from builders.graphs.cache import Graphs, remove_graphs
from builders.parity.compare import Comparison, compare_engines
from builders.parity.forced_rows import opener
from builders.parity.material import ParitySet
from builders.parity.outputs import Engine
from builders.parity.report import parity_table, require_parity
from builders.parity.tolerances import TOLERANCES
from builders.precision.auto import Examination, Trial, replace_by_low_precision, trials_table
from builders.specification import Specification
from builders.stages import Stages
from builders.targets import Target

_TIMED_ROWS = 8
"""Rows of a full run while INT8 is timed, beside one row; fewer where fewer are served together."""


def compile_engines(folder: Path, graphs: Graphs, target: Target, spec: Specification, stage: Stages) -> None:
    """Make the engine files of a repository `folder`."""
    files = target.files(folder, spec.engines)
    for engine in spec.engines:
        with stage(f"{engine.name.replace('_', ' ')} to {target.engine_file}"):
            target.compile(engine, graphs.file(engine.name), files[engine.name], spec.serving.batch)


def compare_files(
    folder: Path, graphs: Graphs, target: Target, spec: Specification, parity_set: ParitySet, stage: Stages
) -> Comparison | None:
    """Compare a repository's engine files with the reference.

    Returns:
        None where nothing here can run them.

    Raises:
        BuildError: they do not answer like the checkpoint.
    """
    engine, files, tolerance = target.engine, target.files(folder, spec.engines), TOLERANCES[spec.graph_precision]
    if engine is None:
        with stage("parity: not here, for there is no GPU that the engines are for; the graphs were held to it"):
            return None
    with stage("parity"):
        comparison = compare_engines(_opener(engine, files, spec), parity_set, tolerance)
    try:
        require_parity(comparison.reports)
    except BuildError:
        if target.engine_file == "model.onnx":
            remove_graphs(graphs)  # the graphs are the engines
        raise
    print(parity_table(comparison.reports), flush=True)
    return comparison


def _opener(
    engine: Callable[[Path], Engine], files: Mapping[str, Path], spec: Specification
) -> Callable[[str], Engine]:
    return opener(lambda name: engine(files[name]), files, spec.dimensions, spec.checkpoint.parts.steps.pad_id)


def make_faster(
    folder: Path,
    graphs: Graphs,
    target: Target,
    spec: Specification,
    parity_set: ParitySet,
    fp32: Comparison,
    stage: Stages,
) -> tuple[list[Trial], Comparison]:
    """Make engines INT8 where that is faster and keeps the answers.

    Args:
        fp32: of what is there, for when all of it stays.
    """
    assert target.engine  # this target's engines run anywhere
    engine, files, batch = target.engine, target.files(folder, spec.engines), spec.serving.batch
    with stage(f"int8 for each engine ({spec.low_precision_photos} photos)"):
        questions = list(draw_questions(spec.low_precision_photos))
        rows = min(_TIMED_ROWS, batch.max)
        examination = Examination(spec.checkpoint, spec.dimensions, spec.engines, questions, rows)
        trials = replace_by_low_precision(files, examination)
    print(trials_table(trials), flush=True)
    with stage("parity of what was chosen"):
        comparison = compare_engines(_opener(engine, files, spec), parity_set, TOLERANCES["int8"])
    print(parity_table(comparison.reports), flush=True)
    if all(report.passed for report in comparison.reports):
        return trials, comparison
    print("      not like the checkpoint any more: every engine stays in fp32")
    for one in spec.engines:
        target.compile(one, graphs.file(one.name), files[one.name], batch)
    return [replace(trial, chosen=trial.precision == "fp32") for trial in trials], fp32
