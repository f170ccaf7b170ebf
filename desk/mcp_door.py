"""The Model Context Protocol at /mcp: the tools ask, choose, read and similar, for agents."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from vitrine_client import Answer, VitrineError

from desk.context import Desk, knowledge_in
from desk.knowledge import Asked, ask_model
from desk.problems import ProblemError
from desk.similar import find
from desk.uploads import MOST_BYTES, photo_from_data_url
from shop.products.product import Product

_PHOTO = "The photo is a data: URL such as data:image/jpeg;base64,...; others are not fetched."


def mcp_app(desk: Desk) -> tuple[Starlette, Any]:
    """Make the application, and the context that it runs in."""
    client = desk.client
    server = MCPServer(
        "vitrine", version="1", instructions="Answers questions about product photos, in Chinese and English."
    )

    @server.tool(
        description="Ask a question about a product photo; with the product's SKU, price, stock and what else no photo "
        f"shows are answered from the shop's catalogue. {_PHOTO}"
    )
    async def ask(context: Context, photo: str, question: str, product: str = "") -> dict[str, Any]:
        shop = _shop(context)
        known = await desk.knows.find(shop, product) if desk.knows and product else None
        said = await _said(_answer(desk, _photo(photo), question, known))
        return {**said, "product": known.sku if known else None}

    @server.tool(description=f"Ask which of a list of answers is right for a product photo. {_PHOTO}")
    async def choose(photo: str, question: str, candidates: list[str]) -> dict[str, Any]:
        return await _said(client.choose(_photo(photo), question, candidates))

    @server.tool(description=f"Read the text, barcodes and QR codes in a photo. {_PHOTO}")
    async def read(photo: str) -> dict[str, Any]:
        return await _said(client.read(_photo(photo)))

    async def similar(context: Context, product: str, wish: str = "") -> dict[str, Any]:
        try:
            found = await find(desk, knowledge_in(desk), _shop(context), product=product, wish=wish, limit=5)
        except ProblemError as problem:
            raise ToolError(problem.detail) from problem
        except VitrineError as error:
            raise ToolError(error.message) from error
        return found.model_dump()

    if desk.knows:
        server.tool(description="Find products that look like a product (its SKU), narrowed by a wish in words.")(
            similar
        )
    app = server.streamable_http_app(
        streamable_http_path="/",
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        # The desk looks at Origin and key itself.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return app, server.session_manager


def _shop(context: Context) -> str:
    request: Any = context.request_context.request
    return str(request.state.shop)


async def _answer(desk: Desk, photo: bytes, question: str, known: Product | None) -> Answer:
    asked = Asked(photo, [question], reads=True)
    found = await (desk.knows.answers(desk.client, asked, known) if desk.knows else ask_model(desk.client, asked))
    return found[0]


def _photo(url: str) -> bytes:
    try:
        return photo_from_data_url(url)
    except ProblemError as problem:
        raise ToolError(problem.detail) from problem


async def _said(call: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = (await call).to_dict()
    except VitrineError as error:
        raise ToolError(error.message) from error
    return found
