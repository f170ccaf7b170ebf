"""What tests ask of the repository's Markdown files."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = {".venv", "build", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules"}


def markdown_files() -> list[Path]:
    """All Markdown files of the checkout, without what was installed or built."""
    return sorted(file for file in ROOT.rglob("*.md") if not _NOT_OURS & set(file.relative_to(ROOT).parts))


def headings(markdown: str) -> list[tuple[int, str]]:
    """The level and the text of each heading outside code blocks."""
    return [(len(found[1]), found[2].strip()) for found in re.finditer(r"(?m)^(#{1,6}) (.+)$", without_code(markdown))]


def code_blocks(markdown: str) -> list[str]:
    """The text of each fenced code block."""
    return re.findall(r"(?ms)^```[^\n]*\n(.*?)^```", markdown)


def without_code(markdown: str) -> str:
    """The text with its fenced code blocks taken out."""
    return re.sub(r"(?ms)^[ ]*```.*?^[ ]*```[ ]*$", "", markdown)


def anchor(heading: str) -> str:
    """The place of a heading, as GitHub and the site write it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
