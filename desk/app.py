"""The desk as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from vitrine_client import VitrineError

from desk import asking, chat, feedback, products, similar
from desk.context import Desk
from desk.guard import Guard
from desk.health import health_routes
from desk.hooks import WebHooks
from desk.mcp_door import mcp_app
from desk.metrics import Measured
from desk.pages import page_routes
from desk.problems import ProblemError, answer_client_error, answer_problem, problem_response
from desk.uploads import BodyLimit


def desk_app(desk: Desk, hooks: WebHooks | None = None) -> FastAPI:
    """Put the routes together.

    Args:
        hooks: tells shops what people have answered; None: nobody is told.
    """
    tools, session_manager = mcp_app(desk)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with session_manager.run():
            if hooks:
                hooks.start()
            cleaning = asyncio.create_task(desk.inbox.remove_expired_forever())
            yield
            cleaning.cancel()
            if hooks:
                await hooks.stop()
            await desk.client.close()

    app = FastAPI(
        title="Vitrine desk",
        summary="Questions about product photos, answered by a model or by people.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from other hosts
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.desk = desk
    for router in (asking.router, chat.router, feedback.router, products.router, similar.router):
        app.include_router(router)
    app.router.routes += [*health_routes(desk), *page_routes(keyed=desk.shops is not None, shop=desk.knows is not None)]
    app.router.routes.append(Mount("/mcp", tools))
    app.add_exception_handler(ProblemError, answer_problem)
    app.add_exception_handler(VitrineError, answer_client_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, desk=desk)
    app.add_middleware(Measured)
    return app


async def _answer_validation_error(_: Request, error: Exception) -> Response:
    """Name the fields that are wrong, and nothing of what came."""
    assert isinstance(error, RequestValidationError)
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:])[:80]}: {fault['msg'][:120]}" for fault in error.errors()
    ]
    return problem_response(ProblemError(422, "; ".join(faults[:5])))


async def _answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem_response(ProblemError(error.status_code, str(error.detail)[:200]))
    response.headers.update(error.headers or {})
    return response
