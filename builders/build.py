"""The build, stage by stage: checkpoint, graphs, reference, parity, repository."""

import json
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from builders.checkpoint import Checkpoint, load_checkpoint
from builders.errors import BuildError
from builders.files import sha256_of_folder
from builders.onnx_engine import onnx_engine
from builders.parity import (
    TOLERANCES,
    OutputReport,
    compare_engines,
    parity_table,
    report_rows,
    require_parity,
)
from builders.repository import DIGEST_BYTES, EXTRA_ROWS, BuildDimensions, write_repository
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed

_STAGES = 7
_VERSIONS_OF = ("torch", "transformers", "tokenizers", "onnx", "onnxscript", "onnxruntime", "pillow", "numpy")


@dataclass(frozen=True)
class BuildOptions:
    checkpoint: str
    output: Path
    target: str = "onnxruntime"
    revision: str | None = None
    question_tokens: int = 32
    answer_tokens: int | None = None
    """None: as the checkpoint says."""
    answers: int = 1
    parity_photos: int = 16


def build(options: BuildOptions) -> Path:
    """Build a repository; nothing is left behind when it fails.

    Raises:
        BuildError: with what to do about it.
    """
    if options.output.exists():
        raise BuildError(
            f"{options.output} exists; a built repository is never changed: name a new folder, or remove it"
        )
    start_s = time.perf_counter()
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{options.output.name}-", dir=options.output.parent))
    except OSError as error:
        raise BuildError(
            f"cannot write to {options.output.parent} ({error.strerror}): name another --output"
        ) from error
    try:
        _build_into(partial, options)
        partial.chmod(0o755)
        partial.rename(options.output)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    print(f"built {options.output} in {time.perf_counter() - start_s:.1f} s")
    return options.output


def _build_into(folder: Path, options: BuildOptions) -> None:
    with _stage(1, "load the checkpoint"):
        checkpoint = load_checkpoint(options.checkpoint, revision=options.revision)
    dimensions = _dimensions(checkpoint, options)
    with _stage(2, "write the repository"):
        write_repository(folder, checkpoint, dimensions, backend=options.target)
    _export(folder, checkpoint, dimensions)
    reports = _checked(folder, checkpoint, dimensions, options)
    with _stage(7, "write the manifest"):
        manifest = _manifest(folder, checkpoint, dimensions, options, reports)
        (folder / "manifest.json").write_text(
            json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )


def _dimensions(checkpoint: Checkpoint, options: BuildOptions) -> BuildDimensions:
    longest = int(checkpoint.model.config.text_config.max_position_embeddings)
    answer_tokens = checkpoint.answer_tokens if options.answer_tokens is None else options.answer_tokens
    for name, count in (("--answers", options.answers), ("--parity-photos", options.parity_photos)):
        if count < 1:
            raise BuildError(f"{name} is {count}, but must be at least 1")
    if checkpoint.image_width < DIGEST_BYTES:
        raise BuildError(f"features are {checkpoint.image_width} wide; a photo's digest needs {DIGEST_BYTES}")
    for name, tokens in (("--question-tokens", options.question_tokens), ("--answer-tokens", answer_tokens)):
        if not 2 <= tokens <= longest:
            raise BuildError(f"{name} is {tokens}, but this checkpoint takes 2 to {longest}")
    return BuildDimensions(
        image_px=checkpoint.image_px,
        image_tokens=checkpoint.image_tokens,
        image_width=checkpoint.image_width,
        grid=checkpoint.grid,
        question_tokens=options.question_tokens,
        answers=options.answers,
        answer_tokens=answer_tokens,
    )


def _export(folder: Path, checkpoint: Checkpoint, dimensions: BuildDimensions) -> None:
    # torch takes seconds to import; bad arguments should not have to wait for it.
    from builders.graphs.answer_decoder import AnswerDecoder, DecoderOptions
    from builders.graphs.export import export_answer_decoder, export_image_encoder
    from builders.graphs.image_encoder import ImageEncoder

    model, text = checkpoint.model, checkpoint.model.config.text_config
    processor = checkpoint.image_processor
    with _stage(3, "image encoder to ONNX"):
        encoder = ImageEncoder(model.vision_model, processor.image_mean, processor.image_std)
        export_image_encoder(encoder, folder / "image_encoder/1/model.onnx", image_px=dimensions.image_px)
    with _stage(4, "answer decoder to ONNX"):
        decoder = AnswerDecoder(
            model.text_encoder,
            model.text_decoder,
            DecoderOptions(
                answers=dimensions.answers,
                answer_tokens=dimensions.answer_tokens,
                start_id=text.bos_token_id,
                end_id=text.sep_token_id,
                pad_id=text.pad_token_id,
            ),
        )
        export_answer_decoder(
            decoder,
            folder / "answer_decoder/1/model.onnx",
            packed_rows=dimensions.image_tokens + EXTRA_ROWS,
            image_width=dimensions.image_width,
            question_tokens=dimensions.question_tokens,
        )


def _checked(
    folder: Path, checkpoint: Checkpoint, dimensions: BuildDimensions, options: BuildOptions
) -> list[OutputReport]:
    from builders.reference import reference_outputs

    photos, questions = _parity_material(options.parity_photos)
    with _stage(5, f"reference answers ({len(questions)} questions)"):
        reference = reference_outputs(checkpoint, photos, questions, answer_tokens=dimensions.answer_tokens)
    with _stage(6, "parity"):
        reports = compare_engines(
            onnx_engine(folder / "image_encoder/1/model.onnx"),
            onnx_engine(folder / "answer_decoder/1/model.onnx"),
            reference,
            checkpoint,
            photos,
            questions,
            question_tokens=dimensions.question_tokens,
            tolerance=TOLERANCES["fp32"],
        )
    require_parity(reports)
    print(parity_table(reports), flush=True)
    return reports


def _parity_material(photo_count: int) -> tuple[list[bytes], list[tuple[int, str]]]:
    """Catalogue photos that no checkpoint was trained on, and a question of each kind about each."""
    seeds = range(first_seed("test"), first_seed("test") + photo_count)
    photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
    questions = [
        (index, question.text)
        for index, seed in enumerate(seeds)
        for question in questions_from_seed(seed, "test", per_photo=7)
    ]
    return photos, questions


def _manifest(
    folder: Path,
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
    options: BuildOptions,
    reports: list[OutputReport],
) -> dict[str, Any]:
    return {
        "checkpoint": {"name": checkpoint.name, "revision": options.revision, "sha256": checkpoint.sha256},
        "target": options.target,
        "precision": "fp32",
        "dimensions": asdict(dimensions),
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONS_OF}},
        "parity": report_rows(reports),
        "sha256": sha256_of_folder(folder),
    }


@contextmanager
def _stage(number: int, name: str) -> Iterator[None]:
    """Say what goes on, and how long it took."""
    start_s = time.perf_counter()
    print(f"[{number}/{_STAGES}] {name} ...", flush=True)
    yield
    print(f"      {time.perf_counter() - start_s:.1f} s", flush=True)
