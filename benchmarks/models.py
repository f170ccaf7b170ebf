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
from builders.precision.auto import FP32_SHARES
from builders.precision.int8 import write_int8
from builders.repository.manifest import renew_digests
from builders.repository.source import SOURCE

MODELS: tuple[ModelName, ...] = get_args(ModelName)
BUNDLED, BUNDLED_AUTO, LARGE, LARGE_INT8 = MODELS
_SIZES: dict[str, str] = {BUNDLED: BUNDLED, BUNDLED_AUTO: BUNDLED, LARGE: LARGE, LARGE_INT8: LARGE}
_ROOT = SOURCE.parent


def prepare_model(name: str, work: Path) -> Model:
    """A checkpoint and its repository, made where they are not there yet, or where the sources have changed since.

    Args:
        name: one of `MODELS`, or a checkpoint's folder.
        work: keeps them for the next time.
    """
    known: dict[str, Path] = {LARGE: work / "checkpoints" / LARGE, BUNDLED: _ROOT / "checkpoints" / BUNDLED}
    checkpoint = known[_SIZES[name]] if name in _SIZES else Path(name)
    if checkpoint == known[LARGE] and not checkpoint.exists():
        from training.random_checkpoint import write_blip_vqa_base  # torch takes seconds to import

        write_blip_vqa_base(checkpoint)
    label = name if name in MODELS else checkpoint.resolve().name
    precision: Precision | None = None if name not in MODELS else "auto" if name == BUNDLED_AUTO else "fp32"
    is_large = _SIZES.get(name) == LARGE
    photos = (2 if is_large else 16) if name in MODELS else None
    options = BuildOptions(str(checkpoint), precision=precision, parity_photos=photos, without_text=is_large)
    repository = _built(options, work / "repositories" / (LARGE if is_large else label))
    if name == LARGE_INT8:
        repository = _with_int8(repository, work / "repositories" / label)
    greedy = None
    if name in (BUNDLED, BUNDLED_AUTO):
        greedy = _built(replace(options, alternatives=1), work / "repositories" / f"{label}-greedy")
    manifest = json.loads((repository / "manifest.json").read_text("utf-8"))
    dimensions = manifest["dimensions"]
    image_px = dimensions["image_px"] if "prompt" in manifest else None
    return Model(label, checkpoint, repository, dimensions["answer_tokens"], is_large, image_px, greedy)


def _built(options: BuildOptions, repository: Path) -> Path:
    """Build, where that has not been done with these sources; a new one takes the old one's place when it is whole."""
    if is_stale(repository, [_ROOT / "builders", _ROOT / "catalogue", SOURCE, Path(options.checkpoint)]):
        new = repository.with_name(f"{repository.name}-new")
        shutil.rmtree(new, ignore_errors=True)
        build(replace(options, output=new))
        shutil.rmtree(repository, ignore_errors=True)
        new.rename(repository)
    return repository


def _with_int8(fp32: Path, repository: Path) -> Path:
    """Copy a repository, with engines in INT8 but for the first twelfth of their matrix products.

    For random weights: no gate can hold their answers, which are as good as ties, to the checkpoint's. With so many in
    FP32 the features have a cosine of 0.9992 with FP32's, enough for `--precision auto`.
    """
    if is_stale(repository, [fp32, _ROOT / "builders" / "precision"]):
        shutil.rmtree(repository, ignore_errors=True)
        shutil.copytree(fp32, repository)
        manifest = json.loads((fp32 / "manifest.json").read_text("utf-8"))
        for engine in manifest["engines"].values():
            file = repository / engine["file"]
            file.with_suffix(".weights").unlink(missing_ok=True)
            write_int8(fp32 / engine["file"], file, fp32_share=FP32_SHARES[1])
        renew_digests(repository)
    return repository


def is_stale(repository: Path, sources: list[Path]) -> bool:
    """Return True if there is none, or if what it was built with or from is newer."""
    manifest = repository / "manifest.json"
    if not manifest.exists():
        return True
    files = (file for folder in sources for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return any(file.stat().st_mtime > manifest.stat().st_mtime for file in files)
