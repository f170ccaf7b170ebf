"""Asks a Vitrine server questions about product photos."""

import logging
from importlib.metadata import version

from vitrine_client.aio import AsyncVqaClient
from vitrine_client.aio_transport import AsyncGrpcTransport, AsyncTransport
from vitrine_client.channel import TlsFiles
from vitrine_client.client import VqaClient
from vitrine_client.errors import (
    AccessDeniedError,
    ContractMismatchError,
    DeadlineExceededError,
    InvalidPhotoError,
    InvalidRequestError,
    RequestCancelledError,
    ServerError,
    ServerUnavailableError,
    VitrineError,
)
from vitrine_client.fake import AsyncFakeTransport, FakeTransport
from vitrine_client.photos import Photo
from vitrine_client.reading import Code, Line, Reading
from vitrine_client.results import Alternative, Answer, Choice, Embedding, Health, Status
from vitrine_client.several import ProductAnswer
from vitrine_client.transport import GrpcTransport, Transport

__all__ = [
    "AccessDeniedError",
    "Alternative",
    "Answer",
    "AsyncFakeTransport",
    "AsyncGrpcTransport",
    "AsyncTransport",
    "AsyncVqaClient",
    "Choice",
    "Code",
    "ContractMismatchError",
    "DeadlineExceededError",
    "Embedding",
    "FakeTransport",
    "GrpcTransport",
    "Health",
    "InvalidPhotoError",
    "InvalidRequestError",
    "Line",
    "Photo",
    "ProductAnswer",
    "Reading",
    "RequestCancelledError",
    "ServerError",
    "ServerUnavailableError",
    "Status",
    "TlsFiles",
    "Transport",
    "VitrineError",
    "VqaClient",
]

__version__ = version("vitrine-client")
"""Version of the installed package."""

logging.getLogger("vitrine_client").addHandler(logging.NullHandler())  # what is done with its lines is the caller's
