"""Models that a comparison serves: checkpoints, and the repositories that are built of them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

from benchmarks.options import ModelName
from benchmarks.systems import Model
from builders.build import build
from builders.options import BuildOptions, Precision
from builders.repository.source import SOURCE

MODELS: tuple[ModelName, ...] = get_args(ModelName)
BUNDLED, BUNDLED_AUTO, LARGE = MODELS
_ROOT = SOURCE.parent


def prepare_model(name: str, work: Path) -> Model:
    """A checkpoint and its repository, made where they are not there yet, or where the sources have changed since.

    Args:
        name: one of `MODELS`, or a checkpoint's folder.
        work: keeps them for the next time.
    """
    known: dict[str, Path] = {LARGE: work / "checkpoints" / LARGE, BUNDLED: _ROOT / "checkpoints" / BUNDLED}
    checkpoint = known.get(name, known[BUNDLED] if name == BUNDLED_AUTO else Path(name))
    if name == LARGE and not checkpoint.exists():
        from training.random_checkpoint import write_blip_vqa_base  # torch takes seconds to import

        write_blip_vqa_base(checkpoint)
    label = name if name in MODELS else checkpoint.resolve().name
    precision: Precision | None = None if name not in MODELS else "auto" if name == BUNDLED_AUTO else "fp32"
    photos = (2 if name == LARGE else 16) if name in MODELS else None
    options = BuildOptions(str(checkpoint), precision=precision, parity_photos=photos)
    repository = _built(options, work / "repositories" / label)
    greedy = None
    if name in (BUNDLED, BUNDLED_AUTO):
        greedy = _built(replace(options, alternatives=1), work / "repositories" / f"{label}-greedy")
    manifest = json.loads((repository / "manifest.json").read_text("utf-8"))
    dimensions = manifest["dimensions"]
    image_px = dimensions["image_px"] if "prompt" in manifest else None
    return Model(label, checkpoint, repository, dimensions["answer_tokens"], name == LARGE, image_px, greedy)


def _built(options: BuildOptions, repository: Path) -> Path:
    """Build, where that has not been done with these sources; a new one takes the old one's place when it is whole."""
    if is_stale(repository, [_ROOT / "builders", _ROOT / "catalogue", SOURCE, Path(options.checkpoint)]):
        new = repository.with_name(f"{repository.name}-new")
        shutil.rmtree(new, ignore_errors=True)
        build(replace(options, output=new))
        shutil.rmtree(repository, ignore_errors=True)
        new.rename(repository)
    return repository


def is_stale(repository: Path, sources: list[Path]) -> bool:
    """Return True if there is none, or if what it was built with or from is newer."""
    manifest = repository / "manifest.json"
    if not manifest.exists():
        return True
    files = (file for folder in sources for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return any(file.stat().st_mtime > manifest.stat().st_mtime for file in files)
