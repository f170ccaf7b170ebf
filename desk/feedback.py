"""Routes of the inbox: what was handed over or is wrong, and what people answer."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response
from vitrine_client.feedback.table import Item, State

from desk.asking import Photo
from desk.context import DeskNow, ShopName
from desk.problems import ProblemError

_LONGEST_WAIT_S = 60.0
router = APIRouter(prefix="/v1/feedback", tags=["inbox"])
Who = Annotated[str, Form(max_length=100, description="Whoever answers.")]


class ItemOut(BaseModel):
    """A question for people."""

    id: int
    state: str = Field(description='"open", "answered" or "dismissed"')
    question: str
    product: str
    buyer: str
    said: str = Field(description="What the model answered.")
    suggestions: list[str]
    status: str
    confidence: float | None
    release: str
    times: int
    photo_sha256: str
    has_photo: bool
    asked_at: str
    answer: str | None
    answered_at: str | None


class CountsOut(BaseModel):
    open: int
    answered: int
    dismissed: int
    median_answer_s: float | None = Field(description="From question to a person's answer, of the last hundred.")


class Number(BaseModel):
    id: int


@router.post("", status_code=201)
async def add(
    desk: DeskNow,
    shop: ShopName,
    photo: Photo,
    question: Annotated[str, Form()],
    right: Annotated[str | None, Form(description="What is right, where that is known.")] = None,
    product: Annotated[str, Form(max_length=200)] = "",
    buyer: Annotated[str, Form(max_length=200)] = "",
    by: Who = "",
) -> Number:
    """Say that an answer is wrong: a person is asked, or what is right is kept."""
    said = await desk.client.ask(photo, question)
    number = await desk.inbox.add(shop, photo, question, said, product=product, buyer=buyer)
    if right is not None:
        await desk.inbox.answer(shop, number, right, by=by)
    return Number(id=number)


@router.get("")
async def show(
    desk: DeskNow,
    shop: ShopName,
    state: State | None = None,
    product: str | None = None,
    after: Annotated[int, Query(ge=0, description="Number of the question that they stand behind.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[ItemOut]:
    """List the shop's questions, the oldest first."""
    return [item_out(item) for item in await desk.inbox.items(shop, state, product, after=after, limit=limit)]


@router.get("/counts")
async def counts(desk: DeskNow, shop: ShopName) -> CountsOut:
    """Count the shop's questions, and how long people take."""
    return CountsOut(**vars(await desk.inbox.counts(shop)))


@router.get("/{number}")
async def one(
    request: Request,
    desk: DeskNow,
    shop: ShopName,
    number: int,
    wait_s: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S, description="Wait for an answer so long.")] = 0.0,
) -> ItemOut:
    """Return a question, with the answer once there is one."""
    return item_out(await desk.inbox.item(shop, number, wait_s=wait_s, is_gone=request.is_disconnected))


@router.get("/{number}/photo", response_class=FileResponse)
async def photo_of(desk: DeskNow, shop: ShopName, number: int) -> Response:
    """Return a question's photo, where it is kept."""
    file = await desk.inbox.photo(shop, number)
    if file is None:
        raise ProblemError(404, "the photo of this question is not kept")
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}
    return FileResponse(file, media_type="application/octet-stream", headers=headers)


@router.post("/{number}/answer", status_code=204)
async def answer(
    desk: DeskNow, shop: ShopName, number: int, text: Annotated[str, Form(max_length=500)], by: Who = ""
) -> None:
    """Answer a question. Of two people who try, one does; the other is told."""
    await desk.inbox.answer(shop, number, text, by=by)


@router.post("/{number}/dismiss", status_code=204)
async def dismiss(desk: DeskNow, shop: ShopName, number: int, by: Who = "") -> None:
    """Take a question away that nobody shall answer."""
    await desk.inbox.dismiss(shop, number, by=by)


@router.delete("")
async def forget(
    desk: DeskNow,
    shop: ShopName,
    photo_sha256: str | None = None,
    product: str | None = None,
    buyer: str | None = None,
) -> dict[str, int]:
    """Remove questions and photos for good: of a photo, a product or a buyer."""
    which = {name: value for name, value in
             (("photo_sha256", photo_sha256), ("product", product), ("buyer", buyer)) if value}  # fmt: skip
    if len(which) != 1:
        raise ProblemError(422, "one of photo_sha256, product and buyer is expected")
    return {"removed": await desk.inbox.forget(shop, **which)}


def item_out(item: Item) -> ItemOut:
    fields: dict[str, Any] = item.to_dict()
    return ItemOut(**{name: fields[name] for name in ItemOut.model_fields if name in fields},
                   has_photo=item.photo_file is not None)  # fmt: skip
