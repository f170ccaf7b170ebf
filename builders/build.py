"""The build, from top to bottom: load, specify, export, prove, write, compile, compare, and the manifest."""

import shutil
import tempfile
import time
from pathlib import Path

from builders.calibration.calibrate import calibration_for
from builders.checkpoint.load import load_checkpoint
from builders.checkpoint.pins import Pins
from builders.compile import compare_files, compile_engines, make_faster
from builders.embedding.add import add_embedding_encoder
from builders.embedding.engine import embedding_engine_spec
from builders.errors import BuildError, UsageError
from builders.graphs.cache import export_graphs, remove_graphs, remove_if_empty
from builders.options import BuildOptions, require_possible
from builders.parity.material import answer_with_reference, parity_material
from builders.parity.proof import prove_graphs, write_ranges
from builders.precision.auto import Trial
from builders.repository.manifest import Evidence, write_manifest
from builders.repository.write import set_parameter, write_repository
from builders.specification import Specification, specify, wishes_of
from builders.stages import Stages
from builders.targets import Target, target_of
from builders.text.add import add_text
from builders.text.engines import text_engine_specs
from vitrine_steps.rules import FILE as RULES_FILE


def build(options: BuildOptions) -> Path:
    """Build a repository; no part of it is left behind when that fails.

    Returns:
        The repository, or with `graphs_only` the folder of the proved graphs.

    Raises:
        BuildError: with what to do about it.
    """
    require_possible(options)
    start_s, output = time.perf_counter(), options.repository
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    except OSError as error:
        raise UsageError(f"cannot write to {output.parent} ({error.strerror}): name another --output") from error
    try:
        target = None if options.graphs_only else target_of(options)  # missing TensorRT is said at once
        stage = Stages()
        with stage("load the checkpoint"):
            wishes = wishes_of(options)
            pins = Pins(options.revision, options.sha256, options.lock, options.frozen)
            checkpoint = load_checkpoint(options.checkpoint, pins=pins, wishes=wishes)
            calibration = calibration_for(checkpoint, options.alternatives)
        specification = specify(checkpoint, calibration, options, wishes)
        stage.total = specification.stage_count(graphs_only=options.graphs_only)
        built = _make(partial, specification, target, stage, start_s)
    except OSError as error:
        raise BuildError(
            f"cannot write the build ({error.strerror or error}): free space at {output.parent}, or name "
            "another --output; nothing half-written is left"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        remove_if_empty(options.cache_folder)
    print(f"built {built} in {time.perf_counter() - start_s:.1f} s")
    return built


def _make(folder: Path, spec: Specification, target: Target | None, stage: Stages, start_s: float) -> Path:
    """Make what was specified.

    Args:
        folder: exists; becomes the repository.
        target: None: stop when the graphs are proved.
    """
    graphs = export_graphs(
        spec.cache, spec.checkpoint, spec.dimensions, spec.engines,
        precision=spec.graph_precision, strategy=spec.strategy, stage=stage,
    )  # fmt: skip
    photos, questions = parity_material(spec.parity_photos, spec.photos)
    with stage(f"reference answers ({len(questions)} questions)"):
        parity_set = answer_with_reference(spec.checkpoint, spec.dimensions, photos, questions)
    is_half = spec.target != "onnxruntime"
    proof = prove_graphs(graphs, spec.engines, parity_set, spec.graph_precision, stage) if is_half else None
    if target is None:
        assert proof
        write_ranges(graphs.folder, proof)  # for a machine that has TensorRT
        return graphs.folder
    with stage("write the repository"):
        text_engines = text_engine_specs() if spec.text else ()
        embedding_engines = [embedding_engine_spec()] if spec.embedding else []
        engines = (*spec.engines, *text_engines, *embedding_engines)
        write_repository(folder, spec.checkpoint, spec.dimensions, spec.serving, engines, spec.calibration)
        if spec.rules:
            shutil.copy(spec.rules, folder / RULES_FILE)
        if spec.calibration is None:
            print("      uncalibrated: answers will carry no confidence (python -m builders.calibration fits one)")
    text = add_text(folder, spec.text, text_engines, target, stage) if spec.text else None
    batch = spec.serving.batch
    embedding = add_embedding_encoder(folder, spec.embedding, target, batch, photos, stage) if spec.embedding else None
    compile_engines(folder, graphs, target, spec, stage)
    trials: list[Trial] = []
    comparison = compare_files(folder, graphs, target, spec, parity_set, stage)
    if spec.precision == "auto":
        assert comparison
        trials, comparison = make_faster(folder, graphs, target, spec, parity_set, comparison, stage)
    of_photos = comparison or proof
    assert of_photos
    set_parameter(folder, "image_preprocess", "draft_ratio", str(of_photos.draft_ratio))
    with stage("write the manifest"):
        build_s = time.perf_counter() - start_s
        write_manifest(folder, spec, target, graphs, Evidence(proof, trials, comparison, text, embedding), build_s)
        folder.chmod(0o755)
        folder.rename(spec.output)
    remove_graphs(graphs)
    return spec.output
