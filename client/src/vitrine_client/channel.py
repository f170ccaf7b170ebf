"""Address, encryption and keys of a server, and what gRPC itself does about faults."""

import json
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from vitrine_client.affinity import LOAD_BALANCING
from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import quote, short_name

_MAX_MESSAGE_BYTES = 64 * 2**20
_PORTS = 65_536
_HOSTS = {"ipv4": r"[0-9.]+", "ipv6": r"\[[0-9a-fA-F:.]+(?:%[A-Za-z0-9._-]+)?\]"}
_SCHEMES = ("dns", "unix", "unix-abstract", "vsock", "xds")
"""That gRPC knows besides; see its "Name Resolution"."""
_SERVICE_CONFIG: dict[str, Any] = {"loadBalancingConfig": [LOAD_BALANCING]}
CHANNEL_ARGS: list[tuple[str, Any]] = [  # tritonclient's own defaults fall away when some are given: all are here
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    # Its retries end after five attempts, whatever the deadline: ours are in `retries.py`.
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that is back, or has moved to another address, is found within seconds, not minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
]


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of an encrypted connection."""

    authority: str
    """Certificate of the authority that signed the server's."""
    certificate: str | None = None
    """Our own, where the server asks for one; with `key`."""
    key: str | None = None


def names_several(url: str) -> bool:
    """Tell whether an address may stand for several servers."""
    return "," in url or url.startswith("dns:")


def credentials_from_tls(tls: TlsFiles) -> grpc.ChannelCredentials:
    """
    Raises:
        InvalidRequestError: a file cannot be read any more; call `require_tls` first.
    """
    try:
        read = [None if file is None else Path(file).read_bytes() for file in (tls.authority, tls.key, tls.certificate)]
    except OSError as error:
        raise InvalidRequestError(f"TLS: cannot read a file ({error.strerror})") from error
    return grpc.ssl_channel_credentials(*read)


def tls_arguments(tls: TlsFiles | None) -> dict[str, Any]:
    """Make the arguments of tritonclient's own clients; {} for plain text."""
    require_tls(tls)
    if tls is None:
        return {}
    return {
        "ssl": True,
        "root_certificates": tls.authority,
        "certificate_chain": tls.certificate,
        "private_key": tls.key,
    }


def require_tls(tls: TlsFiles | None) -> None:
    """
    Raises:
        InvalidRequestError: files that are missing, no PEM, or do not go together.
    """
    if tls is None:
        return
    if not isinstance(tls, TlsFiles):
        raise InvalidRequestError(f"tls is TlsFiles(AUTHORITY) or None, but {quote(tls)} came")
    if tls.authority is None:
        raise InvalidRequestError("TLS: name the certificate of the authority that signed the server's, but None came")
    for file in (tls.authority, tls.certificate, tls.key):
        if file is not None and not os.path.isfile(file):  # noqa: PTH113  Path raises for a name that is too long
            raise InvalidRequestError(f"TLS: there is no file {short_name(file)}")
    if (tls.certificate is None) != (tls.key is None):
        raise InvalidRequestError("TLS: a certificate and its key go together, but only one of them came")
    _require_pem(tls)


def _require_pem(tls: TlsFiles) -> None:
    """gRPC says only that nothing can be reached, whatever is wrong with a file."""
    files = short_name(tls.authority)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # how strong keys have to be is for gRPC to say
        context.load_verify_locations(tls.authority)
        if tls.certificate and tls.key:
            files = f"{short_name(tls.certificate)} and {short_name(tls.key)}"
            context.load_cert_chain(tls.certificate, tls.key, password="")  # so that it asks for none
    except OSError as error:
        raise InvalidRequestError(
            f"TLS: cannot use {files} ({error.strerror or type(error).__name__}): PEM files are expected, and a key "
            "without a password that fits its certificate"
        ) from error


def _is_host_and_port(address: str, host: str) -> bool:
    found = re.fullmatch(rf"(?:{host}):([0-9]{{1,5}})", address)
    return bool(found and 0 < int(found[1]) < _PORTS)


def require_address(url: str) -> str:
    if not isinstance(url, str):
        raise InvalidRequestError(f"a gRPC address is text, host:port, but {quote(url)} came")
    if url.startswith(("http://", "https://", "grpc://")):
        raise InvalidRequestError(f"a gRPC address is host:port, without a scheme, but {quote(url)} came")
    if "," in url and not url.startswith(("ipv4:", "ipv6:")):
        raise InvalidRequestError(f"several addresses are ipv4:HOST:PORT,HOST:PORT with numbers, but {quote(url)} came")
    scheme, _, rest = url.partition(":")
    if scheme in _HOSTS:
        are_good = all(_is_host_and_port(address, _HOSTS[scheme]) for address in rest.split(","))
    else:  # what other schemes expect is for gRPC to say
        are_good = (scheme in _SCHEMES and rest.strip("/") != "") or _is_host_and_port(
            url, rf"[A-Za-z0-9._-]+|{_HOSTS['ipv6']}"
        )
    if not are_good:
        raise InvalidRequestError(
            f"a gRPC address is host:port, with a port of 1 to {_PORTS - 1}, but {quote(url)} came"
        )
    return url


def key_headers(api_key: str | None, tls: TlsFiles | None) -> dict[str, str]:
    """Metadata that a gateway asks for. A key never travels in plain text."""
    if api_key is None:
        return {}
    if tls is None:
        raise InvalidRequestError(
            "an API key travels encrypted only: name the authority that signed the server's certificate "
            "(tls=TlsFiles(...), --tls-ca)"
        )
    if not api_key:
        raise InvalidRequestError("the API key is empty")
    if not api_key.isascii() or not api_key.isprintable() or not api_key.strip():
        raise InvalidRequestError("an API key is printable ASCII without line ends: strip what a file adds to it")
    return {"authorization": f"Bearer {api_key}"}


def admin_headers(key: str | None) -> dict[str, str] | None:
    """Metadata that opens a server's administration, where its key is known."""
    return None if key is None else {"triton-grpc-protocol-admin-key": key}
