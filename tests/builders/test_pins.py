"""Names of checkpoints that are no folders: what is said of each."""

import pytest

from builders.checkpoint.pins import require_pinned
from builders.errors import UsageError

COMMIT, DIGEST = "0" * 40, "0" * 64


@pytest.mark.parametrize(
    ("name", "revision", "sha256", "words"),
    [
        ("nope", None, [], "there is no folder nope; a checkpoint on the hub is named OWNER/NAME"),
        ("nope", COMMIT, [DIGEST], "there is no folder nope; a checkpoint on the hub is named OWNER/NAME"),
        ("/no/such", None, [], "there is no folder /no/such; a checkpoint on the hub is named OWNER/NAME"),
        ("./no", None, [], "there is no folder ./no; a checkpoint on the hub is named OWNER/NAME"),
        ("owner/name", None, [], "there is no folder owner/name; if the hub's checkpoint of that name is meant, name"),
        (
            "owner/name",
            "main",
            [DIGEST],
            "with --revision (40 hexadecimal digits, on the hub's page of its files), but",
        ),
        ("owner/name", COMMIT, [], "say with --sha256 what its weights are"),
    ],
)
def test_what_is_not_pinned_is_refused(name: str, revision: str | None, sha256: list[str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_pinned(name, revision, sha256)
    assert words in str(caught.value)


def test_a_commit_and_the_weights_digest_pin_a_checkpoint() -> None:
    require_pinned("owner/name", COMMIT, [DIGEST])
