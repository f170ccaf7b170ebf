"""No product module escapes the type checker."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["files"]
PRODUCT = sorted(set(CHECKED) - {"tests"})
NOT_OURS = {"build", "site"}
ADAPTERS = sorted((ROOT / "model_repository").glob("*/1/model.py"))
WRONG = "\n_PLANTED: int = 'not a number'\n"


def modules_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.py") if file.name != "__init__.py")


def test_every_folder_of_code_is_checked() -> None:
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name not in NOT_OURS]
    files = {file for folder in folders if folder.name[0] != "." for file in folder.rglob("*.py")}
    checked = {file for folder in CHECKED for file in (ROOT / folder).rglob("*.py")}
    assert files - checked - set(ADAPTERS) == set()


@pytest.mark.parametrize("file", ADAPTERS, ids=lambda file: file.parts[-3])
def test_a_model_of_triton_is_one_import_of_a_checked_module(file: Path) -> None:
    name = file.parts[-3]
    docstring, imported, exported = ast.parse(file.read_text("utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(imported) == f"from vitrine_steps.models.{name} import TritonPythonModel"
    assert ast.unparse(exported) == "__all__ = ['TritonPythonModel']"
    assert (ROOT / "vitrine_steps" / "models" / f"{name}.py").exists()


@pytest.mark.night
@pytest.mark.timeout(900)
def test_a_wrong_type_in_any_product_module_is_found(tmp_path: Path) -> None:
    for folder in [*PRODUCT, "typings"]:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = {file for folder in PRODUCT for file in modules_in(tmp_path / folder)}
    assert len(planted) > 200
    for file in planted:
        with file.open("a", encoding="utf-8") as module:
            module.write(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-color-output", *PRODUCT],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    found = {line.partition(":")[0] for line in done.stdout.splitlines() if "[assignment]" in line}
    assert found == {str(file.relative_to(tmp_path)) for file in planted}
