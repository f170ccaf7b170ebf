"""The contract's version: whether client and server mean the same by the tensors that they exchange."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from vitrine_client.errors import ContractMismatchError, InvalidRequestError

CONTRACT_VERSION = 1
"""Version of the contract that this client speaks; see docs/reference/contract.md."""
ENSEMBLE = "vqa"
"""The model whose config carries the server's version, for all that clients call."""
READING = "photo_reading"
"""The model that reads text and codes; builds may leave it out."""
_PARAMETER = "contract_version"
_QUESTION_PREFIX = re.compile(r"question (\d+) of \d+: ")
CHECK_TIMEOUT_S = 1.0
"""Seconds that a call which was refused waits for the server's version."""
_CHECK_EVERY_S = 60.0


def version_from_parameters(parameters: Mapping[str, Any]) -> int | None:
    """Read the version from the parameters of the config of `vqa`.

    Returns:
        0 where there is none: the server is older than versions are. None: it is no number.
    """
    if _PARAMETER not in parameters:
        return 0
    text = str(parameters[_PARAMETER].string_value)
    return int(text) if text.isdecimal() else None


def contract_problem(server_version: int | None) -> str:
    """Say which side is older and what to do; "" where the versions are equal, or the server's is unknown."""
    if server_version is None or server_version == CONTRACT_VERSION:
        return ""
    versions = f"the server speaks version {server_version} of the contract, this client version {CONTRACT_VERSION}"
    if server_version < CONTRACT_VERSION:
        return f"{versions}: the server is older, so build its repository again with today's builders and serve that"
    return f"{versions}: the client is older, so upgrade vitrine-client"


def question_prefix(number: int, count: int) -> str:
    """Write how a refusal of question `number`, from 1, of `count` questions begins; "" where there is only one.

    Part of the contract, because Triton's errors have a code and a message, and no tensor for the number.
    """
    return f"question {number} of {count}: " if count > 1 else ""


def split_question_prefix(message: str) -> tuple[int | None, str]:
    """Split a refusal into the number of the question that it is about and the rest; None: it names no question."""
    found = _QUESTION_PREFIX.match(message)
    return (int(found[1]), message[found.end() :]) if found else (None, message)


class ContractCheck:
    """Tells a refusal that a server of another version gave from one that is the caller's fault.

    The server's version is asked for at most once a minute; two threads at once may both ask.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock()

    def is_due(self, error: InvalidRequestError) -> bool:
        """Decide whether the version is to be asked for: the server refused, and it was not asked of late."""
        now_s = self._clock()
        if error.code != "INVALID_ARGUMENT" or now_s < self._next_s:
            return False
        self._next_s = now_s + _CHECK_EVERY_S
        return True

    def require_same(self, server_version: int | None, error: InvalidRequestError) -> None:
        """
        Args:
            server_version: what the server said; None: nothing.
            error: its refusal of a call.

        Raises:
            ContractMismatchError: the versions differ.
        """
        if problem := contract_problem(server_version):
            self._next_s = self._clock()  # the next refusal is to say the same
            raise ContractMismatchError(
                f"{problem} (it refused: {error.message})",
                code=error.code,
                model=error.model,
                request_id=error.request_id,
            ) from error
