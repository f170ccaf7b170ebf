"""Fixtures of the builder's tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import build as build_module
from builders.options import BuildOptions
from tests.helpers.graphs import SMALL, Graphs
from training.random_checkpoint import random_blip, save_checkpoint


@pytest.fixture(scope="session", autouse=True)
def quick_unless_asked() -> Iterator[None]:
    """Builds are the same on every processor, and try no INT8, unless a test asks for it; none reads text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builders.options.has_vnni", lambda: False)
        patch.setattr("builders.specification.text_weights", lambda wanted: None)
        yield


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    """Exported graphs that tests share: nobody may change a file."""
    return Graphs(tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint with random weights; nobody may change a file."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    save_checkpoint(random_blip(SMALL, seed=1, end_bias=2.0), folder)
    return folder


@pytest.fixture(scope="session")
def finished_graphs(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a build of `checkpoint`, as it was interrupted after its graphs were finished."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(build_module, "compile_engines", interrupted)
        build_module.build(BuildOptions(str(checkpoint), folder / "out", parity_photos=2))
    return folder / "cache"


@pytest.fixture
def cache(finished_graphs: Path, tmp_path: Path) -> Path:
    """A cache that holds the graphs of `checkpoint`, so that not every test exports its own."""
    return shutil.copytree(finished_graphs, tmp_path / "cache")
