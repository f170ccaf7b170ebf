"""A plan on a GPU: run in memory of this process, whose calls are held to the real bindings."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers import cuda_double
from tests.helpers.system import lack

pytest.importorskip("cuda.bindings.runtime", reason="needs TensorRT for RTX: make setup EXTRAS=tensorrt-rtx")

from vitrine_steps.triton import plan as module
from vitrine_steps.triton.gpu import NoGpuError, find_gpu
from vitrine_steps.triton.plan import Plan, PlanError


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[cuda_double.Cuda]:
    cuda = cuda_double.Cuda()
    monkeypatch.setattr(module, "cuda", cuda)
    yield cuda


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "repository" / "engine" / "1" / "model.plan"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"plan")
    return file


def inputs(rows: int) -> dict[str, Any]:
    return {"X": np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)}


@pytest.mark.parametrize("rtx", [True, False])
def test_arrays_go_in_and_come_out_whatever_the_batch(gpu: cuda_double.Cuda, file: Path, rtx: bool) -> None:
    plan = Plan(cuda_double.tensorrt(rtx=rtx), file)
    held = dict(gpu.held)
    for rows in (1, 4, 2):
        found = plan.run(inputs(rows))
        assert np.array_equal(found["TWICE"], 2 * inputs(rows)["X"])
    assert gpu.held == held, "memory is kept between runs, and no more is taken"
    plan.close()
    assert gpu.held == {}


def test_an_array_that_is_not_contiguous_is_taken(gpu: cuda_double.Cuda, file: Path) -> None:
    plan = Plan(cuda_double.tensorrt(), file)
    odd = np.arange(12, dtype=np.float64).reshape(3, 4).T[:2]
    assert np.array_equal(plan.run({"X": odd})["TWICE"], 2 * odd)


@pytest.mark.parametrize("shape", [(5, 3), (0, 3), (1, 4)])
def test_a_shape_outside_the_profile_is_refused(gpu: cuda_double.Cuda, file: Path, shape: tuple[int, ...]) -> None:
    plan = Plan(cuda_double.tensorrt(), file)
    with pytest.raises(PlanError, match=rf"X of shape \[{shape[0]}, {shape[1]}\] is outside the plan's profile"):
        plan.run({"X": np.zeros(shape, np.float32)})
    assert plan.run(inputs(1))["TWICE"].shape == (1, 3), "the next run is not harmed"


def test_what_goes_wrong_is_said(gpu: cuda_double.Cuda, file: Path) -> None:
    plan = Plan(cuda_double.tensorrt(), file)
    plan._context.fails = True
    with pytest.raises(PlanError, match="TensorRT gave no reason"):
        plan.run(inputs(1))
    gpu.memory_bytes = 8
    with pytest.raises(PlanError, match="CUDA: out of memory"):
        Plan(cuda_double.tensorrt(), file)
    file.write_bytes(b"pla")
    with pytest.raises(PlanError, match=r"engine: plan\.header\.size == blobSize failed"):
        Plan(cuda_double.tensorrt(), file)


def test_kernels_are_kept_beside_the_repository(gpu: cuda_double.Cuda, file: Path, tmp_path: Path) -> None:
    kernels = tmp_path / "repository.kernels" / "engine.cache"
    plan = Plan(cuda_double.tensorrt(), file, kernels=kernels)
    assert not kernels.exists()
    plan.run(inputs(1))
    assert kernels.read_bytes() == b"compiled"
    kernels.write_bytes(b"earlier")
    again = Plan(cuda_double.tensorrt(), file, kernels=kernels)
    assert again._cache.kernels == b"earlier"
    assert [f.name for f in kernels.parent.iterdir()] == ["engine.cache"]


def test_a_folder_that_cannot_be_written_to_costs_no_answer(gpu: cuda_double.Cuda, file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    plan = Plan(cuda_double.tensorrt(), file, kernels=tmp_path / "taken" / "engine.cache")
    assert plan.run(inputs(2))["TWICE"].shape == (2, 3)


@pytest.mark.parametrize("captures", [True, False])
def test_graphs_are_captured_where_it_is_asked_for(gpu: cuda_double.Cuda, file: Path, captures: bool) -> None:
    plan = Plan(cuda_double.tensorrt(), file, captures_graphs=captures)
    expected = cuda_double.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE if captures else None
    assert plan._context.config.cuda_graph_strategy == expected


def test_the_double_has_nothing_that_the_bindings_lack() -> None:
    trt = pytest.importorskip("tensorrt_rtx_bindings")
    from cuda.bindings import runtime

    for name in vars(cuda_double.Cuda):
        assert name.startswith("_") or hasattr(runtime, name), name
    for kind in filter(inspect.isclass, vars(cuda_double.tensorrt()).values()):
        real = getattr(trt, kind.__name__, None)
        for member, value in vars(kind).items():
            if real is not None and not member.startswith("_"):
                assert hasattr(real, member), f"{kind.__name__}.{member}"
            if real is not None and inspect.isfunction(value) and not member.startswith("_"):
                for parameter in list(inspect.signature(value).parameters)[1:]:
                    assert parameter in (getattr(real, member).__doc__ or ""), f"{kind.__name__}.{member}({parameter})"


def test_a_real_plan_is_refused_where_no_gpu_is(tmp_path: Path) -> None:
    trt = pytest.importorskip("tensorrt_rtx_bindings")
    try:
        find_gpu()
    except NoGpuError as error:
        assert "no NVIDIA driver is installed here: run on a machine" in str(error)
    else:
        lack("this machine has a GPU")
    file = tmp_path / "engine" / "1" / "model.plan"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(100))
    with pytest.raises(PlanError, match=r"engine: .*(Serialization|Cuda Runtime)"):
        Plan(trt, file)
