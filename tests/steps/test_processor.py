"""Whether INT8 sums may overflow is read off the processor's own list of what it can do."""

from pathlib import Path

import pytest

from vitrine_steps.processor import has_vnni


@pytest.mark.parametrize(
    ("flags", "found"),
    [("flags : fpu avx512_vnni avx2", True), ("flags : avx_vnni", True), ("flags : fpu avx2", False)],
)
def test_vnni_is_among_the_flags(tmp_path: Path, flags: str, found: bool) -> None:
    (tmp_path / "cpuinfo").write_text(flags)
    assert has_vnni(tmp_path / "cpuinfo") is found


def test_a_system_that_does_not_say_is_taken_to_have_it(tmp_path: Path) -> None:
    assert has_vnni(tmp_path / "none")
