"""Settings of a client: the argument, else the environment, else the default."""

import os
from typing import Any

from vitrine_client.channel import TlsFiles, key_headers, require_address, require_tls
from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import quote
from vitrine_client.timeouts import require_timeout

DEFAULT_URL = "localhost:8001"
DEFAULT_TIMEOUT_S = 10.0


def timeout_setting(timeout_s: float | None) -> float:
    """Return the deadline of calls that name none, in seconds.

    Raises:
        InvalidRequestError: it is no time that can be waited, or VITRINE_TIMEOUT_S is none.
    """
    if timeout_s is not None:
        return require_timeout(timeout_s)
    text = os.environ.get("VITRINE_TIMEOUT_S")
    if not text:
        return DEFAULT_TIMEOUT_S
    try:
        seconds = float(text)
    except ValueError:
        raise InvalidRequestError(
            f"VITRINE_TIMEOUT_S is a number of seconds, such as 15, but {quote(text)} came"
        ) from None
    try:
        return require_timeout(seconds)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"VITRINE_TIMEOUT_S: {error.message}") from None


def connection_settings(
    url: str | None, tls: TlsFiles | None, api_key: str | None, *, has_api_key: bool = True
) -> dict[str, Any]:
    """Resolve the arguments of a `GrpcTransport`.

    Args:
        has_api_key: whether VITRINE_API_KEY counts; a server's own port asks for none. Nor does it where `url` is given
            without `tls`.

    Raises:
        InvalidRequestError: one that cannot be.
    """
    # A server that the caller names and that speaks plain text asks for no key, and is told none.
    has_api_key = has_api_key and (url is None or tls is not None)
    if url is None and (url := os.environ.get("VITRINE_URL")):
        _require(lambda: require_address(url), "VITRINE_URL")
    if has_api_key and api_key is None and (api_key := os.environ.get("VITRINE_API_KEY") or None):
        _require(lambda: key_headers(api_key, tls), "VITRINE_API_KEY")
    url = url or DEFAULT_URL
    require_address(url)
    require_tls(tls)
    key_headers(api_key, tls)
    return {"url": url, "tls": tls, "api_key": api_key}


def _require(check: Any, name: str) -> None:
    try:
        check()
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{name}: {error.message}") from None
