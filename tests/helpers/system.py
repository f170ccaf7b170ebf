"""What the machine brings along: system packages that some tests need."""

import functools
import os
import shutil
from importlib.util import find_spec

import pytest

from serving.errors import ServingError
from serving.triton.installation import find_installation


def require_program(name: str, package: str) -> str:
    """Skip the test where a program lacks; else its path."""
    found = shutil.which(name)
    if not found:
        lack(f"needs {name}: apt-get install {package}")
    assert found
    return found


def require_triton() -> None:
    """Skip the test where Triton cannot be started."""
    if reason := _why_triton_cannot_start():
        lack(reason)


def lack(reason: str) -> None:
    """Skip the test, or fail it where nothing may be lacking: in CI, which sets VITRINE_SKIP_NOTHING."""
    if os.environ.get("VITRINE_SKIP_NOTHING"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@functools.cache
def _why_triton_cannot_start() -> str:
    try:
        find_installation()
    except ServingError as error:
        return str(error)
    return ""


def require_tensorrt_rtx() -> None:
    """Skip the test where the real compiler of TensorRT for RTX is not installed."""
    if find_spec("tensorrt_rtx_bindings") is None:
        lack("needs TensorRT for RTX: make setup EXTRAS=tensorrt-rtx")
