"""The clients that people have, against a desk before a real Triton: OpenAI's, MCP's, and hostile ones."""

import asyncio
import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import mcp
import openai
import pytest

from catalogue.attributes import CATEGORIES
from catalogue.photos import attributes_from_seed, photo_from_seed
from tests.desk.conftest import desk_process

pytestmark = pytest.mark.servers
SEED = 10_000_003
QUESTIONS = {"en": "What is this?", "zh": "这是什么？"}


@pytest.fixture(scope="module")
def url(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("desk")
    more = (
        "--rate",
        "100000",
        "--products",
        f"sqlite:///{folder / 'products.db'}",
        "--vectors",
        f"edge://{folder}/vectors",
    )
    with desk_process(repository, f"sqlite:///{folder / 'desk.db'}", folder, *more) as (_, found):
        yield found


@pytest.fixture(scope="module")
def data_url() -> str:
    return "data:image/jpeg;base64," + base64.b64encode(photo_from_seed(SEED).jpeg_bytes()).decode()


def truth(language: str) -> str:
    category = attributes_from_seed(SEED).category
    return category if language == "en" else CATEGORIES[category]


@pytest.mark.parametrize("language", QUESTIONS)
def test_openais_client(url: str, data_url: str, language: str) -> None:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none is asked for")
    content = [{"type": "text", "text": QUESTIONS[language]}, {"type": "image_url", "image_url": {"url": data_url}}]
    found = client.chat.completions.create(
        model="vitrine",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}],  # type: ignore[list-item,misc]
    )
    assert found.choices[0].message.content == truth(language)
    assert found.model_extra
    assert found.model_extra["vitrine"]["status"] == "answered"
    assert found.model_extra["vitrine"]["confidence"] > 0.9
    with pytest.raises(openai.BadRequestError, match="'tools' is not supported"):
        client.chat.completions.create(
            model="vitrine",
            messages=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
            tools=[{"type": "function", "function": {"name": "x"}}],
        )


def test_mcps_client(url: str, data_url: str) -> None:
    async def use() -> None:
        async with mcp.Client(f"{url}/mcp/") as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools == {"ask", "choose", "read", "similar"}
            for language, question in QUESTIONS.items():
                said = await client.call_tool("ask", {"photo": data_url, "question": question})
                assert said.structured_content
                assert said.structured_content["text"] == truth(language)
            chosen = await client.call_tool(
                "choose", {"photo": data_url, "question": "What is this?", "candidates": [truth("en"), "red"]}
            )
            assert chosen.structured_content
            assert chosen.structured_content["text"] == truth("en")
            read = await client.call_tool("read", {"photo": data_url})
            assert read.structured_content
            assert "lines" in read.structured_content
            refused = await client.call_tool("ask", {"photo": "https://example.com/a.jpg", "question": "what?"})
            assert refused.is_error
            assert "not fetched" in str(refused.content)

    asyncio.run(use())


def test_no_request_makes_the_desk_fail(url: str, tmp_path: Path) -> None:
    """Requests that fit the OpenAPI page and such that do not, of every route."""
    program = Path(sys.executable).with_name("st")
    options = ["--max-examples", "20", "--checks", "not_a_server_error", "--phases", "fuzzing,coverage", "--no-color"]
    found = subprocess.run(
        [program, "run", f"{url}/v1/openapi.json", *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout[-3000:]
    assert int(re.findall(r"(\d+) generated, \1 passed", found.stdout)[0]) > 300


def test_the_openapi_page_names_every_route(url: str) -> None:
    paths = httpx.get(f"{url}/v1/openapi.json").json()["paths"]
    assert {
        "/v1/answers",
        "/v1/choices",
        "/v1/readings",
        "/v1/embeddings",
        "/v1/feedback",
        "/v1/chat/completions",
    } <= set(paths)
