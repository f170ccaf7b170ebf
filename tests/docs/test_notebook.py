"""The notebook, as people run it: from labelled questions to a release; and that release takes over from another."""

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.exchange import exchanged

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "how-to" / "teach-it-your-shop.ipynb"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("teach")


@pytest.fixture(scope="module")
def shown(work: Path, repository: Path) -> str:
    """What the cells print. Needs `build/vitrine-small`, as the notebook does."""
    assert repository.samefile(ROOT / "build" / "vitrine-small")
    scope: dict[str, Any] = {}
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.chdir(ROOT)
        for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]).replace("build/teach", str(work)), scope)  # noqa: S102
    return output.getvalue()


@pytest.mark.timeout(1500)
def test_it_runs_to_a_release_that_answers(shown: str, work: Path) -> None:
    assert "words that the checkpoint does not know" in shown
    assert (work / "release" / "release.html").is_file(), shown
    findings = json.loads((work / "release" / "release.json").read_text("utf-8"))["findings"]
    whats = " ".join(finding["what"] for finding in findings)
    for expected in ("shop questions, all", "general questions, all", "never_say", "changed by skin tone of a hand"):
        assert expected in whats
    assert "是什么质感？  " in shown


@pytest.mark.timeout(600)
def test_it_takes_over_from_another_release_and_no_call_fails(
    shown: str, work: Path, repository: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    shutil.copytree(work / "release" / "repository", new)
    _, outcomes, _ = exchanged(repository, new, tmp_path)
    assert not [outcome for outcome in outcomes if outcome.error]
    names = {json.loads((of / "manifest.json").read_text("utf-8"))["release"] for of in (repository, new)}
    assert {outcome.release for outcome in outcomes} == names
