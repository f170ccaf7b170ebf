"""Health of the desk: whether it lives, and whether it can answer."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from vitrine_client import VitrineError

from desk.context import Desk
from desk.inbox import in_store_thread

_TIMEOUT_S = 2.0


def health_routes(desk: Desk) -> list[Route]:
    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        """Ask the server and the stores."""
        found = {"server": "", "store": "", "catalogue": ""}
        try:
            health = await desk.client.health(timeout_s=_TIMEOUT_S)
            found["server"] = health.contract_problem or ("" if health.model_ready else "its model is not loaded")
        except VitrineError as error:
            found["server"] = error.message
        try:
            await desk.inbox.counts("")
        except VitrineError as error:
            found["store"] = error.message
        try:
            if desk.knows:
                await desk.knows.find("", "any")
                if desk.knows.vectors_url:
                    await in_store_thread(desk.knows.serving)
        except VitrineError as error:
            found["catalogue"] = error.message
        is_ready = not any(found.values())
        return JSONResponse({"ready": is_ready, **found}, 200 if is_ready else 503)

    return [Route("/health/live", live), Route("/health/ready", ready)]
