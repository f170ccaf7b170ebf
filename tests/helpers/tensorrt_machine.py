"""A machine that seems to have TensorRT and a GPU: the double stands in for both."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from builders.tensorrt import gpu as machine
from builders.tensorrt.gpu import Gpu
from tests.helpers import tensorrt_double

H100 = Gpu("NVIDIA H100", "9.0", 80 * 2**30, driver="590.1", cuda="13.1", device="cpu")


@contextmanager
def played_gpu_machine() -> Iterator[None]:
    here = dict(tensorrt_double.HERE)
    with pytest.MonkeyPatch.context() as patched:
        # This one module only: to restore all of them would take away what was imported meanwhile, PyTorch among it.
        patched.setitem(sys.modules, "tensorrt", tensorrt_double.as_module())
        patched.setattr(machine, "find_spec", lambda name: name == "tensorrt")
        patched.setattr(machine, "find_gpu", lambda: H100)
        patched.setattr(Gpu, "stream_handle", lambda gpu: 0)
        patched.setattr(Gpu, "synchronize", lambda gpu: None)
        try:
            yield
        finally:
            tensorrt_double.HERE.update(here)
            tensorrt_double.FAULTS.clear()
            # These were imported with the double for TensorRT.
            for name in [n for n in sys.modules if n.startswith("builders.tensorrt.") and n != machine.__name__]:
                del sys.modules[name]
