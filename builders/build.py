"""The build, stage by stage: checkpoint, graphs, reference, engines, parity, repository."""

import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from builders.calibration.calibrate import calibration_for
from builders.calibration.labelled import drawn_questions
from builders.checkpoint.load import load_checkpoint
from builders.errors import BuildError, UsageError
from builders.graphs.cache import Graphs, finished_graphs, remove_graphs, remove_if_empty
from builders.options import BuildOptions, dimensions_of, require_possible
from builders.parity.compare import OutputReport, parity_table, require_parity
from builders.parity.material import Gate, Proof, new_gate, parity_material, proof_of, require_parseable
from builders.precision.auto import Examination, Trial, replace_by_low_precision, trials_table
from builders.repository.configs import ENGINES, Serving, write_repository
from builders.repository.manifest import write_manifest
from builders.stages import Stages
from builders.targets import Target, target_of
from vitrine_steps.rules import FILE as RULES_FILE
from vitrine_steps.rules import RulesError, read_rules

_TIMED_ROWS = 8
"""Of an engine that may become INT8, beside one row; fewer where fewer are served together."""


def build(options: BuildOptions) -> Path:
    """Build a repository; no part of it is left behind when that fails.

    Returns:
        The repository, or with `graphs_only` the folder of the proved graphs.

    Raises:
        BuildError: with what to do about it.
    """
    require_possible(options)
    if options.rules:
        require_good_rules(options.rules)
    if options.output.exists():
        raise UsageError(
            f"{options.output} exists; a built repository is never changed: name a new folder, or remove it"
        )
    start_s = time.perf_counter()
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{options.output.name}-", dir=options.output.parent))
    except OSError as error:
        raise UsageError(
            f"cannot write to {options.output.parent} ({error.strerror}): name another --output"
        ) from error
    try:
        built = _build_into(partial, options, start_s)
    except OSError as error:
        raise BuildError(
            f"cannot write the build ({error.strerror or error}): free space at {options.output.parent}, or name "
            "another --output; nothing half-written is left"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        remove_if_empty(options.cache_folder)
    print(f"built {built} in {time.perf_counter() - start_s:.1f} s")
    return built


def _build_into(folder: Path, options: BuildOptions, start_s: float) -> Path:
    target = None if options.graphs_only else target_of(options)  # missing TensorRT is said at once
    stage = Stages(_stage_count(options))
    with stage("load the checkpoint"):
        checkpoint = load_checkpoint(options.checkpoint, revision=options.revision, sha256=options.sha256)
        calibration = calibration_for(checkpoint, options.alternatives)
    dimensions = dimensions_of(checkpoint, options)
    graphs = finished_graphs(
        options.cache_folder,
        checkpoint,
        dimensions,
        precision=options.graph_precision,
        strategy=options.decode_strategy,
        stage=stage,
    )
    photos, questions = parity_material(options.parity_photos, options.photos)
    with stage(f"reference answers ({len(questions)} questions)"):
        gate = new_gate(checkpoint, dimensions, options.graph_precision, photos, questions)
    proof = _proof(graphs, gate, stage) if options.target == "tensorrt" else None
    if target is None:
        assert proof
        (graphs.folder / "activation_ranges.json").write_text(json.dumps(proof.ranges, indent=2) + "\n", "utf-8")
        return graphs.folder
    with stage("write the repository"):
        serving = Serving(options.target, options.batch_for(dimensions), options.decode_strategy, options.serving_cores)
        write_repository(folder, checkpoint, dimensions, serving, calibration)
        if options.rules:
            shutil.copy(options.rules, folder / RULES_FILE)
        if calibration is None:
            print("      uncalibrated: answers will carry no confidence (python -m builders.calibration fits one)")
    reports = _compiled(folder, graphs, gate, target, stage)
    trials: list[Trial] = []
    if options.chosen_precision == "auto":
        trials, reports = _faster(folder, graphs, gate, target, options, reports, stage)
    with stage("write the manifest"):
        build_s = time.perf_counter() - start_s
        write_manifest(folder, checkpoint, dimensions, options, target, graphs, reports, trials, proof, build_s)
        folder.chmod(0o755)
        folder.rename(options.output)
    remove_graphs(graphs)
    return options.output


def require_good_rules(file: Path) -> None:
    """
    Raises:
        UsageError: no such file, or the line that is wrong.
    """
    if not file.is_file():
        raise UsageError(f"--rules {file}: there is no such file")
    try:
        read_rules(file)
    except RulesError as error:
        raise UsageError(f"--rules: {error}") from error


def _stage_count(options: BuildOptions) -> int:
    if options.graphs_only:
        return 7
    return 13 if options.target == "tensorrt" or options.chosen_precision == "auto" else 11


def _proof(graphs: Graphs, gate: Gate, stage: Stages) -> Proof:
    try:
        with stage("rules of TensorRT's parser"):
            require_parseable(graphs)
        with stage(f"{gate.precision} graphs against the reference, on the CPU"):
            return proof_of(graphs, gate)
    except BuildError:
        remove_graphs(graphs)  # they are at fault
        raise


def _compiled(folder: Path, graphs: Graphs, gate: Gate, target: Target, stage: Stages) -> list[OutputReport]:
    """Make the engine files, and hold them to the reference."""
    files = target.files(folder)
    for name in ENGINES:
        with stage(f"{name.replace('_', ' ')} to {target.engine_file}"):
            target.compile(graphs.file(name), files[name], gate.dimensions)
    with stage("parity"):
        reports = gate.compare(lambda name: target.engine(files[name]))
    try:
        require_parity(reports)
    except BuildError:
        if target.engine_file == "model.onnx":
            remove_graphs(graphs)  # the graphs are the engines
        raise
    print(parity_table(reports), flush=True)
    return reports


def _faster(
    folder: Path,
    graphs: Graphs,
    gate: Gate,
    target: Target,
    options: BuildOptions,
    fp32: list[OutputReport],
    stage: Stages,
) -> tuple[list[Trial], list[OutputReport]]:
    """Make engines INT8 where that is faster and keeps the answers.

    Args:
        fp32: the reports on what is there, for when all of it stays.
    """
    files = target.files(folder)
    photos, rows = options.low_precision_photos, min(_TIMED_ROWS, options.batch_for(gate.dimensions).max)
    with stage(f"int8 for each engine ({photos} photos)"):
        examination = Examination(gate.checkpoint, gate.dimensions, list(drawn_questions(photos)), rows)
        trials = replace_by_low_precision(files, examination)
    print(trials_table(trials), flush=True)
    with stage("parity of what was chosen"):
        reports = replace(gate, precision="int8").compare(lambda name: target.engine(files[name]))
    print(parity_table(reports), flush=True)
    if all(report.passed for report in reports):
        return trials, reports
    print("      not like the checkpoint any more: every engine stays in fp32")
    for name in ENGINES:
        target.compile(graphs.file(name), files[name], gate.dimensions)
    return [replace(trial, chosen=trial.precision == "fp32") for trial in trials], fp32
