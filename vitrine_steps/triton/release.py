"""The release of a built repository: which one an answer came from."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNBUILT = "unbuilt"


def read_release(model_folder: str) -> str:
    """Read the release of the built repository that a model lies in; "unbuilt" where there is no manifest.

    Args:
        model_folder: of one model, as the Python backend names it; `manifest.json` lies beside it.
    """
    manifest = Path(model_folder).parent / "manifest.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["release"]) if manifest.exists() else UNBUILT


def release_rows(release: str, rows: int) -> NDArray[np.object_]:
    """The tensor RELEASE: [rows, 1]."""
    return np.full((rows, 1), release.encode("utf-8"), np.object_)
