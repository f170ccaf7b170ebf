"""What every route works with: the shop that asks, and the clients and stores behind the desk."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from vitrine_client import AsyncVqaClient

from desk.inbox import Inbox
from desk.keys import OPEN_SHOP, shop_of
from desk.limits import ShopLimits
from desk.problems import ProblemError

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Desk:
    """One running desk."""

    client: AsyncVqaClient
    inbox: Inbox
    limits: ShopLimits
    shops: Mapping[bytes, str] | None
    """Names by keys; None: whoever reaches the port is the one shop."""


def desk_of(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


DeskNow = Annotated[Desk, Depends(desk_of)]


def require_same_site(request: Request) -> None:
    """Refuse what another site's page has sent with a visitor's browser.

    Raises:
        ProblemError: 403.
    """
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host", ""):
        raise ProblemError(403, "a page of another site has sent this: programs send no Origin header")


def _require_this_machine(request: Request) -> None:
    """Refuse a name that a foreign page has had resolved to this machine.

    Raises:
        ProblemError: 403.
    """
    if (request.url.hostname or "") not in _THIS_MACHINE:
        raise ProblemError(403, "a desk without keys answers at 127.0.0.1 and localhost alone")


async def shop_that_asks(request: Request, desk: DeskNow) -> AsyncIterator[str]:
    """Name the shop whose key came, and count the request.

    Raises:
        ProblemError: 401, no key that is known; 429, too many requests.
    """
    require_same_site(request)
    shop: str | None = OPEN_SHOP
    if desk.shops is None:
        _require_this_machine(request)
    else:
        shop = shop_of(desk.shops, request.headers.get("authorization"))
    if shop is None:
        raise ProblemError(401, "the API key is missing or not known: send authorization: Bearer KEY")
    with desk.limits.one_request(shop):
        yield shop


ShopName = Annotated[str, Depends(shop_that_asks)]
