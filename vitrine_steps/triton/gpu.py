"""The first GPU that CUDA shows, or the one sentence that says why there is none."""

from dataclasses import dataclass

from cuda.bindings import runtime as cuda

_NEEDED = cuda.cudaRuntimeGetVersion()[1] // 1000
"""First number of the CUDA whose driver is enough."""


class NoGpuError(RuntimeError):
    """No GPU can be used. The message says why, and what to do."""


@dataclass(frozen=True)
class Gpu:
    name: str
    compute_capability: str
    """Such as "8.9"."""
    memory_bytes: int
    driver_cuda: str
    """Newest CUDA that the driver speaks, such as "13.0"."""


def find_gpu() -> Gpu:
    """Describe the first GPU.

    Raises:
        NoGpuError: there is none, or its driver is missing or too old.
    """
    _, driver = cuda.cudaDriverGetVersion()
    if not driver:
        raise NoGpuError("no NVIDIA driver is installed here: run on a machine with an NVIDIA GPU and its driver")
    status, count = cuda.cudaGetDeviceCount()
    if status == cuda.cudaError_t.cudaErrorInsufficientDriver:
        raise NoGpuError(
            f"the NVIDIA driver is too old: it speaks CUDA {_shown(driver)}, but {_NEEDED} is needed: update it"
        )
    if status != cuda.cudaError_t.cudaSuccess or not count:
        _, text = cuda.cudaGetErrorString(status)
        raise NoGpuError(
            f"no GPU can be used here ({text.decode()}): run on a machine with an NVIDIA GPU; in a container, with the "
            "NVIDIA container toolkit"
        )
    _, properties = cuda.cudaGetDeviceProperties(0)
    return Gpu(
        properties.name.decode(),
        f"{properties.major}.{properties.minor}",
        int(properties.totalGlobalMem),
        _shown(driver),
    )


def _shown(version: int) -> str:
    """Return a version of CUDA as people write it, from a number such as 12090."""
    return f"{version // 1000}.{version % 1000 // 10}"
