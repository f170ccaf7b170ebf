"""Which photos the published figures of unfamiliar photos are about."""

import importlib.util
from importlib.machinery import ModuleSpec

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
