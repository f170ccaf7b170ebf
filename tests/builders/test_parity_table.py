"""What is said where engines do not answer like the checkpoint: what came, what is allowed, what to do."""

import numpy as np
import pytest

from builders.errors import BuildError
from builders.parity.compare import answer_reports
from builders.parity.outputs import Reference
from builders.parity.report import OutputReport, parity_table, require_parity
from builders.parity.tolerances import Tolerance

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


def reports_of(got: list[int], logprobs: list[float], scored: list[float], max_tie: float) -> dict[str, OutputReport]:
    """Of one answer of three tokens, whose reference is 5, 6, 7."""
    outputs = {
        "ANSWER_IDS": np.array(got, np.int32).reshape(1, 1, 1, 3),
        "ANSWER_LOGPROBS": np.array(logprobs, np.float32).reshape(1, 1, 1, 3),
    }
    nothing = np.zeros((1, 3), np.float32)
    reference = Reference(nothing, nothing, np.array([[5, 6, 7]], np.int32), nothing, nothing)
    tolerance = Tolerance(0.9, 0.9, 1.0, max_logprob_difference=1.0, max_tie=max_tie)
    return {r.output: r for r in answer_reports(outputs, np.array([scored], np.float32), reference, tolerance)}


def test_two_tokens_nearer_than_the_noise_are_tied() -> None:
    tied = reports_of([5, 9, 1], [-1, -2.0, -1], [-1, -2.05, -9], max_tie=0.1)
    assert (tied["ANSWER_IDS"].equal_ratio, tied["EQUAL_OR_TIED"].equal_ratio) == (0, 1)
    assert tied["EQUAL_OR_TIED"].passed
    apart = reports_of([5, 9, 1], [-1, -2.0, -1], [-1, -2.2, -9], max_tie=0.1)
    assert not apart["EQUAL_OR_TIED"].passed


def test_without_a_tolerance_every_token_has_to_be_equal() -> None:
    strict = reports_of([5, 9, 1], [-1, -2.0, -1], [-1, -2.0, -9], max_tie=0)
    assert set(strict) == {"ANSWER_IDS"}
    assert not strict["ANSWER_IDS"].passed
