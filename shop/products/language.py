"""Language of a text."""

import re

from shop.products.product import Language

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def language_of(text: str) -> Language:
    """Return "zh" where there is a Chinese character in a text."""
    return "zh" if _CHINESE.search(text) else "en"
