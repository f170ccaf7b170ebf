"""Small videos, written as cameras and shops write them."""

import io
from collections.abc import Sequence

import av
import numpy as np
from PIL import Image

RATE = 10
"""Frames a second."""


def video_of(pictures: Sequence[Image.Image], *, container: str = "mp4", codec: str = "libx264") -> bytes:
    """Write pictures, all of the first one's size, as the frames of a video."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_image(picture)))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def sound() -> bytes:
    """Write an mp4 without pictures: a second of silence."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def turned(video: bytes) -> bytes:
    """Have an mp4 say that it is shown turned clockwise by a quarter, as of a phone that was held upright."""
    start = video.index(b"tkhd") + 44
    one, minus, zero = (value.to_bytes(4, "big", signed=True) for value in (0x10000, -0x10000, 0))
    matrix = zero + one + zero + minus + zero * 4 + (0x40000000).to_bytes(4, "big")
    return video[:start] + matrix + video[start + len(matrix) :]
