"""A caller's span goes on in Triton's: one trace, from the client through every step."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from vitrine_client import VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings, container_command

FLUSH_S = 0.5
"""Triton sends its spans this often."""


class Receiver(ThreadingHTTPServer):
    """Receives OTLP over HTTP, JSON encoded, as the protocol's own classes read it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_port}/v1/traces"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for found in ParseDict(_with_binary_ids(json.loads(body)), ExportTraceServiceRequest()).resource_spans:
            named = {one.key: one.value.string_value for one in found.resource.attributes}
            self.server.services.add(named["service.name"])
            self.server.spans += [span for scope in found.scope_spans for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _with_binary_ids(content: Any) -> Any:
    """OTLP writes ids in hexadecimal, where protobuf's own JSON has base64."""
    if isinstance(content, list):
        return [_with_binary_ids(one) for one in content]
    if not isinstance(content, dict):
        return content
    return {
        key: base64.b64encode(bytes.fromhex(value)).decode()
        if key in ("traceId", "spanId", "parentSpanId")
        else _with_binary_ids(value)
        for key, value in content.items()
    }


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield receiver
        receiver.shutdown()


@pytest.fixture(scope="module")
def traced_url(repository: Path, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("traced") / "triton.log"
    settings = ServerSettings(repository, grpc_port=0, metrics_port=None, log_file=log, trace_url=receiver.url)
    with EmbeddedServer(settings) as server:
        yield server.url


def _asked(
    url: str, question: str, monkeypatch: pytest.MonkeyPatch, *, sampler: Any = ALWAYS_ON
) -> tuple[Any, InMemorySpanExporter]:
    """A question inside a span of the caller's own, and what its process recorded."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    photo = photo_from_seed(first_seed("test") + 950).jpeg_bytes()
    with provider.get_tracer("shop").start_as_current_span("buyer asks") as own, VqaClient(url, timeout_s=20) as client:
        assert client.ask(photo, question).text
    return own, exporter


@pytest.mark.parametrize("question", ["What colour is it?", "它是什么颜色的？"])
def test_one_trace_from_the_caller_through_every_step(
    traced_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    steps = {"vqa", "question_preprocess", "image_features", "answer_decoder", "answer_postprocess"}

    def spans_of(asked: Any) -> dict[str, Any]:
        trace_id = asked.context.trace_id.to_bytes(16, "big")
        return {span.name: span for span in receiver.spans if span.trace_id == trace_id}

    for _ in range(3):  # OTLP's exporter sends once: a batch whose sending fails is lost
        _, exporter = _asked(traced_url, question, monkeypatch)
        asked, buyer = exporter.get_finished_spans()
        assert (asked.name, buyer.name) == ("vitrine vqa", "buyer asks")
        end_s = time.monotonic() + 15
        # Spans may come in two batches, and the request's own ends last.
        while not {"InferRequest", *steps} <= set(spans_of(asked)) and time.monotonic() < end_s:
            time.sleep(0.2)
        if spans := spans_of(asked):
            break
    assert {"InferRequest", *steps} <= set(spans)
    assert receiver.services == {"vitrine"}
    assert spans["InferRequest"].parent_span_id == asked.context.span_id.to_bytes(8, "big")
    assert spans["vqa"].parent_span_id == spans["InferRequest"].span_id
    assert {spans[step].parent_span_id for step in steps - {"vqa"}} == {spans["vqa"].span_id}
    request_ids = {one.value.string_value for one in spans["vqa"].attributes if one.key == "triton.request_id"}
    assert asked.attributes
    assert request_ids == {asked.attributes["vitrine.request_id"]}
    # Triton ends its span a moment after the answer has left, so the caller's may have ended by then.
    assert asked.start_time and asked.end_time
    assert asked.start_time <= spans["vqa"].start_time_unix_nano <= asked.end_time
    assert spans["vqa"].start_time_unix_nano < spans["vqa"].end_time_unix_nano < asked.end_time + 10**9


def test_what_the_caller_does_not_sample_is_not_traced(
    traced_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(FLUSH_S + 1)
    before = len(receiver.spans)
    own, _ = _asked(traced_url, "What is it?", monkeypatch, sampler=ALWAYS_OFF)
    with VqaClient(traced_url) as client:
        client.ask(photo_from_seed(first_seed("test") + 951).jpeg_bytes(), "这是什么？")
    assert not own.is_recording()
    time.sleep(FLUSH_S + 1)
    assert len(receiver.spans) == before


def test_tracing_is_off_by_default(tmp_path: Path) -> None:
    off, on = ServerSettings(tmp_path), ServerSettings(tmp_path, trace_url="http://collector:4318/v1/traces")
    for settings, is_on in ((off, False), (on, True)):
        command = container_command(settings, shm_prefix="p", admin_key="k")
        assert any("trace-config" in word for word in command) == is_on


@pytest.mark.parametrize("url", ["collector:4318", "http://collector:4318", "ftp://collector/v1/traces", ""])
def test_an_address_that_cannot_be_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ServingError, match=r"OTLP/HTTP one is expected.*http://collector:4318/v1/traces"):
        container_command(ServerSettings(tmp_path, trace_url=url), shm_prefix="p", admin_key="k")
