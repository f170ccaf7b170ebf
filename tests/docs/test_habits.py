"""The hooks of a commit find what they are for, and the checkout passes those that read text."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT

HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
PROGRAMS = [hook for hook in HOOKS if hook["language"] == "system"]
PATTERNS = [hook for hook in HOOKS if hook["language"] == "pygrep"]
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".pbtxt", ".lua", ".sh", ".j2", ".txt", ".pyi"}


def tracked() -> list[Path]:
    """The text files of the checkout; skips where it is no clone."""
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("the checkout is no git repository, which knows its own files")
    return [ROOT / name for name in found.stdout.split("\0") if Path(name).suffix in TEXT and (ROOT / name).is_file()]


@pytest.mark.parametrize("hook", PROGRAMS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_tool_of_the_environment(hook: dict[str, Any]) -> None:
    program = hook["entry"].split()[0]
    assert program.startswith(".venv/bin/")
    assert (ROOT / program).exists()


@pytest.mark.parametrize("hook", PATTERNS, ids=lambda hook: hook["id"])
def test_no_text_file_of_the_checkout_is_refused_by_a_hook(hook: dict[str, Any]) -> None:
    pattern = re.compile(hook["entry"], 0 if "--multiline" in hook.get("args", ()) else re.MULTILINE)
    refused = [file.relative_to(ROOT) for file in tracked() if pattern.search(file.read_text("utf-8"))]
    assert not refused


@pytest.mark.parametrize(("text", "hook"), [("no newline", "end-of-file"), ("a space \nhere\n", "trailing-space")])
def test_a_hook_refuses_what_it_is_for(text: str, hook: str) -> None:
    found = next(one for one in PATTERNS if one["id"] == hook)
    assert re.search(found["entry"], text, 0 if "--multiline" in found.get("args", ()) else re.MULTILINE)
