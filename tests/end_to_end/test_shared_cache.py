"""One cache for several servers: those of one release share their work, and no release answers from another's.

The cache is a double of Triton's Redis cache, which is in its container only: entries are files, under Triton's keys.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from vitrine_client import ServerError, VqaClient

from builders.repository.manifest import renew_digests
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from loadtest.server_metrics import scrape
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from serving.triton.launch import Launch, embedded_launch
from tests.helpers.plain_inputs import with_plain_inputs

SOURCE = Path(__file__).parents[1] / "helpers" / "shared_cache.c"
QUESTIONS = ("What colour is it?", "这是什么？")
PHOTOS = [photo_from_seed(first_seed("test") + n, long_side_px=(300, 400)).jpeg_bytes() for n in range(40)]


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Triton's folder of caches, with the double in it."""
    folder = tmp_path_factory.mktemp("caches")
    library = folder / "shared" / "libtritoncache_shared.so"
    library.parent.mkdir()
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
    return folder


@pytest.fixture(scope="module")
def second_release(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with an encoder of other weights, whose features are others."""
    folder = tmp_path_factory.mktemp("second") / "release"
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns("__pycache__"))
    [file] = (folder / "image_encoder" / "1").glob("*.onnx")
    model = onnx.load(str(file))
    random = np.random.default_rng(0)
    for weights in model.graph.initializer:
        if len(weights.dims) == 2 and min(weights.dims) > 8:
            values = numpy_helper.to_array(weights)
            noise = random.normal(0, 0.3 * float(values.std()), values.shape)
            weights.CopyFrom(numpy_helper.from_array((values + noise).astype(values.dtype), weights.name))
    onnx.save(model, str(file))
    renew_digests(folder)
    return folder


@contextmanager
def serving(repository: Path, caches: Path, store: Path) -> Iterator[EmbeddedServer]:
    store.mkdir(exist_ok=True)

    def launch(settings: ServerSettings, work: Path, shm_prefix: str, admin_key: str) -> Launch:
        found = embedded_launch(settings, work, shm_prefix, admin_key)
        others = [one for one in found.command if not one.startswith(("--cache-config=", "--cache-directory="))]
        return replace(found, command=[*others, f"--cache-directory={caches}", f"--cache-config=shared,folder={store}"])

    settings = ServerSettings(repository, grpc_port=0, metrics_port=0, log_file=store.with_suffix(".log"))
    with EmbeddedServer(settings, launch_from=launch) as server:
        yield server


def answers(server: EmbeddedServer) -> list[tuple[str, bytes]]:
    with VqaClient(server.url, timeout_s=20) as client:
        return [
            (client.ask(photo, question).text, client.embed(photo).vector.tobytes())
            for photo in PHOTOS
            for question in QUESTIONS
        ]


def hits(server: EmbeddedServer) -> float:
    url = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"
    return scrape(url)["image_features"]["cache_hits"]


def test_servers_of_one_release_share_and_another_release_takes_nothing(
    repository: Path, second_release: Path, caches: Path, tmp_path: Path
) -> None:
    with serving(second_release, caches, tmp_path / "alone") as server:
        alone = answers(server)
    shared = tmp_path / "shared"
    with serving(repository, caches, shared) as server:
        first = answers(server)
    with serving(repository, caches, shared) as server:
        before = hits(server)
        assert answers(server) == first
        assert hits(server) - before >= len(PHOTOS) * len(QUESTIONS) * 2, "it encoded none of them itself"
    with serving(second_release, caches, shared) as server:
        found = answers(server)
    assert found == alone, "the same as with a cache of its own"
    assert sum(ours != theirs for ours, theirs in zip(found, first, strict=True)) == len(found)


def test_even_under_equal_keys_features_of_another_release_become_no_answer(
    repository: Path, second_release: Path, caches: Path, tmp_path: Path
) -> None:
    """As if the release were not in the key: what the key no longer keeps apart, the stamp does."""
    copies = []
    for number, release in enumerate((repository, second_release)):
        copies.append(tmp_path / str(number))
        shutil.copytree(release, copies[-1], ignore=shutil.ignore_patterns("__pycache__"))
        with_plain_inputs(copies[-1])
    with serving(copies[0], caches, tmp_path / "shared") as server:
        answers(server)
    with (
        serving(copies[1], caches, tmp_path / "shared") as server,
        VqaClient(server.url, timeout_s=20) as client,
    ):
        before = hits(server)
        for photo in PHOTOS:
            for question in QUESTIONS:
                with pytest.raises(ServerError, match="another release, so this request was refused"):
                    client.ask(photo, question)
        assert hits(server) - before == len(PHOTOS) * len(QUESTIONS), "the cache did take one for the other"
