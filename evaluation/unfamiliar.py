"""Figures about photos of what the model knows nothing of: how often they are answered, and how sure it is then."""

import io
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from vitrine_client import VqaClient

from catalogue.dataset import first_seed, questions_from_seed
from evaluation.accuracy import Graded
from evaluation.figures import Figure, share
from evaluation.journal import Job, Row
from evaluation.questions import DataError
from measuring.photo_files import photo_files

SECTION = "unfamiliar photos"
KINDS = ("category", "colour", "pattern", "number")
_PHOTO_FOLDERS = (("skimage", "data"), ("sklearn", "datasets/images"))
_PER_PHOTO = 14  # one of each kind in each language
_NOISE, _BLANK = 8, (0, 60, 128, 200, 255)
_SIDE_PX = 200


def unfamiliar_jobs(client: VqaClient, folder: Path | None) -> list[Job]:
    """Make jobs of the photos of `folder`, or those of scikit-image and scikit-learn; noise; blank pictures."""
    photos: dict[str, Callable[[], bytes]] = {
        str(file): file.read_bytes for file in (photo_files(folder) if folder else camera_photos())
    }
    random = np.random.default_rng(0)
    for number in range(_NOISE):
        photos[f"noise {number}"] = partial(_png, random.integers(0, 256, (_SIDE_PX, _SIDE_PX, 3), dtype=np.uint8))
    for grey in _BLANK:
        photos[f"blank {grey}"] = partial(_png, np.full((_SIDE_PX, _SIDE_PX, 3), grey, np.uint8))
    return [Job(name, partial(_ask_photo, client, load, number)) for number, (name, load) in enumerate(photos.items())]


def camera_photos() -> list[Path]:
    """List the real photos that scikit-image and scikit-learn bring, which are always the same.

    Raises:
        DataError: one of the two is not installed, so that the figure would be about other photos than published.
    """
    return [file for package, folder in _PHOTO_FOLDERS for file in photo_files(_folder_of(package) / folder)]


def _folder_of(package: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise DataError(
            f"--ood-photos asks about photos of the packages scikit-image and scikit-learn, but {package} is not "
            'installed: pip install "vitrine[evaluate]", or name a folder of photos with --ood-photos FOLDER'
        )
    return Path(found.origin).parent


def unfamiliar_figures(rows: Sequence[Row], familiar: Sequence[Graded]) -> list[Figure]:
    """Compute how often unfamiliar photos are answered, and whether confidence tells them apart.

    Args:
        familiar: questions about the catalogue's photos, to tell from.
    """
    found = [
        figure
        for status in ("answered", "hand_over", "cannot_tell")
        for figure in share(SECTION, status, [row["status"] == status for row in rows])
    ]
    known = [row.confidence for row in familiar if row.kind in KINDS and row.confidence is not None]
    unknown = [row["confidence"] for row in rows if row["confidence"] is not None]
    if known and unknown:
        from sklearn.metrics import roc_auc_score

        area = roc_auc_score([1] * len(known) + [0] * len(unknown), known + unknown)
        found.append(Figure(SECTION, "area under the ROC curve of confidence", float(area)))
    return found


def _ask_photo(client: VqaClient, load: Callable[[], bytes], number: int) -> list[Row]:
    """Ask the catalogue's own questions of what any photo shows, in wordings of tests."""
    photo = load()
    rows = []
    for question in questions_from_seed(first_seed("test") + number, "test", per_photo=_PER_PHOTO):
        if question.kind in KINDS:
            answer = client.ask(photo, question.text)
            rows.append(
                {
                    "language": question.language,
                    "question": question.text,
                    "got": answer.text,
                    "status": answer.status,
                    "confidence": answer.confidence,
                }
            )
    return rows


def _png(pixels: np.ndarray) -> bytes:  # type: ignore[type-arg]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
