"""Texts of questions and answers that a database can keep."""

from vitrine_client.errors import InvalidRequestError

_LONGEST = {"question": 2000, "product": 200, "buyer": 200, "shop": 200, "answer": 500, "by": 200}
"""Characters."""


def require_texts(**texts: str | None) -> None:
    """Refuse texts that are too long, or that a database cannot keep.

    Raises:
        InvalidRequestError: says which and why.
    """
    for name, text in texts.items():
        if text is None:
            continue
        if len(text) > _LONGEST[name]:
            raise InvalidRequestError(
                f"the {name} has {len(text):,} characters, but {_LONGEST[name]} at most are expected"
            )
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise InvalidRequestError(f"the {name} holds a null byte, or is no Unicode text")
