"""The build, from top to bottom: load, specify, export, prove, write, compile, compare, and the manifest."""

import json
import shutil
import tempfile
import time
from pathlib import Path

from builders.calibration.calibrate import calibration_for
from builders.checkpoint.load import load_checkpoint
from builders.compile import compare_files, compile_engines, make_faster
from builders.errors import BuildError, UsageError
from builders.families import family_of
from builders.graphs.cache import Graphs, finished_graphs, remove_graphs, remove_if_empty
from builders.options import BuildOptions, dimensions_of, require_possible
from builders.parity.material import ParitySet, answer_with_reference, parity_material
from builders.parity.proof import Proof, prove_graphs, require_parseable
from builders.precision.auto import Trial
from builders.repository.configs import ServingConfig
from builders.repository.manifest import write_manifest
from builders.repository.write import write_repository
from builders.stages import Stages
from builders.targets import target_of
from vitrine_steps.rules import FILE as RULES_FILE
from vitrine_steps.rules import RulesError, read_rules


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
    engines = family_of(checkpoint.architecture).engine_specs(dimensions, options.decode_strategy)
    precision, batch = options.graph_precision, options.batch_for(dimensions)
    graphs = finished_graphs(
        options.cache_folder, checkpoint, dimensions, engines,
        precision=precision, strategy=options.decode_strategy, stage=stage,
    )  # fmt: skip
    photos, questions = parity_material(options.parity_photos, options.photos)
    with stage(f"reference answers ({len(questions)} questions)"):
        parity_set = answer_with_reference(checkpoint, dimensions, photos, questions)
    proof = _proof(graphs, parity_set, precision, stage) if options.target == "tensorrt" else None
    if target is None:
        return _proved_graphs(graphs, proof)
    with stage("write the repository"):
        serving = ServingConfig(options.target, batch, options.serving_cores)
        write_repository(folder, checkpoint, dimensions, serving, engines, calibration)
        if options.rules:
            shutil.copy(options.rules, folder / RULES_FILE)
        if calibration is None:
            print("      uncalibrated: answers will carry no confidence (python -m builders.calibration fits one)")
    compile_engines(folder, graphs, engines, target, batch, stage)
    reports = compare_files(folder, graphs, target, parity_set, precision, stage)
    trials: list[Trial] = []
    if options.chosen_precision == "auto":
        trials, reports = make_faster(
            folder, graphs, engines, target, batch, parity_set, dimensions, options.low_precision_photos, reports, stage
        )
    with stage("write the manifest"):
        build_s = time.perf_counter() - start_s
        write_manifest(folder, checkpoint, dimensions, options, target, graphs, reports, trials, proof, build_s)
        folder.chmod(0o755)
        folder.rename(options.output)
    remove_graphs(graphs)
    return options.output


def _proved_graphs(graphs: Graphs, proof: Proof | None) -> Path:
    """Leave the graphs, with the ranges of their tensors, for a machine that has TensorRT."""
    assert proof
    (graphs.folder / "activation_ranges.json").write_text(json.dumps(proof.ranges, indent=2) + "\n", "utf-8")
    return graphs.folder


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


def _proof(graphs: Graphs, parity_set: ParitySet, precision: str, stage: Stages) -> Proof:
    try:
        with stage("rules of TensorRT's parser"):
            require_parseable(graphs)
        with stage(f"{precision} graphs against the reference, on the CPU"):
            return prove_graphs(graphs, parity_set, precision)
    except BuildError:
        remove_graphs(graphs)  # they are at fault
        raise
