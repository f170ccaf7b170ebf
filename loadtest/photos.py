"""The photos that a load test sends: drawn by seed, or out of the user's own folder."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from catalogue.dataset import first_seed
from catalogue.labels import label_from_seed
from catalogue.photos import photo_from_seed
from measuring.photo_files import PHOTO_SUFFIXES, photo_files

_FIRST = 5_000_000  # seeds of no other photos


class PhotoFolderError(ValueError):
    """The folder has no photos that can be sent."""


@dataclass(frozen=True)
class PhotoPool:
    """Pool of as many different photos as one likes, out of a few that are kept in memory."""

    encoded: Sequence[bytes]
    salt: str = ""
    """Text of a run: photos of runs with other salts have other bytes, so that a server's cache knows none of them."""

    def photo(self, number: int) -> bytes:
        """Return photo `number`. Beyond the pool's size pictures come again, with bytes that no cache knows."""
        again, index = divmod(number, len(self.encoded))
        # Decoders ignore what follows a picture's end.
        return self.encoded[index] + self.salt.encode() + again.to_bytes(8, "big")

    def sha256(self) -> str:
        """Digest all bytes in the pool; in hexadecimal."""
        digest = hashlib.sha256()
        for encoded in self.encoded:
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.hexdigest()


@lru_cache(1)
def draw_photos(count: int, long_side_px: tuple[int, int], *, has_labels: bool = False) -> PhotoPool:
    """Draw `count` catalogue photos, as JPEG; the same ones each time.

    Args:
        has_labels: whether every other one is a label.
    """
    seeds = range(first_seed("test") + _FIRST, first_seed("test") + _FIRST + count)
    progress = tqdm(seeds, desc="drawing photos", leave=False, disable=None)
    return PhotoPool([_drawn(seed, long_side_px, is_label=has_labels and bool(seed % 2)) for seed in progress])


def _drawn(seed: int, long_side_px: tuple[int, int], *, is_label: bool) -> bytes:
    return (
        label_from_seed(seed).jpeg_bytes()
        if is_label
        else photo_from_seed(seed, long_side_px=long_side_px).jpeg_bytes()
    )


def photos_of_folder(folder: Path) -> PhotoPool:
    """Read all photos in a folder and below it.

    Raises:
        PhotoFolderError: no such folder, or no photos in it.
    """
    if not folder.is_dir():
        raise PhotoFolderError(f"there is no folder {folder}")
    files = photo_files(folder)
    if not files:
        raise PhotoFolderError(f"{folder} holds no photos: files ending in {', '.join(PHOTO_SUFFIXES)} are expected")
    return PhotoPool([_picture(file) for file in files])


def _picture(file: Path) -> bytes:
    try:
        encoded = file.read_bytes()
        Image.open(io.BytesIO(encoded)).close()  # what is broken inside is sent: that may be what is tested
    except OSError as error:  # Pillow's own for what is no picture is one
        raise PhotoFolderError(f"{file} cannot be sent as a photo ({error.strerror or 'no picture'})") from error
    return encoded
