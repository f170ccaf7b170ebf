"""What is installed is what is locked; a vulnerability fails, and silence is not taken for health."""

import json
import re
from pathlib import Path

import pytest

from deploy.supply.audit import pins, verdict
from deploy.supply.lock import packages
from deploy.supply.sbom import cleaned

ROOT = Path(__file__).parents[3]
SUPPLY = ROOT / "deploy" / "supply"
LOCKS = sorted(SUPPLY.glob("*.lock"))


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_hashes_and_no_address_of_a_registry(lock: Path) -> None:
    text = lock.read_text("utf-8")
    found = packages(text)
    assert found
    assert all("--hash=sha256:" in package for package in found)
    assert "".join(found) == text.partition("\n")[2]
    assert not re.search(r"https?://|file:|--index|--find-links", text)


def test_the_locks_are_of_the_versions_that_were_tested() -> None:
    tested = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if "==" in line
    )
    installed = ("requirements.lock", "torch-cpu.lock", "tensorrt-rtx.lock", "bulk-engines.lock")
    locked = dict(pin.split("==") for pin in pins([SUPPLY / name for name in installed]))
    assert {normalised(name): version for name, version in locked.items()} == {
        normalised(name): version for name, version in tested.items()
    }


def test_a_known_vulnerability_fails() -> None:
    hole = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}
    status, said = verdict([{"name": "a", "version": "1", "vulns": [hole]}, {"name": "b", "skip_reason": "?"}])
    assert status == 1
    assert said == ["a 1: PYSEC-1, CVE-1; fixed in 2"]


def test_a_service_that_knows_nothing_is_not_taken_for_good_news() -> None:
    status, said = verdict([{"name": "a", "skip_reason": "not found"}])
    assert status == 0
    assert "NOT CHECKED" in said[0]
    assert (
        "does not know a"
        in verdict([{"name": "a", "skip_reason": "?"}, {"name": "b", "version": "1", "vulns": []}])[1][0]
    )


def test_a_clean_list_of_parts_tells_nothing_of_a_machine() -> None:
    part = {"bom-ref": "BomRef.1", "name": "x", "version": "2", "externalReferences": [{"url": "file:///home/me"}]}
    sbom = {"components": [part], "dependencies": [{"ref": "BomRef.1", "dependsOn": ["BomRef.1"]}]}
    found = json.loads(cleaned(json.dumps(sbom)))
    assert found["components"] == [{"bom-ref": "x==2", "name": "x", "version": "2"}]
    assert found["dependencies"] == [{"ref": "x==2", "dependsOn": ["x==2"]}]


def test_licences_are_a_list_of_the_permissive_ones() -> None:
    known = (SUPPLY / "licences.txt").read_text("utf-8").split("\n")
    assert any("MIT" in name for name in known)
    assert not [name for name in known if re.search(r"\b(A?GPL|LGPL)\b", name)]
