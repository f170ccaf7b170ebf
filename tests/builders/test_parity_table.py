"""What is said where engines do not answer like the checkpoint: what came, what is allowed, what to do."""

import pytest

from builders.errors import BuildError
from builders.parity.compare import OutputReport, parity_table, require_parity

REPORTS = [
    OutputReport("ENCODED_FEATURES", 143, 1.6e-2, 0.9999961, None, 0.999, True),
    OutputReport("ANSWER_IDS", 1001, 0.0, None, 0.98, 0.995, False),
    OutputReport("ANSWER_LOGPROBS", 1001, 1.25e-2, None, None, None, True),
    OutputReport("CANDIDATE_LOGPROBS", 1001, 1.25e-2, None, None, 0.1, True),
]


def test_each_bound_stands_beside_what_came() -> None:
    assert parity_table(REPORTS).splitlines() == [
        "  output              rows  max |diff|  min cosine    equal  allowed",
        "  ENCODED_FEATURES     143    1.60e-02   0.9999961           cosine >= 0.999   ok",
        "  ANSWER_IDS          1001    0.00e+00               98.00%  equal >= 99.5%    FAILED",
        "  ANSWER_LOGPROBS     1001    1.25e-02                                         ok",
        "  CANDIDATE_LOGPROBS  1001    1.25e-02                       |diff| <= 0.1     ok",
    ]


def test_a_failure_ends_with_what_to_do() -> None:
    with pytest.raises(BuildError) as caught:
        require_parity(REPORTS)
    first, *_, last = str(caught.value).splitlines()
    assert first == "the engines do not answer like the checkpoint, so nothing was written:"
    assert last.startswith("With TensorRT, try another --precision")
    require_parity([report for report in REPORTS if report.passed])
