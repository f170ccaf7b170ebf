"""TCP ports: free ones, and a clear word when one is taken."""

import socket

from serving.errors import ServingError


def resolved_port(host: str, port: int, option: str) -> int:
    """`port` if it is free on `host`, or any free one for 0.

    Raises:
        ServingError: the port is taken or impossible, or the host is not this machine's.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            raise ServingError(
                f"cannot listen on {host}:{port} ({error}): stop the program that uses it, or choose another port, "
                f"0 to 65535, with {option} (0 takes any free one); a host is an IPv4 address of this machine"
            ) from error
        return int(listener.getsockname()[1])
