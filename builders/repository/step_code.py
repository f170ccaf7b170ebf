"""Finds the modules of `vitrine_steps` that a Python model needs, directly or through others."""

import ast
from pathlib import Path

PACKAGE = "vitrine_steps"
SOURCE = Path(__file__).parents[2] / PACKAGE


def modules_needed(adapter: Path) -> list[Path]:
    """Find what a model's code needs of `vitrine_steps`: what it imports, or names as a program to start.

    Args:
        adapter: a Python file, such as a `model.py`.

    Returns:
        Files of the package, sorted, as paths relative to `SOURCE`.
    """
    needed: set[Path] = set()
    waiting = [adapter]
    while waiting:
        found = {file for name in _names_in(waiting.pop()) for file in _files_of(name)} - needed
        needed |= found
        waiting += [SOURCE / file for file in found]
    return sorted(needed)


def _names_in(file: Path) -> set[str]:
    """Full names of modules, and of what may be one: `a.b` and `a.b.c` for `from a.b import c`, or the text "a.b"."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return {name for name in names if name.startswith(f"{PACKAGE}.")}


def _files_of(name: str) -> list[Path]:
    """A module's file and its packages' `__init__.py`; none where `name` is no module."""
    parts = name.split(".")[1:]
    file = Path(*parts, "__init__.py") if (SOURCE / Path(*parts)).is_dir() else Path(*parts).with_suffix(".py")
    if not (SOURCE / file).is_file():
        return []
    return [*(Path(*parts[:depth], "__init__.py") for depth in range(len(parts))), file]
