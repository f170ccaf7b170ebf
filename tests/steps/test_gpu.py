"""What is said of the GPU, or of why there is none."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cuda.bindings.runtime", reason="needs TensorRT for RTX: make setup EXTRAS=tensorrt-rtx")

from cuda.bindings import runtime as cuda

from vitrine_steps.triton.gpu import Gpu, NoGpuError, find_gpu

OK = cuda.cudaError_t.cudaSuccess


def machine(monkeypatch: pytest.MonkeyPatch, driver: int, status: Any = OK, count: int = 1) -> None:
    card = SimpleNamespace(name=b"NVIDIA RTX 4090", major=8, minor=9, totalGlobalMem=24 * 2**30)
    monkeypatch.setattr(cuda, "cudaDriverGetVersion", lambda: (OK, driver))
    monkeypatch.setattr(cuda, "cudaGetDeviceCount", lambda: (status, count))
    monkeypatch.setattr(cuda, "cudaGetDeviceProperties", lambda index: (OK, card))


def test_the_first_gpu_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 13000)
    assert find_gpu() == Gpu("NVIDIA RTX 4090", "8.9", 24 * 2**30, "13.0")


@pytest.mark.parametrize(
    ("driver", "status", "count", "words"),
    [
        (0, "cudaErrorInsufficientDriver", 0, "no NVIDIA driver is installed here: run on a machine with"),
        (12000, "cudaErrorInsufficientDriver", 0, r"too old: it speaks CUDA 12\.0, but 1\d is needed: update it"),
        (13000, "cudaErrorNoDevice", 0, r"no GPU can be used here \(no CUDA-capable device .*\): run on a machine"),
        (13000, "cudaSuccess", 0, "no GPU can be used here"),
    ],
)
def test_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, driver: int, status: str, count: int, words: str) -> None:
    machine(monkeypatch, driver, getattr(cuda.cudaError_t, status), count)
    with pytest.raises(NoGpuError, match=words):
        find_gpu()
