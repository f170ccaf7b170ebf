"""Names of checkpoints that are no folders: what is said of each."""

import pytest

from builders.checkpoint.pins import Pins, require_hub_name
from builders.errors import UsageError

COMMIT, DIGEST = "0" * 40, "0" * 64


@pytest.mark.parametrize(
    ("name", "pins", "words"),
    [
        ("nope", Pins(), "there is no folder nope; a checkpoint on the hub is named OWNER/NAME"),
        ("nope", Pins(COMMIT, (DIGEST,)), "there is no folder nope; a checkpoint on the hub is named OWNER/NAME"),
        ("/no/such", Pins(), "there is no folder /no/such; a checkpoint on the hub is named OWNER/NAME"),
        ("./no", Pins(), "there is no folder ./no; a checkpoint on the hub is named OWNER/NAME"),
        ("owner/name", Pins("main", (DIGEST,)), "--revision 'main' came for owner/name, but a commit is expected: 40"),
        ("owner/name", Pins("v1.0"), "but a commit is expected"),
        ("owner/name", Pins("abc123"), "but a commit is expected"),
        ("owner/name", Pins(lock=None), "name its commit with --revision, and its weights' SHA-256 with --sha256"),
        ("owner/name", Pins(COMMIT, lock=None), "and its weights' SHA-256 with --sha256"),
    ],
)
def test_what_is_no_name_or_not_pinned_is_refused(name: str, pins: Pins, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_hub_name(name, pins)
    assert words in str(caught.value)


@pytest.mark.parametrize("pins", [Pins(), Pins(COMMIT), Pins(COMMIT, (DIGEST,), lock=None)])
def test_a_lock_file_or_a_commit_and_the_weights_digest_pin_a_checkpoint(pins: Pins) -> None:
    require_hub_name("owner/name", pins)
