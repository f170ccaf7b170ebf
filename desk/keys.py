"""Shops, by the keys that they show: the gateway's own file."""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import yaml

from command_line.errors import UsageError

_EXPECTED = "the gateway's file is expected, with a line `- {client: NAME, key: KEY}` for each shop"
OPEN_SHOP = ""
"""Name of the one shop where no keys are asked for."""


def shops_in(file: Path) -> dict[bytes, str]:
    """Read the shops' names, by the SHA-256 of their keys.

    Raises:
        UsageError: the file cannot be read, or is not as expected.
    """
    try:
        rows = yaml.safe_load(file.read_text("utf-8"))["resources"][0]["typed_config"]["credentials"]
        shops = {_digest(str(row["key"])): str(row["client"]) for row in rows}
    except (OSError, ValueError, KeyError, IndexError, TypeError, yaml.YAMLError) as error:
        raise UsageError(f"--keys: {file} cannot be used ({type(error).__name__}): {_EXPECTED}") from error
    if not shops or not all(shops.values()):
        raise UsageError(f"--keys: {file} has no shop, or one without a name: {_EXPECTED}")
    return shops


def shop_of(shops: Mapping[bytes, str], authorization: str | None) -> str | None:
    """Tell who shows this header; None: nobody who is known."""
    scheme, _, key = (authorization or "").partition(" ")
    shown = _digest(key.strip())
    found = [shop for digest, shop in shops.items() if hmac.compare_digest(digest, shown)]
    return found[0] if found and scheme.lower() == "bearer" else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
