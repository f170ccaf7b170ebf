"""The version stands in four places, and is one."""

import re
import tomllib

import yaml

from tests.docs.pages import ROOT


def test_the_version_is_the_same_everywhere() -> None:
    server = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    client = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    image = compose["services"]["loadtest"]["image"].rpartition(":")[2]
    released = re.findall(r"(?m)^## (\d+\.\d+\.\d+) \(\d{4}-\d{2}-\d{2}\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert {server, client, image, released[0]} == {server}


def test_the_changelog_sorts_changes_by_their_kind() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"(?m)^## (.+)$", text)[0] == "Unreleased"
    assert set(re.findall(r"(?m)^### (.+)$", text)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }
