"""(a) FastAPI and uvicorn around `generate`: one call a request, in FastAPI's threads."""

from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request

from benchmarks.peers.answering import Answerer


def serve(answerer: Answerer, port: int) -> None:
    app = FastAPI()

    async def photo_of(request: Request) -> bytes:
        return await request.body()

    @app.post("/ask")
    def ask(question: str, photo: Annotated[bytes, Depends(photo_of)]) -> dict[str, str]:
        return {"answer": answerer.answers([photo], [question])[0]}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
