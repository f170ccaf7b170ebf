"""A connection as real services have it: many threads, forks, servers that move, and clients that close."""

import multiprocessing
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2_grpc
from vitrine_client import InvalidRequestError, RequestCancelledError, VitrineError, VqaClient

from .conftest import HAS_SERVER

QUESTIONS = ("What colour is it?", "什么颜色")


@pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")
@pytest.mark.parametrize("question", QUESTIONS)
def test_one_client_serves_many_threads(server_url: str, photo: Path, question: str) -> None:
    with VqaClient(server_url, timeout_s=30) as client, ThreadPoolExecutor(16) as pool:
        expected = client.ask(photo, question).text
        answers = list(pool.map(lambda _: client.ask(photo, question), range(200)))
    assert {answer.text for answer in answers} == {expected}
    assert len({answer.request_id for answer in answers}) == 200


def _ask_in_a_child(client: VqaClient, photo: Path, result: "multiprocessing.connection.Connection") -> None:
    try:
        result.send([client.ask(photo, question).text for question in QUESTIONS])
    except VitrineError as error:
        result.send(str(error))


@pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")
def test_a_client_works_on_both_sides_of_a_fork(server_url: str, photo: Path) -> None:
    """As under gunicorn with a client that was made, and used, before the workers were."""
    fork = multiprocessing.get_context("fork")
    with VqaClient(server_url, timeout_s=10) as client:
        expected = [client.ask(photo, question).text for question in QUESTIONS]
        for _ in range(3):
            ours, theirs = fork.Pipe()
            child = fork.Process(target=_ask_in_a_child, args=(client, photo, theirs))
            child.start()
            assert ours.poll(20), "the child has not answered"
            assert ours.recv() == expected
            child.join(10)
            assert [client.ask(photo, question).text for question in QUESTIONS] == expected


@pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")
def test_a_client_that_is_closed_says_so(server_url: str, photo: Path) -> None:
    client = VqaClient(server_url)
    client.close()
    for call in (lambda: client.ask(photo, QUESTIONS[0]), client.health):
        with pytest.raises(RequestCancelledError, match="the client is closed"):
            call()


class Names:
    """A name server for one name, whose address can change."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                query, caller = self._socket.recvfrom(512)
            except OSError:
                return
            end = query.index(b"\0", 12) + 5
            kind = struct.unpack(">H", query[end - 4 : end - 2])[0]
            is_ipv4 = kind == 1
            head = query[:2] + struct.pack(">HHHHH", 0x8580, 1, is_ipv4, 0, 0)
            record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(self.address)
            self._socket.sendto(head + query[12:end] + (record if is_ipv4 else b""), caller)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def forwarded(address: str, port: int, to: str) -> Iterator[int]:
    """A port of `address` that leads to the server, until the block ends: then it is as if that machine had gone."""
    host, _, to_port = to.partition(":")
    listener = socket.create_server((address, port))
    open_sockets: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            one.close()

    def accept() -> None:
        while True:
            try:
                ours, _ = listener.accept()
            except OSError:
                return
            theirs = socket.create_connection((host, int(to_port)))
            open_sockets.extend((ours, theirs))
            for pair in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        for one in (listener, *open_sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")
def test_a_server_that_moves_to_another_address_is_followed(server_url: str, photo: Path) -> None:
    names = Names("127.0.0.1")
    try:
        with forwarded("127.0.0.1", 0, server_url) as port:
            client = VqaClient(f"dns://127.0.0.1:{names.port}/vqa.shop.test:{port}", timeout_s=15)
            expected = client.ask(photo, QUESTIONS[0]).text
        names.address = "127.0.0.2"
        with forwarded("127.0.0.2", port, server_url):
            assert client.ask(photo, QUESTIONS[0]).text == expected
        client.close()
    finally:
        names.close()


class BusyAtFirst(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated without types
    """Refuses the first two requests, as a server does that is too busy, and names the third's size."""

    def __init__(self) -> None:
        self.requests = 0

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> None:  # noqa: N802  gRPC's name
        self.requests += 1
        if self.requests < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size")
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{max(map(len, request.raw_input_contents))} bytes came")


@pytest.mark.parametrize("size_bytes", [1_000, 300_000, 16 * 2**20])
def test_photos_of_any_size_are_tried_again(size_bytes: int) -> None:
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.max_receive_message_length", -1)])
    busy = BusyAtFirst()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(busy, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with (
            VqaClient(f"127.0.0.1:{port}", timeout_s=10) as client,
            pytest.raises(InvalidRequestError, match="bytes came"),
        ):
            client.ask(bytes(size_bytes), QUESTIONS[0])
    finally:
        server.stop(None)
    assert busy.requests == 3


@contextmanager
def answering(content: bytes) -> Iterator[str]:
    """The address of a double that answers every connection so, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):  # closed at the end
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(content)

        threading.Thread(target=answer, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "is an HTTP port"),
        (b"<!DOCTYPE HTML><html><body>Bad request version ('HTTP/2.0')</body></html>", "is an HTTP port"),
        (b"\x15\x03\x03\x00\x02\x02\x46 an alert of TLS", "no server listens at"),
    ],
    ids=["Triton's HTTP", "Python's", "TLS"],
)
def test_the_port_of_http_is_called_that(photo: Path, content: bytes, words: str) -> None:
    with answering(content) as url, VqaClient(url) as client:
        with pytest.raises(VitrineError, match=words) as caught:
            client.ask(photo, QUESTIONS[0])
        assert ("give the gRPC port" in str(caught.value)) == ("HTTP" in words)
