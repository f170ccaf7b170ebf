"""(c) pytriton around `generate`, with Triton's dynamic batching."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.peers.answering import Answerer
from serving.triton.ports import resolve_ports

_BATCH = 16
_WAIT_US = 10_000


def serve(answerer: Answerer, port: int) -> None:
    @batch
    def infer(photo: NDArray[Any], question: NDArray[Any]) -> dict[str, NDArray[Any]]:
        texts = answerer.answers(photo[:, 0].tolist(), [one.decode("utf-8") for one in question[:, 0]])
        return {"answer": np.array([[text.encode("utf-8")] for text in texts], np.object_)}

    ports = resolve_ports("127.0.0.1", {"http_port": 0, "metrics_port": 0})
    config = TritonConfig(
        grpc_port=port, grpc_address="127.0.0.1", http_address="127.0.0.1", metrics_address="127.0.0.1", **ports
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name="ask",
            infer_func=infer,
            inputs=[
                Tensor(name="photo", dtype=np.bytes_, shape=(1,)),
                Tensor(name="question", dtype=np.bytes_, shape=(1,)),
            ],
            outputs=[Tensor(name="answer", dtype=np.bytes_, shape=(1,))],
            config=ModelConfig(max_batch_size=_BATCH, batcher=DynamicBatcher(max_queue_delay_microseconds=_WAIT_US)),
        )
        triton.serve()
