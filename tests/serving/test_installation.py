"""Which libraries Triton is started with, and what is said when one is missing."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.triton import installation as module
from serving.triton.installation import find_installation

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_python_with_a_library_of_its_own_brings_it(tmp_path: Path) -> None:
    assert module._library_path(Path("/wheel"), tmp_path, PYTHON) == "/wheel"
    (tmp_path / f"libpython{PYTHON}.so.1.0").touch()
    assert module._library_path(Path("/wheel"), tmp_path, PYTHON) == f"/wheel:{tmp_path}"


def test_the_check_sees_the_libraries_that_the_start_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's LD_LIBRARY_PATH is replaced at the start, so a library that is only there would be missing then."""
    installation = find_installation()
    ldd = tmp_path / "ldd"
    ldd.write_text('#!/bin/sh\n[ "$LD_LIBRARY_PATH" = /callers ] || echo "libz.so => not found"\n', "utf-8")
    ldd.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/callers")
    with pytest.raises(ServingError, match=r"needs libz\.so, which this system lacks: install .* libpython3\.1"):
        module._require_libraries(replace(installation, library_path="/ours"), PYTHON)
