"""A checkpoint that cannot fit into memory is refused before it is loaded, with what would fit."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file

from builders.checkpoint.memory import parameters_of, require_memory
from builders.errors import BuildError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_file({"a": np.zeros((1000, 1000), np.float16)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": np.zeros(500_000, np.float16)}, tmp_path / "model-00002-of-00002.safetensors")
    return tmp_path


def test_numbers_of_all_shards_count(folder: Path) -> None:
    assert parameters_of(folder) == 1_500_000


def test_too_little_memory_is_said_with_what_would_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_memory(folder, "tiny")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    with pytest.raises(BuildError, match=r"tiny has 0\.0 billion parameters, which take 1\.0 GiB .* but 1\.0 are free"):
        require_memory(folder, "tiny")
