"""What the gateway lets through to a server, and what it hides of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from tests.helpers.gateway import KEY, SOURCE, envoy_before, wait_until
from tests.helpers.gateway_fake import Fake, failure, serving_fake, stub_at
from tests.helpers.hostile import HOSTILE, call_raw


def test_what_would_end_a_server_does_not_reach_it(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    for name, request in HOSTILE.items():
        with pytest.raises(grpc.RpcError) as caught:
            call_raw(stub.channel, request, metadata=[("authorization", f"Bearer {KEY}")], wait_for_ready=True)
        assert (caught.value.code(), caught.value.details()) == (request.code, request.message), name
    assert not behind.asked


def test_streams_are_refused(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    metadata = [("authorization", f"Bearer {KEY}"), ("triton_grpc_error", "true")]
    with pytest.raises(grpc.RpcError, match="streams are not served") as caught:
        list(stub.ModelStreamInfer(iter([service_pb2.ModelInferRequest()] * 8), timeout=10, metadata=metadata))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert not behind.asked


def test_a_model_behind_vqa_is_closed(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    for name in ("answer_decoder", "image_features", "no such model"):
        request = service_pb2.ModelInferRequest(model_name=name)
        with pytest.raises(grpc.RpcError, match="closed to callers of the gateway") as caught:
            stub.ModelInfer(request, timeout=10, metadata=[("authorization", f"Bearer {KEY}")])
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert not behind.asked


def test_a_shop_cannot_call_itself_another(fake: tuple[Fake, Any], tmp_path: Path) -> None:
    behind, stub = fake
    metadata = [("authorization", f"Bearer {KEY}"), ("x-vitrine-shop", "another-shop"), ("admin-key", "k")]
    call = stub.ModelInfer.future(service_pb2.ModelInferRequest(), timeout=10, metadata=metadata)
    assert call.code() == grpc.StatusCode.INTERNAL
    [headers] = behind.asked
    assert headers["x-vitrine-shop"] == "a-shop"
    assert not {"authorization", "admin-key"} & set(headers)
    wait_until(lambda: " a-shop " in (tmp_path / "access.log").read_text("utf-8"))
    assert "another-shop" not in (tmp_path / "access.log").read_text("utf-8")


def test_the_file_that_comes_with_it_is_what_is_written_and_lets_nobody_in(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "serving.door.gateway"]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (SOURCE / "envoy.yaml").read_text("utf-8") == written
    with serving_fake("127.0.0.1") as (behind, port), envoy_before([f"127.0.0.1:{port}"], tmp_path, keys=SOURCE / "keys.yaml") as url:  # fmt: skip  # noqa: E501
        with stub_at(url, tmp_path) as stub:
            assert failure(stub, "").code() == grpc.StatusCode.UNAUTHENTICATED
        assert not behind.asked


@pytest.mark.parametrize(
    "option", ["--rate-per-s=0", "--under-way=x", "--server=vitrine", "--server=:1", "--server=a:0"]
)
def test_options_that_cannot_be_are_refused(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "serving.door.gateway", option], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "is expected" in done.stderr


def test_names_of_shared_memory_stay_inside(fake: tuple[Fake, Any]) -> None:
    for request_id, words in (("full", "the server has run out of shared memory"), ("", "100 % of it: 这是什么？")):
        call = failure(fake[1], request_id)
        assert call.code() == grpc.StatusCode.INTERNAL
        assert call.details().startswith(words)
