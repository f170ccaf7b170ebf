"""Pages for people, in English and Chinese: one template, one style sheet, one script."""

import json
from pathlib import Path
from typing import Literal, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

Language = Literal["en", "zh"]
_FOLDER = Path(__file__).parent / "page"
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TEXTS: dict[str, dict[str, str]] = json.loads((_FOLDER / "texts.json").read_text("utf-8"))
_PAGE = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
).get_template("page.html")


def page_routes(*, keyed: bool, shop: bool) -> list[Route]:
    """
    Args:
        keyed: whether the page asks for a key.
        shop: whether there is a catalogue, so that products can be named and found.
    """

    def page(name: str) -> Route:
        async def show(request: Request) -> Response:
            return HTMLResponse(page_html(name, language_of(request), keyed=keyed, shop=shop), headers=_SECURITY)

        return Route("/" if name == "ask" else f"/{name}", show)

    def file(name: str) -> Route:
        async def send(_: Request) -> Response:
            headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
            return FileResponse(_FOLDER / name, headers=headers)

        return Route(f"/page/{name}", send)

    return [page("ask"), page("inbox"), file("page.css"), file("page.js")]


def page_html(page: str, language: Language, *, keyed: bool, shop: bool) -> str:
    texts = _TEXTS[language]
    other = next(one for one in get_args(Language) if one != language)
    return _PAGE.render(
        page=page,
        language=language,
        other=other,
        keyed=keyed,
        shop=shop,
        t=texts,
        t_json=json.dumps(texts, ensure_ascii=False),
    )


def language_of(request: Request) -> Language:
    """What the address names, else the first of the browser's that there is."""
    named = request.query_params.get("lang", "")
    accepted = request.headers.get("accept-language", "").lower().split(",")
    for wish in (named, *(part.strip()[:2] for part in accepted)):
        if wish in ("en", "zh"):
            return wish  # type: ignore[return-value]
    return "en"
