"""What the site is made of, without building it: `make docs` does."""

import ast
from pathlib import Path

from docs.generate.command_lines import GROUPS, NOT_ON_THE_PAGE
from docs.generate.hooks import PAGES_FROM_ELSEWHERE
from docs.generate.terminal_picture import picture
from tests.docs.pages import ROOT

CONFIG = (ROOT / "mkdocs.yml").read_text("utf-8")
PROGRAMS = (
    *("benchmarks", "builders", "catalogue", "checks", "deploy", "desk", "evaluation", "loadtest"),
    *("serving", "shop", "training"),
    "vitrine_steps",
)


def test_every_page_is_in_the_navigation() -> None:
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    pages |= {page for page in PAGES_FROM_ELSEWHERE.values() if page.endswith(".md")}
    assert {page for page in pages if f" {page}\n" not in CONFIG} == set()


def test_files_from_elsewhere_are_there() -> None:
    assert [name for name in PAGES_FROM_ELSEWHERE if not (ROOT / name).is_file()] == []


def test_every_program_is_on_the_page_of_command_lines_or_has_its_reason() -> None:
    named = {command.module for group in GROUPS for command in group.commands}
    files = [(file, ROOT) for name in PROGRAMS for file in (ROOT / name).rglob("*.py")]
    client = ROOT / "client" / "src"
    files += [(file, client) for file in client.rglob("*.py")]
    found = {module for file, root in files if (module := program(file, root))}
    assert named & set(NOT_ON_THE_PAGE) == set()
    assert named | set(NOT_ON_THE_PAGE) == found


def program(file: Path, root: Path) -> str:
    """The name by which `python -m` runs a file; "" where it is no program."""
    parts = file.relative_to(root).with_suffix("").parts
    if parts[-1] == "__main__":
        return ".".join(parts[:-1])
    ends = [node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.If)]
    return ".".join(parts) if any("__name__" in ast.unparse(node.test) for node in ends) else ""


def test_the_picture_of_the_demo_has_every_word_of_its_output(tmp_path: Path) -> None:
    drawn = picture("Triton is ready\n\n  这是什么？   袜子 <- that\n", tmp_path)
    for word in ("make", "Triton", "这是什么？", "袜子", "&lt;-"):
        assert f">{word}<" in drawn
