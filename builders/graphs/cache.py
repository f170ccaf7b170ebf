"""The graphs of a build: exported once, and found again when a build was interrupted after them."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from builders.checkpoint.digests import sha256_of_folder
from builders.checkpoint.load import Checkpoint
from builders.errors import BuildError, UsageError
from builders.repository.configs import ENGINES, EXTRA_ROWS, BuildDimensions

_MADE_BY = ("torch", "onnx", "onnxscript", "transformers")


@dataclass(frozen=True)
class Graphs:
    """One ONNX file for each engine, each with its weights inside or beside it."""

    folder: Path

    def file(self, engine: str) -> Path:
        return self.folder / engine / "model.onnx"


def finished_graphs(
    cache: Path,
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
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
        for engine in ENGINES:
            with stage(f"{engine.replace('_', ' ')} to ONNX: finished by an earlier build"):
                pass
        return graphs
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".graphs-", dir=cache))
    except OSError as error:
        raise UsageError(f"cannot write to the cache {cache} ({error.strerror}): name another --cache") from error
    try:
        _export(Graphs(partial), checkpoint, dimensions, precision, strategy, stage)
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
        "code": {name: sha for name, sha in sha256_of_folder(Path(__file__).parent).items() if name.endswith(".py")},
        "versions": {name: version(name) for name in _MADE_BY},
    }
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]


def _export(
    graphs: Graphs,
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
    precision: str,
    strategy: str,
    stage: Callable[[str], AbstractContextManager[None]],
) -> None:
    # torch takes seconds to import; bad arguments should not have to wait for it.
    from builders.graphs.answer_decoder import AnswerDecoder, DecoderOptions
    from builders.graphs.answer_scorer import AnswerScorer
    from builders.graphs.export import export_answer_decoder, export_answer_scorer, export_image_encoder
    from builders.graphs.image_encoder import ImageEncoder
    from builders.graphs.precision import with_precision

    text, processor = checkpoint.model.config.text_config, checkpoint.image_processor
    for engine in ENGINES:
        graphs.file(engine).parent.mkdir()
    try:
        model = with_precision(checkpoint.model, precision)
    except OverflowError as error:
        raise BuildError(f"{error}: build with --precision bf16") from error
    with stage(f"image encoder to ONNX, {precision}"):
        encoder = ImageEncoder(model.vision_model, processor.image_mean, processor.image_std)
        export_image_encoder(encoder, graphs.file("image_encoder"), image_px=dimensions.image_px)
    options = DecoderOptions(
        answers=dimensions.answers,
        answer_tokens=dimensions.answer_tokens,
        start_id=text.bos_token_id,
        end_id=text.sep_token_id,
        pad_id=text.pad_token_id,
        pointing_heads=checkpoint.pointing_heads,
        strategy=strategy,
    )
    sizes = {
        "packed_rows": dimensions.image_tokens + EXTRA_ROWS,
        "image_width": dimensions.image_width,
        "question_tokens": dimensions.question_tokens,
    }
    with stage(f"answer decoder to ONNX, {precision}, {strategy}"):
        decoder = AnswerDecoder(model.text_encoder, model.text_decoder, options)
        export_answer_decoder(decoder, graphs.file("answer_decoder"), **sizes)
    with stage(f"answer scorer to ONNX, {precision}"):
        scorer = AnswerScorer(model.text_encoder, model.text_decoder, options)
        export_answer_scorer(scorer, graphs.file("answer_scorer"), **sizes, answer_tokens=dimensions.answer_tokens)
