"""What went wrong, as JSON problem documents (RFC 9457). Nothing of a caller's data is in them."""

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from vitrine_client import (
    AccessDeniedError,
    ContractMismatchError,
    DeadlineExceededError,
    InvalidPhotoError,
    InvalidRequestError,
    ServerUnavailableError,
    VitrineError,
)
from vitrine_client.feedback.database import FeedbackError, NotThereError, TakenError

from shop.vectors.port import BadSearchError, VectorsError

_STATUS_BY_ERROR: tuple[tuple[type[VitrineError], int], ...] = (
    (NotThereError, 404),
    (TakenError, 409),
    (FeedbackError, 503),
    (BadSearchError, 422),
    (VectorsError, 503),
    (InvalidPhotoError, 422),
    (InvalidRequestError, 422),
    (AccessDeniedError, 502),
    (ContractMismatchError, 502),
    (ServerUnavailableError, 503),
    (DeadlineExceededError, 504),
    (VitrineError, 502),
)


class ProblemError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after_s = status, detail, retry_after_s


def problem_from(error: VitrineError) -> ProblemError:
    """Say a client's error in HTTP."""
    status = next(status for kind, status in _STATUS_BY_ERROR if isinstance(error, kind))
    return ProblemError(status, error.message, retry_after_s=1 if status == 503 else None)


def problem_response(problem: ProblemError) -> Response:
    headers = {"Retry-After": str(problem.retry_after_s)} if problem.retry_after_s else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    title = HTTPStatus(problem.status).phrase
    content: dict[str, Any] = {
        "type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail,
        # where OpenAI's clients look for it
        "error": {"message": problem.detail, "type": title, "code": problem.status},
    }  # fmt: skip
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


async def answer_problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, ProblemError)
    return problem_response(problem)


async def answer_client_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, VitrineError)
    return problem_response(problem_from(error))
