"""Similar photos of the catalogue, and copies of photos, as their vectors show them."""

import io
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vitrine_client import VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from shop.vectors.opening import open_vectors
from shop.vectors.port import Entry, Filter, Vector
from shop.vectors.similar import similar

if TYPE_CHECKING:
    from evaluation.similar import SimilarOptions

_SIDE_PX = (256, 512)
_THREADS = 4
_TOP = 10
_THRESHOLDS = (0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995)
_COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "re-encoded": lambda image: image,
    "60 % of the size": lambda image: image.resize((image.width * 6 // 10, image.height * 6 // 10)),
    "5 % cut off each side": lambda image: image.crop(
        (image.width // 20, image.height // 20, image.width * 19 // 20, image.height * 19 // 20)
    ),
}


def evaluate_similar(options: "SimilarOptions") -> int:
    """Draw, embed, and print the figures. Returns the exit status."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
        url = options.url or stack.enter_context(EmbeddedServer(settings)).url
        client = stack.enter_context(VqaClient(url))
        release = client.embed(_jpeg(Image.new("RGB", (64, 64)), 90)).release

        def vectors_of(seed: int) -> tuple[tuple[object, ...], list[NDArray[np.float32]]]:
            photo = photo_from_seed(first_seed("test") + seed, long_side_px=_SIDE_PX)
            copies = [_jpeg(change(photo.image), 60) for change in _COPIES.values()] if seed < options.copied else []
            vectors = [client.embed(one).vector for one in (photo.jpeg_bytes(), *copies)]
            truth = photo.attributes
            return (truth.category, truth.colour, truth.pattern, truth.count), vectors

        with ThreadPoolExecutor(_THREADS) as pool:
            truths, drawn = zip(*pool.map(vectors_of, range(options.photos)), strict=True)
        photos = np.stack([vectors[0] for vectors in drawn])
        _print_neighbours(f"edge://{folder}/vectors", release, truths, photos)
        copies = np.array([vectors[1:] @ vectors[0] for vectors in map(np.stack, drawn[: options.copied])])
        _print_copies(copies, truths, photos)
    return 0


def _print_neighbours(
    url: str, release: str, truths: Sequence[tuple[object, ...]], photos: NDArray[np.float32]
) -> None:  # fmt: skip
    """Print how many of the nearest have the photo's category and colour, of as many as there are."""
    vectors = open_vectors(url, release, photos.shape[1])
    vectors.upsert([Entry("shop", str(number), "", Vector(release, row)) for number, row in enumerate(photos)])
    there = Counter(truth[:2] for truth in truths)
    right = possible = asked = 0
    for number, truth in enumerate(truths):
        alike = min(_TOP, there[truth[:2]] - 1)
        which = Filter("shop", not_skus=(str(number),))
        hits = similar(vectors, Vector(release, photos[number]), which, limit=max(alike, 1))
        right += sum(truths[int(hit.sku)][:2] == truth[:2] for hit in hits)
        possible += alike
        asked += alike > 0
    vectors.close()
    chance = sum(count * (count - 1) for count in there.values()) / (len(truths) * (len(truths) - 1))
    print(f"same category and colour among the nearest {_TOP}, or as many as there are ({asked} photos asked about):")
    print(f"  {right / possible:.1%} of {possible}; by chance {chance:.1%}")


def _print_copies(
    copies: NDArray[np.float32], truths: Sequence[tuple[object, ...]], photos: NDArray[np.float32]
) -> None:
    """Print, for each cosine, what share of copies lies above it, and of other photos of products that are the same."""
    alike = {truth: [number for number, other in enumerate(truths) if other == truth] for truth in set(truths)}
    others = [
        float(photos[one] @ photos[other]) for same in alike.values() for one in same for other in same if one < other
    ]
    print(f"{len(copies)} photos with copies; {len(others)} pairs of other photos with the same attributes")
    for threshold in _THRESHOLDS:
        found = ", ".join(
            f"{name} {share:.1%}" for name, share in zip(_COPIES, (copies >= threshold).mean(0), strict=True)
        )
        wrong = np.mean([cosine >= threshold for cosine in others]) if others else 0
        print(f"  cosine from {threshold:.3f}: {found}; others {wrong:.2%}")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
