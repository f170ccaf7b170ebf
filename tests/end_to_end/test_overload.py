"""More than can wait is refused at once; what was taken is answered, and the server goes on."""

import asyncio
from collections import Counter

from vitrine_client import AsyncGrpcTransport, AsyncVqaClient, ServerUnavailableError

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed

QUESTIONS = ("What colour is it?", "这是什么颜色？")


def test_more_than_can_wait_is_refused_at_once_and_the_rest_answered(server_url: str) -> None:
    photo = photo_from_seed(first_seed("test") + 77, long_side_px=(300, 300)).jpeg_bytes()

    async def outcomes() -> tuple[Counter[str], str]:
        transport = AsyncGrpcTransport(server_url, retries=False)
        async with AsyncVqaClient(transport=transport, timeout_s=120) as client:
            expected = [(await client.ask(photo, question)).text for question in QUESTIONS]

            async def ask(number: int) -> str:
                try:
                    answer = await client.ask(photo, QUESTIONS[number % 2])
                except ServerUnavailableError:
                    return "refused"
                return "right" if answer.text == expected[number % 2] else "wrong"

            found = Counter(await asyncio.gather(*(ask(number) for number in range(2000))))
            return found, (await client.ask(photo, QUESTIONS[0])).text

    found, after = asyncio.run(outcomes())
    assert set(found) == {"right", "refused"}, "nothing else happens to a request"
    assert found["right"] > 256, "as many as can wait at one step"
    assert after
