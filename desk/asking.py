"""Routes that ask a server: answers, choices, readings, embeddings."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, File, Form
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from vitrine_client import Answer
from vitrine_client.occlusion import GRID, covered, drops_from, encoded, share_of, square_of

from desk.context import Desk, DeskNow, ShopName
from desk.knowledge import Asked, ask_model
from desk.problems import ProblemError
from shop.products.product import Product

MOST_QUESTIONS = 16
router = APIRouter(prefix="/v1", tags=["ask"])
Photo = Annotated[bytes, File(description="A JPEG, PNG, WebP or AVIF.")]
Context = Annotated[str | None, Form(description="What the shop knows of the product; read by chat models only.")]
Risk = Annotated[
    float | None, Form(gt=0, le=1, description="Share of such answers that may be wrong; stricter than the server's.")
]


class Alternative(BaseModel):
    text: str
    confidence: float | None


class AnswerOut(BaseModel):
    """One answer, as of the client."""

    text: str
    status: str = Field(description='"answered", "cannot_tell" or "hand_over"')
    confidence: float | None
    reason: str
    source: str
    alternatives: list[Alternative]
    heatmap: list[list[float | None]] | None = None
    release: str
    request_id: str
    feedback_id: int | None = Field(None, description="Number in the inbox, where a person is asked.")


class Answers(BaseModel):
    answers: list[AnswerOut]
    product: str | None = Field(None, description="SKU of the product that the catalogue knows; null: none was found.")


class ChoiceOut(BaseModel):
    text: str
    status: str
    confidence: float | None
    reason: str
    source: str
    probabilities: dict[str, float | None]
    release: str
    request_id: str


class Explanation(BaseModel):
    answer: AnswerOut
    drops: list[list[float]] = Field(description="By region, row by row: how far the answer's probability falls.")


class Embedded(BaseModel):
    vector: list[float | None]
    sha256: str
    release: str
    request_id: str


@router.post("/answers")
async def ask(
    desk: DeskNow,
    shop: ShopName,
    photo: Photo,
    question: Annotated[list[str], Form(description=f"In English or Chinese; up to {MOST_QUESTIONS}.")],
    context: Context = None,
    max_risk: Risk = None,
    read_text: Annotated[bool, Form(description="Answer from what is printed, where it says it.")] = False,
    heatmap: Annotated[bool, Form(description="Say where the question looked.")] = False,
    inbox: Annotated[bool, Form(description="Ask a person where it is handed over.")] = True,
    product: Annotated[str, Form(max_length=200, description="SKU, where the shop's catalogue has it.")] = "",
    buyer: Annotated[str, Form(max_length=200)] = "",
) -> Answers:
    """Ask one or more questions about a photo; what no photo shows is answered from the shop's catalogue and rules."""
    if len(question) > MOST_QUESTIONS:
        raise ProblemError(422, f"{len(question)} questions came, but {MOST_QUESTIONS} at most are expected")
    asked = Asked(photo, question, context=context, max_risk=max_risk, reads=read_text)
    known = None
    if desk.knows:
        known = await _product_of(desk, shop, photo, product, reads=read_text)
        found = await desk.knows.answers(desk.client, asked, known)
    else:
        found = await ask_model(desk.client, asked)
    numbers: list[int | None] = [None] * len(found)
    for place, (one, answer) in enumerate(zip(question, found, strict=True)):
        if inbox and answer.status == "hand_over":
            numbers[place] = await desk.inbox.add(shop, photo, one, answer, product=product, buyer=buyer)
    told = [answer_out(answer, number, heatmap=heatmap) for answer, number in zip(found, numbers, strict=True)]
    return Answers(answers=told, product=known.sku if known else None)


async def _product_of(desk: Desk, shop: str, photo: bytes, sku: str, *, reads: bool) -> Product | None:
    """Find the product in the catalogue, by its SKU or, where text is read, by its barcode."""
    if desk.knows is None:
        return None
    if sku:
        return await desk.knows.find(shop, sku)
    return await desk.knows.by_barcode(shop, await desk.client.read(photo)) if reads else None


@router.post("/choices")
async def choose(
    desk: DeskNow,
    shop: ShopName,
    photo: Photo,
    question: Annotated[str, Form()],
    candidate: Annotated[list[str], Form(description="An allowed answer; up to 256.")],
    context: Context = None,
    max_risk: Risk = None,
) -> ChoiceOut:
    """Ask which of a list of answers is right."""
    found = await desk.client.choose(photo, question, candidate, context=context, max_risk=max_risk)
    return ChoiceOut(**found.to_dict())


@router.post("/readings")
async def read(desk: DeskNow, shop: ShopName, photo: Photo, max_risk: Risk = None) -> dict[str, Any]:
    """Read the text and the codes in a photo: lines with boxes, confidence and verdict."""
    return (await desk.client.read(photo, max_risk=max_risk)).to_dict()


@router.post("/embeddings")
async def embed(desk: DeskNow, shop: ShopName, photo: Photo) -> Embedded:
    """Turn a photo into a vector, for finding similar products."""
    return Embedded(**(await desk.client.embed(photo)).to_dict())


@router.post("/explanations")
async def explain(desk: DeskNow, shop: ShopName, photo: Photo, question: Annotated[str, Form()]) -> Explanation:
    """Say which regions of the photo the answer depends on: 49 copies are asked about, with one covered each."""
    async with desk.explaining:
        square = await run_in_threadpool(square_of, photo)
        whole = await desk.client.ask(encoded(square), question)
        copies = await run_in_threadpool(covered, square, GRID)
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(desk.client.ask(one, question)) for one in copies]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
    others = [task.result() for task in asked]
    drops = drops_from(share_of(whole, whole.text), [share_of(one, whole.text) for one in others], GRID)
    return Explanation(answer=answer_out(whole, None, heatmap=False), drops=drops.tolist())


def answer_out(answer: Answer, number: int | None, *, heatmap: bool) -> AnswerOut:
    return AnswerOut(**answer.to_dict(heatmap=heatmap), feedback_id=number)
