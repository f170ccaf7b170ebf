"""`/v1/chat/completions`, as OpenAI's clients speak it: one photo, one question, one answer."""

import time
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from vitrine_client import Answer

from desk.asking import answer_out
from desk.context import DeskNow, ShopName
from desk.knowledge import Asked, ask_model
from desk.problems import ProblemError
from desk.uploads import photo_from_data_url

_IGNORED = {"temperature", "top_p", "max_tokens", "max_completion_tokens", "user", "seed", "metadata", "store",
            "presence_penalty", "frequency_penalty"}  # fmt: skip
"""Fields that change nothing here: an answer is short, and the same each time."""
router = APIRouter(prefix="/v1", tags=["openai"])


class Message(BaseModel):
    model_config = ConfigDict(extra="allow")
    role: str
    content: str | list[dict[str, Any]] | None = None


class ChatRequest(BaseModel):
    """What is not named is refused, but for sampling, lengths and labels, which change nothing."""

    model_config = ConfigDict(extra="allow")
    model: str = "vitrine"
    messages: list[Message] = Field(min_length=1)
    product: str = Field("", max_length=200, description="SKU, where the shop's catalogue has it; our own field.")


class ChatMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: str | None = None


class ChatChoice(BaseModel):
    index: int = 0
    message: ChatMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class ChatResponse(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: dict[str, int]
    vitrine: dict[str, Any] = Field(
        description="What /v1/answers says: verdict, confidence, source, product and others."
    )


@router.post("/chat/completions")
async def complete(desk: DeskNow, shop: ShopName, asked: ChatRequest) -> ChatResponse:
    """Answer the last user's message about the last photo, a data: URL. System messages change nothing."""
    _require_supported(asked)
    photo, question = _parts_of(asked.messages)
    one = Asked(photo, [question])
    known = await desk.knows.find(shop, asked.product) if desk.knows and asked.product else None
    [answer] = await (desk.knows.answers(desk.client, one, known) if desk.knows else ask_model(desk.client, one))
    is_handed = answer.status == "hand_over"
    number = await desk.inbox.add(shop, photo, question, answer, product=asked.product) if is_handed else None
    return ChatResponse(
        id=f"chatcmpl-{answer.request_id}",
        created=int(time.time()),
        model=answer.release,
        choices=[ChatChoice(message=ChatMessage(content=_said(answer, question)))],
        usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        vitrine={
            **answer_out(answer, number, heatmap=False).model_dump(exclude={"heatmap"}),
            "product": known.sku if known else None,
        },
    )


def _require_supported(asked: ChatRequest) -> None:
    for name, value in (asked.model_extra or {}).items():
        if name in _IGNORED or value in (None, False, [], {}) or (name == "n" and value == 1):
            continue
        if name == "response_format" and value == {"type": "text"}:
            continue
        raise ProblemError(400, f"{name[:40]!r} is not supported: leave it out")


def _parts_of(messages: list[Message]) -> tuple[bytes, str]:
    photo: bytes | None = None
    question = ""
    for message in messages:
        texts = []
        for part in [{"type": "text", "text": message.content}] if isinstance(message.content, str) else (
            message.content or []
        ):  # fmt: skip
            match part:
                case {"type": "text", "text": str(text)}:
                    texts.append(text)
                case {"type": "image_url", "image_url": {"url": str(url)}}:
                    photo = photo_from_data_url(url)
                case _:
                    raise ProblemError(400, 'a message has parts other than "text" and "image_url": leave them out')
        if message.role == "user":
            question = "\n".join(texts).strip() or question
        elif message.role not in ("system", "developer", "assistant"):
            raise ProblemError(400, "messages of system, user and assistant are expected")
    if photo is None:
        raise ProblemError(
            400, 'no photo came: {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,..."}}'
        )
    return photo, question


def _said(answer: Answer, question: str) -> str:
    """The answer; where a person is asked instead, that sentence, in the question's language."""
    if answer.status != "hand_over":
        return answer.text
    return (
        "我不确定，请人工回答。"
        if any("一" <= c <= "鿿" for c in question)
        else "I am not sure: a person should answer."
    )
