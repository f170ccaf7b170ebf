"""TCP ports: free ones, and a clear word when one is taken."""

import errno
import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack

from serving.errors import ServingError, UsageError

_FREE_PORTS = range(20_000, 32_768)
"""Ports that Linux gives to no outgoing connection, which could take a free one before its server listens there."""
_TRIES = 100


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    return resolve_ports("127.0.0.1", {"port": 0})["port"]


def ipv4_address(host: str) -> str:
    """Resolve the host to IPv4: given a name, Triton binds HTTP and metrics to the wrong address.

    Raises:
        UsageError: there is no such name.
    """
    try:
        if not host:
            raise ValueError("it is empty")
        return socket.gethostbyname(host)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--host: an IPv4 address of this machine or its name is expected, but {host!r} came ({error})"
        ) from error


def resolve_ports(host: str, ports: Mapping[str, int]) -> dict[str, int]:
    """Return the ports by their names, if they are free on `host` and no two alike; any free one for 0.

    Args:
        ports: by name, such as "grpc_port"; the option is --grpc-port.

    Raises:
        ServingError: a port is taken, or may not be listened on.
        UsageError: a port is impossible, or the host is not this machine's.
    """
    with ExitStack() as listening:  # all at once, so that none is taken twice
        return {
            name: _hold_port(listening, host, port, name) if port else _hold_free_port(listening, host, name)
            for name, port in ports.items()
        }


def _hold_free_port(listening: ExitStack, host: str, name: str) -> int:
    """Hold a free port of `_FREE_PORTS`; any free one where those that were tried are taken."""
    for port in random.sample(_FREE_PORTS, _TRIES):
        try:
            return _hold_port(listening, host, port, name)
        except UsageError:
            raise
        except ServingError:
            continue
    return _hold_port(listening, host, 0, name)


def _hold_port(listening: ExitStack, host: str, port: int, name: str) -> int:
    listener = listening.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        raise _port_error(error, host, port, f"--{name.replace('_', '-')}") from error
    return int(listener.getsockname()[1])


def _port_error(error: OSError | OverflowError, host: str, port: int, option: str) -> ServingError:
    if isinstance(error, OverflowError):
        return UsageError(f"{option}: {port} is no port: 0 to 65535 is expected (0 takes any free one)")
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"{option}: {host} is no address of this machine")
    cannot = f"{option}: cannot listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return ServingError(f"{cannot}, where another program does: stop it, or choose another port (0: any free one)")
    if error.errno == errno.EACCES:
        return ServingError(f"{cannot}, which is for administrators: choose a port from 1024 on (0: any free one)")
    return ServingError(f"{cannot} ({error})")
