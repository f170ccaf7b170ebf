"""Multiply-adds a second of each engine beside those of a plain matrix product."""

import json
import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure_engines import decode_steps, pytorch_module
from builders.checkpoint.checkpoint import Checkpoint
from builders.checkpoint.load import load_checkpoint
from builders.dimensions import BuildDimensions
from builders.engine_spec import noise_for
from builders.families import family_of
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Outputs
from builders.parity.timing import medians_ms

if TYPE_CHECKING:
    from benchmarks.peak import PeakOptions

_SIDE = 1536
"""Side of the square matrices whose product is the peak."""
_ROWS = (1, 8)


def measure_peak(options: "PeakOptions") -> int:
    """Time the engines and a plain matrix product, and print their rates. Returns the exit status."""
    checkpoint = load_checkpoint(options.checkpoint)
    manifest = json.loads((options.repository / "manifest.json").read_text("utf-8"))
    dimensions = BuildDimensions(**manifest["dimensions"])
    threads = options.threads or os.cpu_count() or 1
    peak = peak_gmac_per_s(threads)
    print(f"{threads} threads: {peak:.1f} GMAC/s in a product of two {_SIDE} x {_SIDE} matrices, FP32")
    print(f"{'engine':<16}{'rows':>5}{'GMAC':>9}{'ms, median':>12}{'GMAC/s':>9}{'of the peak':>13}")
    for spec in family_of(checkpoint.architecture).engine_specs(dimensions, manifest["decode_strategy"]):
        name = spec.name
        engine = onnx_engine(options.repository / manifest["engines"][name]["file"], threads=threads)
        for rows in (1,) if spec.one_at_a_time else _ROWS:
            inputs = noise_for(spec, rows)
            gmac = run_gmac(
                checkpoint, name, inputs, dimensions, steps=decode_steps(engine(inputs), manifest, checkpoint)
            )
            ms = medians_ms({name: partial(engine, inputs)})[name]
            rate = gmac / ms * 1e3
            print(f"{name:<16}{rows:>5}{gmac:>9.3f}{ms:>12.2f}{rate:>9.1f}{rate / peak:>13.0%}")
    return 0


def peak_gmac_per_s(threads: int) -> float:
    """The faster of ONNX Runtime's and PyTorch's matrix products, in FP32."""
    a, b = (np.random.default_rng(seed).normal(size=(_SIDE, _SIDE)).astype(np.float32) for seed in (0, 1))
    torch.set_num_threads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(_product_model(), options, providers=["CPUExecutionProvider"])
    left, right = torch.from_numpy(a), torch.from_numpy(b)
    medians = medians_ms({"onnxruntime": lambda: session.run(None, {"A": a, "B": b}), "torch": lambda: left @ right})
    return float(_SIDE**3 / 1e6 / min(medians.values()))


def run_gmac(checkpoint: Checkpoint, name: str, inputs: Outputs, dimensions: BuildDimensions, *, steps: int) -> float:
    """Multiply-adds of the matrix products of one run, in thousand millions, counted in the graph's own module.

    Args:
        steps: decode steps that the run takes; the scorer and the encoder have none.
    """
    module = pytorch_module(checkpoint, name, "fp32", (dimensions.answers, steps)).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(*(torch.from_numpy(value) for value in inputs.values()))
    return float(counter.get_total_flops()) / 2 / 1e9


def _product_model() -> bytes:
    a, b, c = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [_SIDE, _SIDE]) for name in "ABC")
    graph = helper.make_graph([helper.make_node("MatMul", ["A", "B"], ["C"])], "product", [a, b], [c])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())
