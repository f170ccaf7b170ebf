"""A caller that traces gets a span a request; one that does not, gets none and pays nothing."""

import sys
from typing import Any

import pytest
from vitrine_client import VitrineError, VqaClient, tracing

from .conftest import HAS_SERVER


def test_without_opentelemetry_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "trace", None)
    with tracing.client_span("vqa", url="localhost:8001", request_id="1") as headers:
        assert headers is None


@pytest.mark.skipif(not HAS_SERVER, reason="the client alone does without OpenTelemetry")
def test_without_a_provider_nothing_is_sent() -> None:
    with tracing.client_span("vqa", url="localhost:8001", request_id="1") as headers:
        assert headers is None


def test_the_client_alone_does_not_pull_opentelemetry_in() -> None:
    if not HAS_SERVER:
        assert "opentelemetry" not in sys.modules


@pytest.mark.skipif(not HAS_SERVER, reason="the client alone does without OpenTelemetry")
def test_a_span_tells_what_was_asked_and_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = _recorded(monkeypatch)
    with VqaClient("localhost:1", timeout_s=0.5) as client, pytest.raises(VitrineError):
        client.ask(b"\xff\xd8\xff" + bytes(100), "什么颜色？")
    [span] = spans.get_finished_spans()
    assert span.name == "vitrine vqa"
    assert span.kind.name == "CLIENT"
    assert span.attributes["server.address"] == "localhost:1"
    assert len(span.attributes["vitrine.request_id"]) == 16
    assert span.status.status_code.name == "ERROR"
    assert "ServerUnavailableError: no server listens at localhost:1" in span.status.description
    told = " ".join(str(value) for value in (*span.attributes.values(), *span.events[0].attributes.values()))
    assert "什么颜色" not in told, "what buyers ask is nobody's business"


def _recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Spans of this test, in memory; a process has one provider for good, so it is put in by hand."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return spans
