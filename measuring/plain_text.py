"""What counts as the same text."""

import unicodedata


def plain(text: str) -> str:
    """Leave out spaces, and bring letters and signs to one width: how wide a colon is, no photo shows reliably."""
    return "".join(unicodedata.normalize("NFKC", text).split())
