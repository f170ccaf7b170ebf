"""`python -m benchmarks.peers.rapidocr_peer PORT`: rapidocr behind FastAPI, a call a request, in FastAPI's threads."""

import sys
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request

from builders.text.parity import rapidocr_pipeline
from builders.text.weights import text_weights


def serve(port: int) -> None:
    app, pipeline = FastAPI(), rapidocr_pipeline(text_weights("small"))

    async def photo_of(request: Request) -> bytes:
        return await request.body()

    @app.post("/read")
    def read(photo: Annotated[bytes, Depends(photo_of)]) -> dict[str, list[str]]:
        found = pipeline(photo)
        return {"lines": list(getattr(found, "txts", None) or ())}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
