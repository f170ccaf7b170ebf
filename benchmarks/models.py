"""What is served in a comparison: checkpoints, and the repositories that are built of them."""

import json
import shutil
from pathlib import Path

from benchmarks.systems import Model
from builders.build import build
from builders.options import BuildOptions
from builders.repository import SOURCE

BUNDLED, BUNDLED_AUTO, LARGE = "vitrine-small", "vitrine-small-auto", "blip-vqa-base-size"
MODELS = (BUNDLED, BUNDLED_AUTO, LARGE)
_BUILDERS = SOURCE.parent / "builders"
_BUNDLED_CHECKPOINT = Path("checkpoints") / BUNDLED


def prepared(name: str, work: Path) -> Model:
    """A checkpoint and its repository, made where they are not there yet, or where the sources have changed since."""
    checkpoint = work / "checkpoints" / name if name == LARGE else _BUNDLED_CHECKPOINT
    if not checkpoint.exists():
        from benchmarks.random_checkpoint import write_blip_vqa_base  # torch takes seconds to import

        write_blip_vqa_base(checkpoint)
    repository = work / name
    if repository.exists() and _is_stale(repository):
        shutil.rmtree(repository)
    if not repository.exists():
        precision = "auto" if name == BUNDLED_AUTO else None
        build(BuildOptions(str(checkpoint), repository, precision=precision, parity_photos=2))
    manifest = json.loads((repository / "manifest.json").read_text("utf-8"))
    return Model(name, checkpoint, repository, manifest["dimensions"]["answer_tokens"], forced=name == LARGE)


def _is_stale(repository: Path) -> bool:
    """Whether what it was built with or from is newer."""
    built_s = (repository / "manifest.json").stat().st_mtime
    sources = (file for folder in (_BUILDERS, SOURCE) for file in folder.rglob("*") if file.suffix in (".py", ".pbtxt"))
    return any(file.stat().st_mtime > built_s for file in sources)
