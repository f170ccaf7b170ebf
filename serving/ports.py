"""TCP ports: free ones, and a clear word when one is taken."""

import socket

from serving.errors import ServingError


def resolved_port(host: str, port: int, option: str) -> int:
    """`port` if it is free on `host`, or any free one for 0.

    Raises:
        ServingError: the port is taken, or the host is not this machine's.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"cannot listen on {host}:{port} ({error.strerror}): stop the program that uses it, or choose "
                f"another with {option} (0 takes any free one)"
            ) from error
        return int(listener.getsockname()[1])
