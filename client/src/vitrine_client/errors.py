"""Everything that can go wrong, as one tree.

VitrineError
├── InvalidPhotoError        this side: the photo or video cannot be read or encoded, or is too large
├── InvalidRequestError      the server refused the photo or the question (INVALID_ARGUMENT), or this side did unsent
├── ContractMismatchError    client and server speak different versions of the contract; the message says which is older
├── AccessDeniedError        a gateway does not know our key, or forbids this (UNAUTHENTICATED, PERMISSION_DENIED)
├── ServerUnavailableError   no server, or too busy to take the request (UNAVAILABLE); our rate is used up
│                            (RESOURCE_EXHAUSTED)
├── DeadlineExceededError    no answer within `timeout_s` (DEADLINE_EXCEEDED)
├── RequestCancelledError    cancelled here, or dropped by a server that stops (CANCELLED)
└── ServerError              anything else; `code` says what
"""


class VitrineError(Exception):
    """Base of all errors of this package.

    Attributes:
        message: what happened, what was expected, what to do.
        code: the gRPC status code's name, such as "INVALID_ARGUMENT".
        model: the model that was asked, "" where none was.
        was_sent: False where the throttle refused the call on this side, so that no server has seen it.
        request_id: the id by which the server's log names a request that failed in it, "" where none was sent.
    """

    def __init__(self, message: str, *, code: str = "", model: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.model = model
        self.request_id = request_id
        self.was_sent = True

    def __str__(self) -> str:
        asked = f" from {self.model}, request {self.request_id}" if self.request_id else ""
        return f"{self.message} [{self.code}{asked}]" if self.code else self.message


class InvalidPhotoError(VitrineError, ValueError):
    """The photo or video cannot be read or encoded on this side, or is larger than any server takes."""


class InvalidRequestError(VitrineError, ValueError):
    """The photo, the question or what comes with it was refused, by the server or, unsent, here. It stays so."""


class ContractMismatchError(VitrineError):
    """Client and server speak different versions of the contract, so that a call was refused. No caller's fault."""


class AccessDeniedError(VitrineError, PermissionError):
    """A gateway does not know the API key, or does not let it do this."""


class ServerUnavailableError(VitrineError, ConnectionError):
    """No server, one too busy to take the request, or the API key's rate is used up. Ask again later."""


class DeadlineExceededError(VitrineError, TimeoutError):
    """No answer within the deadline."""


class RequestCancelledError(VitrineError):
    """Cancelled here, or dropped by a server that stops."""


class ServerError(VitrineError):
    """The server failed."""


_ERROR_BY_CODE: dict[str, type[VitrineError]] = {
    "INVALID_ARGUMENT": InvalidRequestError,
    "UNAUTHENTICATED": AccessDeniedError,
    "PERMISSION_DENIED": AccessDeniedError,
    "UNAVAILABLE": ServerUnavailableError,
    "RESOURCE_EXHAUSTED": ServerUnavailableError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "CANCELLED": RequestCancelledError,
}


def error_from_code(code: str, message: str, *, model: str, request_id: str) -> VitrineError:
    """The error for a gRPC status code's name."""
    return _ERROR_BY_CODE.get(code, ServerError)(message, code=code, model=model, request_id=request_id)
