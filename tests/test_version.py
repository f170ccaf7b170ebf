"""One version: pip reads it in two files and Compose in a third, and all say the same."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import vitrine_client
import yaml

ROOT = Path(__file__).parents[1]


def test_every_file_says_the_same_version() -> None:
    said = {
        file: tomllib.loads((ROOT / file).read_text())["project"]["version"]
        for file in ("pyproject.toml", "client/pyproject.toml")
    }
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["loadtest"]["image"]
    said["docker-compose.yml"] = image.rpartition(":")[2]
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest, "the changelog begins with a version"
    said["CHANGELOG.md"] = newest[1]
    assert len(set(said.values())) == 1, said


def test_the_client_says_what_is_installed() -> None:
    assert vitrine_client.__version__ == version("vitrine-client")
