"""Plans of TensorRT for RTX are held against the machine before Triton starts: one sentence each."""

import json
from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.triton import rtx_card
from serving.triton.command import ServerSettings
from serving.triton.rtx_card import require_card, require_fitting

BUILT = {"tensorrt_rtx": "1.7.1.116", "compute_capabilities": ["8.6", "8.9"]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "rtx"
    folder.mkdir()
    manifest = {"format": 1, "target": "tensorrt-rtx", "gpu": BUILT, "sha256": {}, "release": "r"}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_without_the_extra(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtx_card, "find_spec", lambda name: None)
    with pytest.raises(ServingError, match="which is not installed here: make setup EXTRAS=tensorrt-rtx"):
        require_card(repository)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("no NVIDIA driver is installed here", "but no NVIDIA driver is installed here; or serve .* onnxruntime"),
        ("the NVIDIA driver is too old: it speaks CUDA 12.0", "but the NVIDIA driver is too old"),
    ],
)
def test_without_a_gpu(repository: Path, monkeypatch: pytest.MonkeyPatch, why: str, words: str) -> None:
    pytest.importorskip("tensorrt_rtx_bindings")
    from vitrine_steps.triton import gpu

    def none() -> gpu.Gpu:
        raise gpu.NoGpuError(why)

    monkeypatch.setattr(gpu, "find_gpu", none)
    with pytest.raises(ServingError, match=words):
        EmbeddedServer(ServerSettings(repository, grpc_port=0, metrics_port=0)).__enter__()


def test_another_gpu_or_version() -> None:
    require_fitting(BUILT, "RTX 4090", "8.9", "1.7.1.116")
    with pytest.raises(ServingError, match=r"8\.6, 8\.9, but RTX 5090 here has 12\.0: .* --compute-capability 120"):
        require_fitting(BUILT, "RTX 5090", "12.0", "1.7.1.116")
    with pytest.raises(ServingError, match=r"built with TensorRT for RTX 1\.7\.1\.116, but 1\.8\.0 is here"):
        require_fitting(BUILT, "RTX 4090", "8.9", "1.8.0")


def test_other_targets_need_no_card(repository: Path) -> None:
    file = repository / "manifest.json"
    file.write_text(file.read_text("utf-8").replace("tensorrt-rtx", "onnxruntime"), "utf-8")
    require_card(repository)
