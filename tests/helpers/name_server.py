"""A name server that says of every name the address that a test has chosen."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_A, _FIXED_BYTES = 1, 12
_ANSWER, _POINTER_TO_NAME = 0x8400, 0xC00C  # authoritative; the name stands at byte 12 of the question


class NameServer:
    def __init__(self, listening: socket.socket, address: str) -> None:
        self._socket = listening
        self.address = address
        """An IPv4 address; may be changed."""
        self.port: int = listening.getsockname()[1]

    def serve(self) -> None:
        """Answer until the socket is shut down."""
        while True:
            question, asker = self._socket.recvfrom(512)
            if not question:
                return
            name_end = question.index(0, _FIXED_BYTES) + 1
            kind = struct.unpack_from(">H", question, name_end)[0]
            count = int(kind == _A)
            answer = (
                question[:2] + struct.pack(">HHHHH", _ANSWER, 1, count, 0, 0) + question[_FIXED_BYTES : name_end + 4]
            )
            if count:
                answer += struct.pack(">HHHIH", _POINTER_TO_NAME, _A, 1, 0, 4) + socket.inet_aton(self.address)
            self._socket.sendto(answer, asker)


@contextmanager
def name_server(address: str) -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        found = NameServer(listening, address)
        thread = threading.Thread(target=found.serve, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            listening.sendto(b"", ("127.0.0.1", found.port))
            thread.join(5)
