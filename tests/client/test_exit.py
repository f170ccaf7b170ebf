"""A process that never closes its client ends all the same, quietly; under gevent and with an event loop too."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Door

UNDER_GEVENT = """
from gevent import monkey

monkey.patch_all()
import grpc.experimental.gevent

grpc.experimental.gevent.init_gevent()
"""
MADE = {
    "asked": """
from vitrine_client import VqaClient
vqa = VqaClient({url!r})
print(vqa.ask({photo!r}, '什么颜色').text)
""",
    "made at module level": "from vitrine_client import VqaClient\nvqa = VqaClient({url!r})",
    "of a server that is not there": """
from vitrine_client import VqaClient, VitrineError
vqa = VqaClient("127.0.0.1:1")
try:
    vqa.ask({photo!r}, '什么颜色')
except VitrineError as error:
    print(error.code)
""",
    "in a cycle": """
from vitrine_client import VqaClient
vqa = VqaClient({url!r})
vqa.itself = vqa
print(vqa.ask({photo!r}, '什么颜色').text)
""",
    "closed": """
from vitrine_client import VqaClient
with VqaClient({url!r}) as vqa:
    vqa.ask({photo!r}, '什么颜色')
""",
    "asked for its health": """
from vitrine_client import VqaClient, VitrineError
vqa = VqaClient({url!r})
try:
    print(vqa.health())
except VitrineError as error:
    print(error.code)  # a door answers questions only
""",
}
AWAITED = {
    "asked": "print((await vqa.ask({photo!r}, '什么颜色')).text)",
    "asked often": "await asyncio.gather(*(vqa.ask({photo!r}, '什么颜色') for _ in range(20)))",
    "still asking": "asyncio.ensure_future(vqa.ask({photo!r}, '什么颜色')); await asyncio.sleep(0)",
    "not used": "pass",
}
FROM_A_LOOP = """
import asyncio
from vitrine_client import AsyncVqaClient
vqa = AsyncVqaClient({url!r})

async def main():
    {body}

asyncio.run(main())
"""


def ended(program: str, url: str, photo: Path) -> "subprocess.CompletedProcess[str]":
    code = program.replace("{url!r}", repr(url)).replace("{photo!r}", repr(str(photo))) + "\nprint('done', flush=True)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("is_gevent", [True, False])
@pytest.mark.parametrize("sentence", MADE)
def test_a_client_that_is_not_closed_does_not_keep_the_process(photo: Path, sentence: str, is_gevent: bool) -> None:
    if is_gevent:
        pytest.importorskip("gevent")
    of_grpc = is_gevent and sentence == "made at module level" and sys.version_info >= (3, 12)
    door = Door(None)
    try:
        done = ended((UNDER_GEVENT if is_gevent else "") + MADE[sentence], door.url, photo)
    finally:
        door.stop()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
    if of_grpc:  # its greenlet starts a thread while Python ends, which 3.12 does not: docs/adr/0001
        assert done.stderr.count("Traceback") == done.stderr.count("cygrpc.spawn_greenlets") <= 1
    else:
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("sentence", AWAITED)
def test_an_async_client_that_is_not_closed_ends_quietly(photo: Path, sentence: str) -> None:
    door = Door(None)
    try:
        done = ended(FROM_A_LOOP.replace("{body}", AWAITED[sentence]), door.url, photo)
    finally:
        door.stop()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
