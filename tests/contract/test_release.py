"""The container's Triton needs no door of its own; the embedded one does, and has it."""

import re
from pathlib import Path

from builders.tensorrt.ngc import MENDED_IN, NGC_RELEASE, TRITON_IMAGE
from serving.triton.command import ServerSettings
from serving.triton.installation import TRITON_VERSION

ROOT = Path(__file__).parents[2]


def number(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def test_the_containers_release_is_past_the_faults_that_end_triton() -> None:
    late = {pull: release for pull, release in MENDED_IN.items() if number(release) > number(NGC_RELEASE)}
    assert not late, f"a single request ends Triton {NGC_RELEASE}, which no door protects"
    assert f"FROM {TRITON_IMAGE}\n" in (ROOT / "deploy" / "Dockerfile.triton").read_text("utf-8")


def test_the_embedded_one_has_a_door() -> None:
    assert number(TRITON_VERSION) < (2, 59), "past 25.07: look whether the door is still needed"
    assert ServerSettings(Path()).door


def test_users_are_told_of_each_fault() -> None:
    told = set(re.findall(r"server#\d+", (ROOT / "SECURITY.md").read_text("utf-8")))
    assert set(MENDED_IN) <= told
