"""The TensorRT that this process builds with, as `trt`: the container's own, or TensorRT for RTX, which has its API.

They differ in how a GPU is named (see `plan.py`), and in what a plan keeps for later: TensorRT's own has kernels for
one GPU, chosen by timing them; that for RTX has them for several, and finishes them where it runs.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from builders.errors import BuildError
from builders.tensorrt.ngc import BUILD_COMMAND, NGC_RELEASE, TENSORRT_IMAGE, TENSORRT_VERSION

if TYPE_CHECKING:
    import tensorrt as trt

__all__ = ["trt"]

TENSORRT, RTX = "tensorrt", "tensorrt_rtx_bindings"
_CONTAINER = f"build in {TENSORRT_IMAGE}, which has it (`{BUILD_COMMAND} ...`)"
_EXTRA = "install it with `make setup EXTRAS=tensorrt-rtx` (it is NVIDIA's, under the licence that comes with it)"


def use_tensorrt(*, version_compatible: bool) -> str:
    """Let `trt` be the container's TensorRT.

    Returns:
        Its version.

    Raises:
        BuildError: there is none, or its plans would not load where they are served.
    """
    version = _use(TENSORRT, "TensorRT", _CONTAINER)
    if not version.startswith(f"{TENSORRT_VERSION}.") and version != TENSORRT_VERSION and not version_compatible:
        raise BuildError(
            f"TensorRT {version} is here, but the serving container {NGC_RELEASE} has {TENSORRT_VERSION}, which loads "
            f"only its own plans: {_CONTAINER}, or pass --version-compatible"
        )
    return version


def use_tensorrt_rtx() -> str:
    """Let `trt` be TensorRT for RTX.

    Returns:
        Its version.

    Raises:
        BuildError: it is not installed, or cannot be loaded.
    """
    return _use(RTX, "TensorRT for RTX", _EXTRA)


def is_rtx() -> bool:
    return str(trt.__name__) == RTX


def rtx_gpus() -> dict[str, Any]:
    """Return the GPUs that TensorRT for RTX builds for, by name: "89" for compute capability 8.9, "current", ..."""
    members = cast(Any, trt).ComputeCapability.__members__  # TensorRT itself has no such names
    return {name.removeprefix("SM").lower(): member for name, member in members.items() if name != "NONE"}


def _use(module: str, name: str, remedy: str) -> str:
    if find_spec(module) is None:
        raise BuildError(f"{name} is not installed here: {remedy}")
    if find_spec("cuda") is None:
        raise BuildError(f"{name} is here, but not NVIDIA's cuda-bindings, which run its plans: {remedy}")
    try:
        globals()["trt"] = import_module(module)
    except (ImportError, OSError) as error:
        raise BuildError(f"{name} is here but cannot be loaded ({error}): {remedy}") from error
    return str(trt.__version__)
