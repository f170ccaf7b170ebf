"""Asks a Vitrine server questions about product photos."""

from vitrine_client.aio import AsyncGrpcTransport, AsyncTransport, AsyncVqaClient
from vitrine_client.client import VqaClient
from vitrine_client.errors import (
    DeadlineExceededError,
    InvalidPhotoError,
    InvalidRequestError,
    RequestCancelledError,
    ServerError,
    ServerUnavailableError,
    VitrineError,
)
from vitrine_client.fake import AsyncFakeTransport, FakeTransport
from vitrine_client.results import Answer, Choice, Embedding, Health
from vitrine_client.transport import GrpcTransport, TlsFiles, Transport

__all__ = [
    "Answer",
    "AsyncFakeTransport",
    "AsyncGrpcTransport",
    "AsyncTransport",
    "AsyncVqaClient",
    "Choice",
    "DeadlineExceededError",
    "Embedding",
    "FakeTransport",
    "GrpcTransport",
    "Health",
    "InvalidPhotoError",
    "InvalidRequestError",
    "RequestCancelledError",
    "ServerError",
    "ServerUnavailableError",
    "TlsFiles",
    "Transport",
    "VitrineError",
    "VqaClient",
]
