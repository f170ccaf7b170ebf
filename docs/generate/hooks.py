"""Hooks of mkdocs: pages that live outside `docs/`, links into the checkout, the command lines' help."""

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

from docs.generate.command_lines import command_lines_page  # noqa: E402
from docs.generate.links import links_for_site  # noqa: E402

PAGES_FROM_ELSEWHERE = {
    "README.md": "index.md",
    "README.zh.md": "index.zh.md",
    "SECURITY.md": "explanation/security.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "RELEASING.md": "project/releasing.md",
    "CHANGELOG.md": "project/changelog.md",
    "client/README.md": "how-to/ask-from-a-service.md",
    "checkpoints/vitrine-small/README.md": "explanation/bundled-checkpoint.md",
    "checkpoints/vitrine-small/training.png": "explanation/training.png",
}
"""Files that stay where people look for them in a checkout, and their places on the site."""

_COMMAND_LINES = "<!-- the help of every command -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that live outside `docs/`."""
    for source, page in PAGES_FROM_ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite links, and fill in the command lines' help.

    Raises:
        CommandLineError: a command does not print its help.
    """
    pages = {_source_of(file): file.src_uri for file in files if file.abs_src_path}
    markdown = links_for_site(markdown, _source_of(page.file), page.file.src_uri, pages)
    if _COMMAND_LINES in markdown:
        markdown = markdown.replace(_COMMAND_LINES, command_lines_page())
    return markdown


def _source_of(file: File) -> str:
    """Path in the checkout of a file of the site; its own path where it comes from a theme."""
    path = Path(file.abs_src_path or file.src_uri)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
