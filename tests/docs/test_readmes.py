"""The English and the Chinese README say the same: structure, commands, figures and links."""

import re

from docs.generate.links import links_of
from tests.docs.pages import ROOT, code_blocks, headings

ENGLISH = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh.md").read_text("utf-8")
MOST_FIGURES = 12


def rows(markdown: str) -> list[list[str]]:
    """The cells of each table row."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.split("\n") if line[:2] == "| "]


def figures(markdown: str) -> list[str]:
    """The last cell of each row of the table of figures, which comes first."""
    table = markdown[markdown.index("\n| ") :].split("\n\n")[0]
    return [row[-1] for row in rows(table)[2:]]


def test_they_have_the_same_headings_by_level() -> None:
    assert [level for level, _ in headings(ENGLISH)] == [level for level, _ in headings(CHINESE)]


def test_they_have_the_same_code_and_commands() -> None:
    assert code_blocks(ENGLISH) == code_blocks(CHINESE)


def test_they_have_the_same_tables() -> None:
    assert [len(row) for row in rows(ENGLISH)] == [len(row) for row in rows(CHINESE)]
    names = [[re.findall(r"`[^`]+`", row[0]) for row in rows(text)] for text in (ENGLISH, CHINESE)]
    assert names[0] == names[1]


def test_they_have_the_same_figures_and_not_too_many() -> None:
    assert figures(ENGLISH) == figures(CHINESE)
    assert 0 < len(figures(ENGLISH)) <= MOST_FIGURES


def test_they_lead_to_the_same_pages() -> None:
    assert [target for target in links_of(ENGLISH) if "README" not in target or "client" in target] == [
        target for target in links_of(CHINESE) if "README" not in target or "client" in target
    ]


def test_the_client_s_code_takes_ten_lines() -> None:
    """More than that is no first look. Empty lines do not count."""
    example = next(block for block in code_blocks(ENGLISH) if "VqaClient" in block)
    assert len([line for line in example.split("\n") if line.strip()]) <= 10


def test_every_folder_is_in_the_map() -> None:
    hidden = {"build"}
    folders = {folder.name for folder in ROOT.iterdir() if folder.is_dir() and folder.name[0] not in "._"} - hidden
    folders = {name for name in folders if not name.endswith(".egg-info")}
    for text in (ENGLISH, CHINESE):
        assert {name for name in folders if f"`{name}/`" not in text} == set()
