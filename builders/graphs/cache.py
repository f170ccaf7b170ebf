"""The graphs of a build: exported once, and found again when a build was interrupted after them."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from builders.checkpoint.checkpoint import Checkpoint
from builders.checkpoint.digests import sha256_of_file, sha256_of_folder
from builders.dimensions import BuildDimensions
from builders.engine_spec import EngineSpec
from builders.errors import BuildError, UsageError

_BUILDERS = Path(__file__).parents[1]
_MADE_BY = ("torch", "onnx", "onnxscript", "transformers")


@dataclass(frozen=True)
class Graphs:
    """One ONNX file for each engine, each with its weights inside or beside it."""

    folder: Path

    def file(self, engine: str) -> Path:
        return self.folder / engine / "model.onnx"


def export_graphs(
    cache: Path,
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
    engines: Sequence[EngineSpec],
    *,
    precision: str,
    strategy: str,
    stage: Callable[[str], AbstractContextManager[None]],
) -> Graphs:
    """Export the graphs, or take those that an interrupted build of the same inputs has finished.

    Args:
        cache: the graphs lie there under a key of all that decides them.
        stage: announces what goes on.

    Raises:
        BuildError: a weight does not fit the precision.
    """
    graphs = Graphs(cache / f"graphs-{_key(checkpoint, dimensions, precision, strategy)}")
    if graphs.folder.exists():
        for engine in engines:
            with stage(f"{engine.title} to ONNX: finished by an earlier build"):
                pass
        return graphs
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".graphs-", dir=cache))
    except OSError as error:
        raise UsageError(f"cannot write to the cache {cache} ({error.strerror}): name another --cache") from error
    try:
        _export(Graphs(partial), checkpoint, engines, precision, stage)
        partial.rename(graphs.folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        remove_if_empty(cache)
        raise
    return graphs


def remove_graphs(graphs: Graphs) -> None:
    shutil.rmtree(graphs.folder, ignore_errors=True)
    remove_if_empty(graphs.folder.parent)


def remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _key(checkpoint: Checkpoint, dimensions: BuildDimensions, precision: str, strategy: str) -> str:
    decided_by = {
        "checkpoint": checkpoint.sha256,
        "dimensions": asdict(dimensions),
        "precision": precision,
        "strategy": strategy,
        "code": [_code_of(folder) for folder in (_BUILDERS / "graphs", _BUILDERS / "families")],
        "specs": sha256_of_file(_BUILDERS / "engine_spec.py"),
        "versions": {name: version(name) for name in _MADE_BY},
    }
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]


def _code_of(folder: Path) -> dict[str, str]:
    return {name: sha for name, sha in sha256_of_folder(folder).items() if name.endswith(".py")}


def _export(
    graphs: Graphs,
    checkpoint: Checkpoint,
    engines: Sequence[EngineSpec],
    precision: str,
    stage: Callable[[str], AbstractContextManager[None]],
) -> None:
    # torch takes seconds to import; bad arguments should not have to wait for it.
    import onnx

    from builders.graphs.export import export_engine, save_onnx
    from builders.graphs.precision import require_holds
    from builders.precision.weights import WEIGHT_KINDS, quantize_weights

    try:
        require_holds(checkpoint.model, precision)
    except OverflowError as error:
        raise BuildError(f"{error}: build with --precision bf16") from error
    for engine in engines:
        with stage(f"{engine.title} to ONNX, {precision}"):
            file = graphs.file(engine.name)
            file.parent.mkdir()
            export_engine(engine, engine.module(checkpoint, precision), file, eight_bits=precision == "int8")
            if precision in WEIGHT_KINDS:
                graph = onnx.load(str(file))
                quantize_weights(graph, WEIGHT_KINDS[precision])
                file.with_suffix(".weights").unlink(missing_ok=True)
                save_onnx(graph, file)
