"""Files with secret keys: whoever else may read one has the key."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from serving.errors import UsageError
from serving.key_files import require_private
from serving.triton.command import ServerSettings, admin_key_of


@pytest.mark.parametrize(
    ("mode", "is_good"),
    [(0o600, True), (0o400, True), (0o640, False), (0o604, False), (0o620, False), (0o602, False), (0o644, False)],
    ids=oct,
)
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int, is_good: bool) -> None:
    file = tmp_path / "admin.key"
    file.write_text("k" * 64, "utf-8")
    file.chmod(mode)
    with nullcontext() if is_good else pytest.raises(UsageError, match=rf"mode {mode:04o}, .*chmod 600"):
        assert admin_key_of(ServerSettings(tmp_path, admin_key_file=file)) == "k" * 64


def test_roots_key_may_be_lent_to_our_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As container platforms mount secrets."""
    file = tmp_path / "admin.key"
    file.touch()
    file.chmod(0o640)
    monkeypatch.setattr("serving.key_files.os.geteuid", lambda: 1000)
    owner = file.stat().st_uid
    with nullcontext() if owner == 0 else pytest.raises(UsageError):
        require_private(file, "the key")
    file.chmod(0o644)
    with pytest.raises(UsageError):
        require_private(file, "the key")
