"""A machine that seems to have TensorRT and a GPU: the double stands in for both."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from builders.plans import machine
from builders.plans.machine import Gpu
from tests.builders import tensorrt_double

H100 = Gpu("NVIDIA H100", "9.0", 80 * 2**30, driver="590.1", cuda="13.1", device="cpu")


@contextmanager
def played_gpu_machine() -> Iterator[None]:
    here = dict(tensorrt_double.HERE)
    with (
        patch.dict(sys.modules, {"tensorrt": tensorrt_double.as_module()}),
        patch.object(machine, "find_spec", lambda name: name == "tensorrt"),
        patch.object(machine, "find_gpu", lambda: H100),
        patch.object(Gpu, "stream_handle", lambda gpu: 0),
        patch.object(Gpu, "synchronize", lambda gpu: None),
    ):
        try:
            yield
        finally:
            tensorrt_double.HERE.update(here)
            tensorrt_double.FAULTS.clear()
            # These were imported with the double for TensorRT.
            for name in [n for n in sys.modules if n.startswith("builders.plans.") and n != machine.__name__]:
                del sys.modules[name]
