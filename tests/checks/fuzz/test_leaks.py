"""What fuzzing takes for a leak."""

import pytest

from checks.fuzz.leaks import leak_in
from serving.supervision.work_folder import WorkFolder


def test_a_name_of_shared_memory_is_a_leak() -> None:
    work = WorkFolder()
    try:
        message = f"Unable to open shared memory region: '{work.shm_prefix}a1b2c3'"
    finally:
        work.remove()
    assert leak_in(message) == "vitrine-triton-"


@pytest.mark.parametrize(
    "message",
    [
        "failed to open /srv/shop/build/vitrine-small/vqa/1/model.onnx",
        "/data/answer_rules.yaml, line 3",
        "cannot read '/tmp/x'",
        "[Errno 2] No such file",
        "config:/opt/tritonserver/x",
        "unix:/tmp/x.sock",
        "no model in /models",
        "build/vitrine-small/image_encoder/1/model.onnx is damaged",
    ],
)
def test_a_path_is_a_leak(message: str) -> None:
    assert leak_in(message)


@pytest.mark.parametrize(
    "message",
    [
        "the photo is empty (0 bytes)",
        "问题是空的: the question is empty or blank",
        "send JPEG/PNG/WebP and/or ask again, see https://example.org/docs",
        "Method not found: /inference.GRPCInferenceService/None",
    ],
)
def test_what_is_for_the_caller_is_none(message: str) -> None:
    assert leak_in(message) is None


def test_what_was_sent_hides_no_other_leak() -> None:
    assert leak_in("unknown input /dev/shm/x", b"... /dev/shm/x ...") is None
    assert leak_in("unknown input /dev/shm/x, at /opt/backend", b"... /dev/shm/x ...") == "/opt/backend"
