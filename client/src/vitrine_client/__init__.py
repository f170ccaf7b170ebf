"""Asks a Vitrine server questions about product photos."""

from vitrine_client.aio import AsyncGrpcTransport, AsyncTransport, AsyncVqaClient
from vitrine_client.channel import TlsFiles
from vitrine_client.client import VqaClient
from vitrine_client.errors import (
    AccessDeniedError,
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
from vitrine_client.transport import GrpcTransport, Transport

__all__ = [
    "AccessDeniedError",
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
