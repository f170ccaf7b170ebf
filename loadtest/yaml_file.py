"""YAML files of named values, of which errors say in which line they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


class YamlFileError(ValueError):
    """The file is not what is expected; the message names it, the line, what came and what is expected."""


def read_values(file: Path, known: list[str], *, what: str, expected: str) -> Iterator[tuple[str, int, Any]]:
    """Read the lines `name: value` of a file, each name once.

    Args:
        known: the names that there are.
        what: how messages call a name, such as "field".
        expected: what messages say of a file that holds no such lines.

    Yields:
        The name, the number of its line, from 1, and the value as YAML reads it.

    Raises:
        YamlFileError: no such file, no YAML, an unknown name, or one that comes twice.
    """
    root = _mapping_of(file, expected)
    there_are = f"there are {', '.join(known)}"
    lines: dict[str, int] = {}
    for key, node in root.value:
        number = key.start_mark.line + 1
        where = f"{file.name}, line {number}"
        if not isinstance(key, yaml.ScalarNode):
            raise YamlFileError(f"{where}: a list or a mapping came, but a name is expected; {there_are}")
        if key.value not in known:
            raise YamlFileError(f"{where}: there is no {what} {key.value!r}; {there_are}")
        if key.value in lines:
            raise YamlFileError(f"{where}: {key.value} came in line {lines[key.value]} already")
        lines[key.value] = number
        yield key.value, number, yaml.SafeLoader("").construct_object(node, deep=True)


def _mapping_of(file: Path, expected: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise YamlFileError(f"cannot read {file}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise YamlFileError(f"{file.name}{line}: not YAML ({getattr(error, 'problem', None) or error})") from error
    if not isinstance(root, yaml.MappingNode):
        raise YamlFileError(f"{file.name}: {expected}")
    return root
