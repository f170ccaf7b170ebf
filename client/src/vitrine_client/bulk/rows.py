"""Rows of answers: what Parquet holds, and how a photo's results become some."""

import json
from typing import Any

import pyarrow as pa

from vitrine_client.bulk.job import Job
from vitrine_client.errors import VitrineError
from vitrine_client.reading import Reading
from vitrine_client.results import Answer, Choice, Embedding

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("status", pa.string()),
        ("confidence", pa.float32()),
        ("reason", pa.string()),
        ("source", pa.string()),
        ("detail", pa.string()),
        ("vector", pa.list_(pa.float32())),
        ("release", pa.string()),
        ("error_code", pa.string()),
        ("error", pa.string()),
    ]
)
"""One row for each photo and question. `kind`: ask, choose, read or embed. `detail`: JSON, of what has no column."""


def questions_of(job: Job) -> list[tuple[str, str]]:
    """Return the kind and the question of each row that a photo has, in the rows' order."""
    asked = [("ask", question) for question in job.asks] + [("choose", question) for question, _ in job.choices]
    return asked + [("read", "")] * job.reads + [("embed", "")] * job.embeds


def row_from_result(item_id: str, kind: str, question: str, result: Any) -> dict[str, Any]:
    """Make a row of one result; what it has nothing of stays empty."""
    row: dict[str, Any] = {"id": item_id, "kind": kind, "question": question, "release": result.release}
    match result:
        case Answer() | Choice():
            row |= {"answer": result.text, "status": result.status, "confidence": result.confidence}
            row |= {"reason": result.reason, "source": result.source}
            if isinstance(result, Choice):
                row["detail"] = json.dumps(result.probabilities, ensure_ascii=False)
        case Reading():
            sure = [line for line in result.lines if line.status == "sure"]
            row |= {"answer": "\n".join(line.text for line in sure), "source": "text"}
            codes = [{"text": code.text, "kind": code.kind} for code in result.codes]
            unsure = [line.text for line in result.lines if line.status != "sure"]
            row["detail"] = json.dumps({"codes": codes, "unsure": unsure}, ensure_ascii=False)
        case Embedding():
            row["vector"] = result.vector
    return row


def row_of_failure(item_id: str, kind: str, question: str, error: VitrineError) -> dict[str, Any]:
    return {"id": item_id, "kind": kind, "question": question, "error_code": error.code, "error": error.message}
