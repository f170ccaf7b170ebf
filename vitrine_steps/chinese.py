"""Which characters are Chinese."""

CHINESE_CLASS = "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
"""Regular expression for one character of Chinese text, its punctuation and full-width forms among them."""
