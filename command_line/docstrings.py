"""Docstrings of a dataclass's fields, read from its source: the string below a field, as editors show it."""

import ast
import inspect
import sys
from functools import cache
from pathlib import Path


def field_docstrings(kind: type) -> dict[str, str]:
    """Read what stands below each field of a class and of the classes that it extends.

    Returns:
        By field, on one line. A field without a docstring is missing.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base is not object:
            found |= _of_module(base.__module__).get(base.__name__, {})
    return found


def _of_module(name: str) -> dict[str, dict[str, str]]:
    file: str | None = getattr(sys.modules[name], "__file__", None)
    return _of_file(file) if file else {}  # a session that reads from a terminal has no file


@cache
def _of_file(file: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(Path(file).read_text("utf-8"))
    return {node.name: _of_class(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for statement, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[statement.target.id] = " ".join(inspect.cleandoc(below.value.value).split())
    return found
