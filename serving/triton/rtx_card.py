"""Holds plans of TensorRT for RTX against this machine, before Triton starts."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from serving.errors import ServingError
from serving.triton.integrity import read_manifest

_INSTALL = "make setup EXTRAS=tensorrt-rtx"


def require_card(repository: Path) -> None:
    """Check that this machine has what a repository's engines run on.

    Raises:
        ServingError: its plans of TensorRT for RTX cannot run here; says why, and what to do.
    """
    manifest = read_manifest(repository)
    if manifest["target"] != "tensorrt-rtx":
        return
    if find_spec("tensorrt_rtx_bindings") is None:
        raise ServingError(f"{repository} holds plans of TensorRT for RTX, which is not installed here: {_INSTALL}")
    import tensorrt_rtx_bindings

    from vitrine_steps.triton.gpu import Gpu, NoGpuError, find_gpu

    try:
        gpu: Gpu = find_gpu()
    except NoGpuError as error:
        raise ServingError(
            f"{repository} holds plans of TensorRT for RTX, but {error}; or serve a repository built with "
            "--target onnxruntime"
        ) from error
    require_fitting(manifest["gpu"], gpu.name, gpu.compute_capability, tensorrt_rtx_bindings.__version__)


def require_fitting(built: dict[str, Any], name: str, capability: str, version: str) -> None:
    """Compare what plans were built for with a GPU.

    Args:
        built: the manifest's facts: `compute_capabilities`, such as "8.9", and `tensorrt_rtx`, the version.
        name, capability: of the GPU here.
        version: of TensorRT for RTX here.

    Raises:
        ServingError: another capability or version.
    """
    if capability not in built["compute_capabilities"]:
        raise ServingError(
            f"the plans were built for GPUs of compute capability {', '.join(built['compute_capabilities'])}, but "
            f"{name} here has {capability}: build with --compute-capability {capability.replace('.', '')}"
        )
    if version != built["tensorrt_rtx"]:
        raise ServingError(
            f"the plans were built with TensorRT for RTX {built['tensorrt_rtx']}, but {version} is here, which loads "
            f"only its own: build again, or install that version"
        )
