"""The decisions have one form, and their index is what they say."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

FOLDER = ROOT / "docs" / "adr"
PAGES = sorted(FOLDER.glob("0*.md"))
STATUS = re.compile(r"Status: ((?:accepted|proposed)|superseded by \[\d+\]\(\d{4}-[\w.-]+\.md\))")


def test_their_numbers_have_no_gap() -> None:
    assert [int(page.name[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_each_has_a_heading_with_its_number_a_status_and_a_row_in_the_index(page: Path) -> None:
    heading, empty, status, *_ = page.read_text("utf-8").split("\n")
    number, title = heading.removeprefix("# ").split(". ", 1)
    assert int(number) == int(page.name[:4])
    assert not empty
    found = STATUS.match(status)
    assert found, f"{status!r} came, but `Status: accepted`, `proposed` or `superseded by [N](…)` is expected"
    assert f"| {number} | [{title}]({page.name}) | {found[1]} |" in (FOLDER / "index.md").read_text("utf-8")
