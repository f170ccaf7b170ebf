"""What this machine has for TensorRT, or the one sentence that says what is missing."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec

from builders.errors import BuildError
from builders.tensorrt.ngc import BUILD_COMMAND, NGC_RELEASE, TENSORRT_IMAGE, TENSORRT_VERSION

_WHERE = f"build in {TENSORRT_IMAGE}, which has it (`{BUILD_COMMAND} ...`)"


@dataclass(frozen=True)
class Gpu:
    name: str
    compute_capability: str
    """Such as "9.0"."""
    memory_bytes: int
    driver: str
    cuda: str
    """Version of the CUDA runtime."""
    device: str = "cuda"
    """Where PyTorch puts the tensors of a run."""

    def stream_handle(self) -> int:
        import torch

        return int(torch.cuda.current_stream(self.device).cuda_stream)

    def synchronize(self) -> None:
        import torch

        torch.cuda.synchronize(self.device)


def require_tensorrt(*, version_compatible: bool) -> str:
    """The version of TensorRT here.

    Raises:
        BuildError: there is none, or its plans would not load where they are served.
    """
    if find_spec("tensorrt") is None:
        raise BuildError(f"TensorRT is not installed here: {_WHERE}")
    try:
        import tensorrt as trt
    except (ImportError, OSError) as error:
        raise BuildError(f"TensorRT is here but cannot be loaded ({error}): {_WHERE}") from error
    version = str(trt.__version__)
    if not version.startswith(f"{TENSORRT_VERSION}.") and version != TENSORRT_VERSION and not version_compatible:
        raise BuildError(
            f"TensorRT {version} is here, but the serving container {NGC_RELEASE} has {TENSORRT_VERSION}, which loads "
            f"only its own plans: {_WHERE}, or pass --version-compatible"
        )
    return version


def find_gpu() -> Gpu:
    """The first GPU.

    Raises:
        BuildError: none can be used; says why.
    """
    import torch

    if torch.version.cuda is None:
        raise BuildError(f"PyTorch {torch.__version__} here is a build without CUDA: {_WHERE}")
    try:
        torch.cuda.init()
        properties = torch.cuda.get_device_properties(0)
    except (RuntimeError, AssertionError) as error:
        raise BuildError(_why_no_gpu(str(error))) from error
    return Gpu(
        name=properties.name,
        compute_capability=f"{properties.major}.{properties.minor}",
        memory_bytes=properties.total_memory,
        driver=_driver_version(),
        cuda=torch.version.cuda,
    )


def _why_no_gpu(error: str) -> str:
    if found := re.search(r"driver on your system is too old \(found version (\d+)\)", error):
        number = int(found[1])
        return (
            f"the NVIDIA driver is too old: it speaks CUDA {number // 1000}.{number % 1000 // 10}, less than PyTorch "
            "needs; update the driver on the host (a container uses the host's)"
        )
    first = error.strip().splitlines()[0] if error.strip() else "no reason given"
    return (
        f"no GPU can be used here ({first}): run on a host with an NVIDIA GPU and, in a container, with the NVIDIA "
        f"container toolkit (`{BUILD_COMMAND} ...` asks for one)"
    )


def _driver_version() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "unknown"
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout else "unknown"
