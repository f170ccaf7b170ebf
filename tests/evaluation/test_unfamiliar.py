"""Which photos the published figures of unfamiliar photos are about."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from evaluation import unfamiliar
from evaluation.questions import DataError


def test_the_photos_are_those_of_two_packages() -> None:
    photos = unfamiliar.camera_photos()
    assert {"astronaut.png", "china.jpg"} <= {file.name for file in photos}
    assert all(file.is_file() for file in photos)


@pytest.mark.parametrize("package", ["skimage", "sklearn"])
def test_a_package_that_lacks_is_named_instead_of_another_figure(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name == package else importlib.util.find_spec(name)

    monkeypatch.setattr(unfamiliar, "find_spec", find)
    with pytest.raises(DataError, match=rf'{package} is not installed: pip install "vitrine\[evaluate\]"'):
        unfamiliar.camera_photos()


def test_photos_of_a_folder_are_found_below_it(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.txt", "deep/a.webp"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert [file.name for file in unfamiliar.photos_in(tmp_path)] == ["b.JPG", "a.webp"]
