"""What every route works with: the shop that asks, and the clients and stores behind the desk."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from vitrine_client import AsyncVqaClient

from desk.inbox import Inbox
from desk.knowledge import Knowledge
from desk.limits import ShopLimits
from desk.problems import ProblemError


@dataclass(frozen=True)
class Desk:
    """One running desk."""

    client: AsyncVqaClient
    inbox: Inbox
    limits: ShopLimits
    shops: Mapping[bytes, str] | None
    """Names by keys; None: whoever reaches the port is the one shop."""
    knows: Knowledge | None = None
    """What the shops know of their products; None: nothing."""
    explaining: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Explanations at a time: each is fifty questions."""


async def desk_of(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


async def shop_of_request(request: Request) -> str:
    """Name the shop that `guard.py` has let in."""
    return cast(str, request.state.shop)


def knowledge_in(desk: Desk) -> Knowledge:
    """
    Raises:
        ProblemError: 404, this desk has no catalogue.
    """
    if desk.knows is None:
        raise ProblemError(404, "this desk has no catalogue: start it with --products")
    return desk.knows


async def knowledge_of(request: Request) -> Knowledge:
    return knowledge_in(await desk_of(request))


DeskNow = Annotated[Desk, Depends(desk_of)]
KnowledgeNow = Annotated[Knowledge, Depends(knowledge_of)]
ShopName = Annotated[str, Depends(shop_of_request)]
