"""Packages that only some calls need."""

from importlib import import_module
from typing import Any

from vitrine_client.errors import InvalidRequestError


def package(name: str, extra: str) -> Any:
    """Import a package of one of the client's extras.

    Raises:
        InvalidRequestError: it is not installed; says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InvalidRequestError(
            f"this needs the package {name.partition('.')[0]}: pip install 'vitrine-client[{extra}]' (Python 3.11 or "
            "newer)"
        ) from error
