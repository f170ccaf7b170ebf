"""What is read of the server: its steps' times, its cache, and nothing where there is nothing."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from loadtest.server_metrics import MetricsError, counters_of, scrape, stages_between

BEFORE = """\
nv_inference_request_success{model="answer_decoder",version="1"} 10
nv_inference_count{model="answer_decoder",version="1"} 10
nv_inference_exec_count{model="answer_decoder",version="1"} 10
nv_inference_queue_duration_us{model="answer_decoder",version="1"} 1000
nv_inference_compute_infer_duration_us{model="answer_decoder",version="1"} 20000
nv_inference_request_duration_us{model="answer_decoder",version="1"} 22000
nv_cache_num_hits_per_model{model="image_features",version="1"} 5
nv_cache_num_misses_per_model{model="image_features",version="1"} 5
"""
AFTER = """\
nv_inference_request_success{model="answer_decoder",version="1"} 30
nv_inference_count{model="answer_decoder",version="1"} 30
nv_inference_exec_count{model="answer_decoder",version="1"} 15
nv_inference_queue_duration_us{model="answer_decoder",version="1"} 41000
nv_inference_compute_infer_duration_us{model="answer_decoder",version="1"} 80000
nv_inference_request_duration_us{model="answer_decoder",version="1"} 132000
nv_cache_num_hits_per_model{model="image_features",version="1"} 20
nv_cache_num_misses_per_model{model="image_features",version="1"} 10
"""


def test_stages_are_means_between_two_readings() -> None:
    stages = stages_between(counters_of(BEFORE), counters_of(AFTER))
    decoder = stages["answer_decoder"]
    assert (decoder["requests"], decoder["mean_batch"]) == (20, 4)
    assert (decoder["queue_ms"], decoder["compute_ms"], decoder["total_ms"]) == (2, 3, 5.5)
    assert stages["image_features"]["cache_hit_ratio"] == 0.75


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a page that is no metrics."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>{no metrics</html>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()


def test_a_page_that_is_no_metrics_is_said_to_be_none(page: str) -> None:
    with pytest.raises(MetricsError, match="no metrics at http"):
        scrape(page)


def test_a_text_without_tritons_counters_is_told_too() -> None:
    assert counters_of("some_other_counter 3\n") == {}


def test_no_server_has_no_metrics() -> None:
    with pytest.raises(MetricsError, match="--metrics-url"):
        scrape("http://127.0.0.1:1/metrics")
