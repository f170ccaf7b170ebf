"""Every relative link of every page leads to a file of the checkout and, where it names a place, to a heading."""

import re
from pathlib import Path

import pytest

from docs.generate.links import is_relative, links_for_site, links_of
from tests.docs.pages import ROOT, anchor, headings, markdown_files

CODE = (
    *("benchmarks", "builders", "checks", "client/src", "deploy", "evaluation", "loadtest", "model_repository"),
    *("serving", "training", "vitrine_steps", "tests"),
)
EXAMPLES = ("answer_filter", "families/mine")
OF_OTHERS = {"docs/operators.md"}  # onnx-tensorrt's
SUFFIXES = {".py", ".lua", ".yaml", ".yml", ".pbtxt", ".j2", ".sh"}


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    broken = []
    for target in links_of(text):
        path, _, place = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        is_here = target.startswith("#") or is_relative(target)
        if is_here and not (file.exists() and (not place or place in places(file))):
            broken.append(target)
    assert not broken, f"{page.relative_to(ROOT)} has links that lead nowhere"


def places(page: Path) -> set[str]:
    return {anchor(heading) for _, heading in headings(page.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[contract](docs/reference/contract.md#colours)", "[contract](../reference/contract.md#colours)"),
        ("a picture ![plot](docs/demo.svg)", "a picture ![plot](../demo.svg)"),
        ("[the gateway](deploy/gateway/envoy.yaml)", "the gateway (`deploy/gateway/envoy.yaml`)"),
        ("[a text\nin two lines](docs/demo.svg)", "[a text\nin two lines](../demo.svg)"),
        ("[LICENSE](LICENSE)", "LICENSE"),
        ("[Triton](https://example.com/a)", "[Triton](https://example.com/a)"),
        ("[below](#known-weaknesses)", "[below](#known-weaknesses)"),
        ("`[no link](docs/demo.svg)`", "`[no link](docs/demo.svg)`"),
        ("```\n[no link](docs/demo.svg)\n```", "```\n[no link](docs/demo.svg)\n```"),
    ],
)
def test_links_of_the_checkout_become_links_of_the_site(markdown: str, expected: str) -> None:
    pages = {"docs/reference/contract.md": "reference/contract.md", "docs/demo.svg": "demo.svg"}
    assert links_for_site(markdown, "SECURITY.md", "explanation/security.md", pages) == expected


def test_every_page_that_code_names_is_there() -> None:
    """Error messages, comments and docstrings send people to pages by their paths in the checkout."""
    files = [file for folder in CODE for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES]
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in re.findall(r"(?<![\w/])docs/[\w./-]+\.md", file.read_text("utf-8"))
        if name not in OF_OTHERS and not (ROOT / name).exists()
    }
    assert not missing


def test_every_file_that_a_page_names_is_there() -> None:
    """Paths in backticks that begin with a folder of the checkout; examples of the how-to pages are left out."""
    folders = "|".join(sorted(folder.name for folder in ROOT.iterdir() if folder.is_dir() and folder.name != "build"))
    pattern = re.compile(rf"`((?:{folders})/[\w./*-]+)`")
    missing = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in markdown_files()
        if not page.is_relative_to(ROOT / "docs" / "adr") and page.name != "CHANGELOG.md"
        for name in pattern.findall(page.read_text("utf-8"))
        if not any(word in name for word in EXAMPLES) and not any(ROOT.glob(name.rstrip("/")))
    }
    assert not missing
