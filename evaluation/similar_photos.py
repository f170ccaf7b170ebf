"""Similar photos of the catalogue, and copies of photos, as their vectors show them."""

import io
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vitrine_client import VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from evaluation.nearest import colour_histogram, same_among_nearest, same_by_chance
from evaluation.similar_folder import evaluate_folder
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
_COSINES = (0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)
_QUESTIONS = {"category": "what is this", "colour": "what colour is it"}
_COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "re-encoded": lambda image: image,
    "60 % of the size": lambda image: image.resize((image.width * 6 // 10, image.height * 6 // 10)),
    "5 % cut off each side": lambda image: image.crop(
        (image.width // 20, image.height // 20, image.width * 19 // 20, image.height * 19 // 20)
    ),
}


@dataclass(frozen=True, eq=False)
class _Photo:
    truth: tuple[str, str]
    """Category and colour."""
    said: Mapping[str, tuple[str, ...]]
    """What the model answers to `_QUESTIONS`."""
    vectors: NDArray[np.float32]
    """[1, or 1 + copies, E]: of the photo, and of its copies."""
    colours: NDArray[np.float32]
    """Histogram of the photo's colours."""


def evaluate_similar(options: "SimilarOptions") -> int:
    """Draw, embed, and print the figures. Returns the exit status."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
        url = options.url or stack.enter_context(EmbeddedServer(settings)).url
        client = stack.enter_context(VqaClient(url))
        if options.photos_of:
            evaluate_folder(options.photos_of, lambda photo: client.embed(photo).vector, options.grounds)
            return 0
        release = client.embed(_jpeg(Image.new("RGB", (64, 64)), 90)).release

        def embedded(seed: int) -> _Photo:
            photo = photo_from_seed(first_seed("test") + seed, long_side_px=_SIDE_PX)
            jpeg, truth = photo.jpeg_bytes(), photo.attributes
            copies = [_jpeg(change(photo.image), 60) for change in _COPIES.values()] if seed < options.copied else []
            said = {name: (client.ask(jpeg, question).text,) for name, question in _QUESTIONS.items()}
            vectors = [client.embed(one).vector for one in (jpeg, *copies)]
            return _Photo((truth.category, truth.colour), said, np.stack(vectors), colour_histogram(jpeg))

        with ThreadPoolExecutor(_THREADS) as pool:
            photos = list(pool.map(embedded, range(options.photos)))
        _print_neighbours(f"edge://{folder}/vectors", release, photos)
        _print_copies(photos, options.copied)
    return 0


def _print_neighbours(url: str, release: str, photos: Sequence[_Photo]) -> None:
    """Print how many of the nearest have the photo's category and colour, of as many as there are."""
    vectors = open_vectors(url, release, photos[0].vectors.shape[1])
    for number, photo in enumerate(photos):
        category, colour = photo.truth
        vector = Vector(release, photo.vectors[0])
        vectors.upsert([Entry("shop", str(number), "", vector, category=category, colour=colour)])
    there = Counter(photo.truth for photo in photos)
    right = Counter[str]()
    for number, photo in enumerate(photos):
        limit, which = min(_TOP, there[photo.truth] - 1), Filter("shop", not_skus=(str(number),))
        for name, wanted in (("by vectors alone", None), ("with category and colour as the model says", photo.said)):
            hits = similar(vectors, Vector(release, photo.vectors[0]), which, wanted, limit=limit) if limit else []
            right[name] += sum(photos[int(hit.sku)].truth == photo.truth for hit in hits)
    vectors.close()
    possible = sum(min(_TOP, count - 1) * count for count in there.values())
    truths = [photo.truth for photo in photos]
    by_colours = same_among_nearest(np.stack([photo.colours for photo in photos]), truths, _TOP)
    print(f"same category and colour among the nearest {_TOP}, or as many as there are ({possible} in all):")
    shares = {name: count / possible for name, count in right.items()}
    shares |= {"by colours' histograms": by_colours, "by chance": same_by_chance(truths, _TOP)}
    print(f"  {', '.join(f'{name} {share:.1%}' for name, share in shares.items())}")


def _print_copies(photos: Sequence[_Photo], copied: int) -> None:
    """Print, for each cosine, what share of copies reach it, and what share of photos have another that does."""
    first = np.stack([photo.vectors[0] for photo in photos])
    copies = np.array([photo.vectors[1:] @ photo.vectors[0] for photo in photos[:copied]])
    nearest = np.array([np.delete(first @ row, number).max() for number, row in enumerate(first)])
    print(f"copies of {len(copies)} photos; {len(photos)} photos of other products")
    for cosine in _COSINES:
        found = [f"{name} {share:.1%}" for name, share in zip(_COPIES, (copies >= cosine).mean(0), strict=True)]
        print(f"  cosine from {cosine:.3f}: {', '.join(found)}; has another product {np.mean(nearest >= cosine):.2%}")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
