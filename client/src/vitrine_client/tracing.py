"""Spans, one a request, where the caller traces with OpenTelemetry; nothing otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager

try:
    from opentelemetry import propagate, trace
except ImportError:  # it comes with vitrine-client[tracing]
    trace = None  # type: ignore[assignment]


@contextmanager
def client_span(model: str, *, url: str, request_id: str) -> Iterator[dict[str, str] | None]:
    """Open a span around one request, under the caller's current one. An error inside it is recorded.

    Yields:
        The metadata that carries it to the server (W3C `traceparent`); None where nothing is traced.
    """
    if trace is None:
        yield None
        return
    attributes = {
        "rpc.system": "grpc",
        "rpc.service": "inference.GRPCInferenceService",
        "rpc.method": "ModelInfer",
        "server.address": url,
        "vitrine.model": model,
        "vitrine.request_id": request_id,
    }
    tracer = trace.get_tracer("vitrine_client")
    with tracer.start_as_current_span(f"vitrine {model}", kind=trace.SpanKind.CLIENT, attributes=attributes) as span:
        if not span.is_recording():
            yield None
            return
        headers: dict[str, str] = {}
        propagate.inject(headers)
        yield headers
