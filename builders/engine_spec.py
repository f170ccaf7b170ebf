"""Describes engines: their tensors, which axes vary and how far, and how each is made from a checkpoint.

Export, parity, noise for timings, TensorRT's profiles and warm-up, and the
repository's configs all follow from these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

IMAGE_ENCODER, ANSWER_DECODER, ANSWER_SCORER = "image_encoder", "answer_decoder", "answer_scorer"
ENGINES = (IMAGE_ENCODER, ANSWER_DECODER, ANSWER_SCORER)
"""Models of the contract that engines stand behind, whatever the family."""
MOST_REFUSALS = 16
"""Ways of a checkpoint to say "cannot tell", scored along with every list."""

AxisRanges = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Shapes without the batch axis: smallest, best and largest."""


@dataclass(frozen=True)
class Axis:
    """An axis whose size is decided by each request."""

    name: str
    min: int
    opt: int
    """Size that TensorRT makes fastest."""
    max: int
    """Largest size that is served."""
    graph_max: int
    """Largest size that the graph takes."""
    traced: int
    """Size while the graph is exported; sizes of 1 would be taken for constants."""
    timed: int
    """Size while engines are timed."""


@dataclass(frozen=True)
class TensorSpec:
    """One input of an engine. Its first axis, the batch, is not listed."""

    name: str
    dtype: str
    """NumPy's name, such as "uint8"."""
    axes: tuple[int | Axis, ...]
    noise: Literal["bytes", "tokens", "ones", "features"]
    """Kind of random values for timings: 0 to 255; token ids; ones; normal, with a digest of zeros in the last row."""

    def traced(self, rows: int) -> tuple[int, ...]:
        """Shape while the graph is exported."""
        return (rows, *(axis.traced if isinstance(axis, Axis) else axis for axis in self.axes))

    def varying(self) -> dict[int, Axis]:
        """Axes that vary beside the batch, by their number, the batch's being 0."""
        return {number: axis for number, axis in enumerate(self.axes, 1) if isinstance(axis, Axis)}

    def ranges(self) -> AxisRanges:
        """Smallest, best and largest shape that is served, without the batch axis."""
        least, opt, most = (
            tuple(getattr(axis, size) if isinstance(axis, Axis) else axis for axis in self.axes)
            for size in ("min", "opt", "max")
        )
        return least, opt, most


@dataclass(frozen=True)
class EngineSpec:
    """One engine: what goes in and out, and how it is made."""

    name: str
    inputs: tuple[TensorSpec, ...]
    """In the order of the module's arguments."""
    outputs: tuple[str, ...]
    module: Callable[[Any, str], Any]
    """From a checkpoint and the precision of the graphs to a `torch.nn.Module`, or to the graph, an `onnx_ir.Model`."""
    finish: Callable[[Any], None] = lambda model: None
    """Changes the exported `onnx.ModelProto` in place before it is written. It may not look at large weights."""
    is_loop: bool = False
    """True for a graph with a decoding loop: no CUDA graph can be captured, and a run is as long as its answers."""
    one_at_a_time: bool = False
    """True for an engine that takes one question a run: logits of many lists of candidates would fill the memory."""

    @property
    def title(self) -> str:
        """The name for people, such as "answer decoder, loop"."""
        return self.name.replace("_", " ") + (", loop" if self.is_loop else "")

    def variable_axes(self) -> dict[str, AxisRanges]:
        """Ranges of the inputs with axes that vary beside the batch."""
        return {tensor.name: tensor.ranges() for tensor in self.inputs if tensor.varying()}


def noise_for(engine: EngineSpec, rows: int) -> dict[str, NDArray[Any]]:
    """Make random inputs of `rows` rows, the same ones each time."""
    random = np.random.default_rng(0)
    return {tensor.name: _noise(random, tensor, rows) for tensor in engine.inputs}


def _noise(random: np.random.Generator, tensor: TensorSpec, rows: int) -> NDArray[Any]:
    shape = (rows, *(axis.timed if isinstance(axis, Axis) else axis for axis in tensor.axes))
    if tensor.noise == "features":
        features = random.normal(size=shape).astype(tensor.dtype)
        features[:, -1] = 0
        return features
    if tensor.noise == "ones":
        return np.ones(shape, tensor.dtype)
    low, high = (0, 256) if tensor.noise == "bytes" else (5, 50)
    return random.integers(low, high, shape).astype(tensor.dtype)
