"""Photos taken by a camera: the very files that well-known packages carry."""

from pathlib import Path

import skimage.data
import sklearn.datasets

CAMERA_FILES = sorted(
    file
    for folder in (Path(skimage.data.__file__).parent, Path(sklearn.datasets.__file__).parent / "images")
    for file in folder.iterdir()
    if file.suffix in (".jpg", ".jpeg", ".png", ".webp")
)
