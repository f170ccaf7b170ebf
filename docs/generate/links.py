"""Rewrites the links of a page, which hold in the checkout, for the documentation site."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

_CODE_OR_LINK = re.compile(
    r"^[ ]*(?:```|~~~).*?^[ ]*(?:```|~~~)[ ]*$"  # a block of code
    r"|`[^`\n]+`"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)",
    re.DOTALL | re.MULTILINE,
)
_ABSOLUTE = re.compile(r"^[a-z][a-z+.-]*:", re.IGNORECASE)


def links_of(markdown: str) -> list[str]:
    """List the targets of all links and pictures outside code blocks, in their order."""
    targets: list[str] = []

    def keep(link: re.Match[str]) -> str:
        targets.append(link["target"])
        return link[0]

    _each_link(markdown, keep)
    return targets


def is_relative(target: str) -> bool:
    """Tell a path in the checkout from an address and from a place on the same page."""
    return not _ABSOLUTE.match(target) and not target.startswith("#")


def links_for_site(markdown: str, source: str, page: str, pages: Mapping[str, str]) -> str:
    """Point links at pages of the site; a link to a file that is no page becomes the file's path as text.

    Args:
        source: path of the Markdown file in the checkout, such as "SECURITY.md".
        page: path of its page in the site's sources, such as "security.md".
        pages: paths of the site's sources, by their paths in the checkout.
    """

    def rewrite(link: re.Match[str]) -> str:
        if not is_relative(link["target"]):
            return link[0]
        path, hash_sign, place = link["target"].partition("#")
        file = os.path.normpath(PurePosixPath(source).parent / path)
        if file in pages:
            there = os.path.relpath(pages[file], PurePosixPath(page).parent)
            return f"{link['image']}[{link['text']}]({there}{hash_sign}{place})"
        return link["text"] if file in link["text"] else f"{link['text']} (`{file}`)"

    return _each_link(markdown, rewrite)


def _each_link(markdown: str, change: Callable[[re.Match[str]], str]) -> str:
    """Apply `change` to each link that is not in code. A link's text may go on in the next line."""

    def change_link(found: re.Match[str]) -> str:
        return change(found) if found["target"] else found[0]

    return _CODE_OR_LINK.sub(change_link, markdown)
