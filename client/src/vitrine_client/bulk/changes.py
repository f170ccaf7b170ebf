"""What another release answers otherwise, over a whole catalogue."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from vitrine_client.bulk.sources import place_of
from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import short_name

_KEYS = ["id", "kind", "question"]
_COMPARED = ["answer", "status", "confidence", "detail", "release", "error_code"]


def read_rows(output: str, columns: list[str]) -> pa.Table:
    """Read the rows of a bulk run.

    Raises:
        InvalidRequestError: there are none.
    """
    system, folder = place_of(output)
    try:
        return ds.dataset(folder, filesystem=system, format="parquet").to_table(columns)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"{short_name(output)} holds no parts of a bulk run") from error


def require_comparable(output: str, asked: Sequence[tuple[str, str]]) -> None:
    """Refuse an earlier run with which nothing can be compared.

    Args:
        asked: kinds and questions of the run to come.

    Raises:
        InvalidRequestError: it is none, holds ids twice, or was asked other questions.
    """
    rows = _once(read_rows(output, _KEYS))
    found = rows.group_by(["kind", "question"]).aggregate([]).to_pylist()
    if not {(row["kind"], row["question"]) for row in found} & set(asked):
        raise InvalidRequestError(f"{short_name(output)} was asked other questions than these")


def _once(rows: pa.Table) -> pa.Table:
    if rows.group_by(_KEYS).aggregate([]).num_rows < rows.num_rows:
        raise InvalidRequestError("a run holds a photo's id twice, so that runs cannot be compared: give ids")
    return rows


def changed_rows(before: str, after: str) -> tuple[pa.Table, list[dict[str, Any]]]:
    """Compare two runs over the same catalogue.

    Args:
        before, after: outputs of `vitrine bulk`.

    Returns:
        The rows of both whose answer, status, codes or error differ, the old values under names that end in
        `_before`; and for each kind and question how many rows both have, and how many changed, came to be answered,
        or no longer are.
    """
    old, new = (read_rows(output, [*_KEYS, *_COMPARED]) for output in (before, after))
    both = _once(new).join(_once(old), _KEYS, join_type="inner", right_suffix="_before")

    def differs(name: str) -> pa.ChunkedArray:
        texts = (pc.fill_null(both[column], "") for column in (name, f"{name}_before"))
        return pc.not_equal(*texts)

    of_text = pc.and_(pc.equal(both["kind"], "read"), differs("detail"))  # a list's probabilities always do
    is_changed = pc.or_(pc.or_(differs("answer"), differs("status")), pc.or_(differs("error_code"), of_text))
    is_answered, was_answered = (
        pc.equal(pc.fill_null(both[name], ""), "answered") for name in ("status", "status_before")
    )
    flagged = both.select(["kind", "question"])
    for name, flags in (
        ("rows", pc.is_valid(both["id"])),  # all of them
        ("changed", is_changed),
        ("newly_answered", pc.and_not(is_answered, was_answered)),
        ("no_longer_answered", pc.and_not(was_answered, is_answered)),
    ):
        flagged = flagged.append_column(name, pc.cast(flags, pa.int64()))
    counted = ("rows", "changed", "newly_answered", "no_longer_answered")
    totals = flagged.group_by(["kind", "question"]).aggregate([(name, "sum") for name in counted])
    totals = totals.rename_columns([name.removesuffix("_sum") for name in totals.column_names])
    return both.filter(is_changed), sorted(totals.to_pylist(), key=lambda row: (row["kind"], row["question"]))
