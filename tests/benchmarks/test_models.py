"""What was built for a comparison is built anew when what it was built with or from changes."""

import os
from pathlib import Path

import pytest

from benchmarks.models import is_stale


@pytest.mark.parametrize(
    "changed", ["builders/build.py", "model_repository/vqa/config.pbtxt", "checkpoint/model.safetensors"]
)
def test_a_repository_older_than_what_it_was_built_from_is_stale(changed: str, tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("builders", "model_repository", "checkpoint")]
    manifest = tmp_path / "built" / "manifest.json"
    for file in (tmp_path / changed, manifest):
        file.parent.mkdir(parents=True)
        file.touch()
    os.utime(tmp_path / changed, (1000, 1000))
    assert not is_stale(manifest.parent, sources)
    os.utime(manifest, (999, 999))
    assert is_stale(manifest.parent, sources)


def test_what_is_not_there_or_not_whole_is_stale(tmp_path: Path) -> None:
    assert is_stale(tmp_path / "none", [])
    assert is_stale(tmp_path, [])
