"""`vitrine bulk`: progress, and what is said at the end."""

import argparse
import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from vitrine_client.bulk.changes import changed_rows, require_comparable
from vitrine_client.bulk.job import Job, remaining, write_whole
from vitrine_client.bulk.ray_engine import answer_on_ray
from vitrine_client.bulk.rows import questions_of
from vitrine_client.bulk.run import answer_shards
from vitrine_client.bulk.sources import place_of, shards_of
from vitrine_client.client import VqaClient
from vitrine_client.errors import DeadlineExceededError, InvalidRequestError, ServerError, ServerUnavailableError
from vitrine_client.quoting import short_name
from vitrine_client.transport import GrpcTransport

_CHANGES = "_changes.parquet"
_A_MILLION = 1_000_000
_LOOK_EVERY_S = 5.0
_LEAST_PHOTOS = 500
"""Photos of a run from which on it says what a million would take."""


def bulk(args: argparse.Namespace) -> int:
    job = Job(
        args.source, args.output, tuple(args.ask), tuple(args.choose), args.read, args.embed, args.max_risk,
        args.in_flight, args.timeout, args.patience, args.connection,
    )  # fmt: skip
    if not (job.asks or job.choices or job.reads or job.embeds):
        args.parser.error("nothing is asked: --ask, --choose, --read or --embed")
    asked = questions_of(job)
    if len(set(asked)) < len(asked):
        args.parser.error("a question is asked twice: name each once")
    if args.against:
        require_comparable(args.against, asked)  # before hours are spent
    _require_server(job)
    shards, passed_over = shards_of(job.source)
    todo, failed_before = remaining(job, shards)
    if passed_over:
        print(
            f"vitrine: {passed_over:,} files of the source are no photos by their names, and passed over",
            file=sys.stderr,
        )
    counts = [shard.count for shard in todo]
    total = None if None in counts else sum(count for count in counts if count is not None)
    photos = errors = 0
    start_s = time.monotonic()
    with tqdm(total=total, unit=" photos", disable=None, file=sys.stderr, smoothing=0.05) as bar:

        def done(row_errors: int, window: int) -> None:
            nonlocal photos, errors
            photos, errors = photos + 1, errors + bool(row_errors)
            bar.set_postfix({"failed": errors, "under way": window}, refresh=False)
            bar.update()

        try:
            broken = (answer_on_ray if args.engine == "ray" else answer_shards)(job, todo, done)
        except KeyboardInterrupt:
            bar.close()
            print("vitrine: stopped; what is whole is kept: start it again as it was to go on", file=sys.stderr)
            raise
    _report(args, len(shards) - len(todo), photos, errors + failed_before, broken, time.monotonic() - start_s)
    if args.against:
        _report_changes(args)
    return 1 if errors or failed_before or broken else 0


def _require_server(job: Job) -> None:
    """Wait for a server, as long as is waited for one later.

    Raises:
        VitrineError: none came.
    """
    end_s = time.monotonic() + job.patience_s
    with VqaClient(transport=GrpcTransport(**job.connection)) as client:
        while True:
            try:
                client.health(timeout_s=job.timeout_s)
                return
            except ServerError:
                return  # it is there, and says no more of itself
            except (ServerUnavailableError, DeadlineExceededError) as error:
                if time.monotonic() + _LOOK_EVERY_S > end_s:
                    raise
                print(f"vitrine: waiting for the server: {error.message}", file=sys.stderr)
                time.sleep(_LOOK_EVERY_S)


def _report(
    args: argparse.Namespace, already: int, photos: int, errors: int, broken: list[str], spent_s: float
) -> None:
    rate = photos / spent_s if spent_s else 0.0
    hours = _A_MILLION / rate / 3600 if rate else None
    if args.json:
        found = {"photos": photos, "failed": errors, "shards_done_before": already, "unreadable_shards": broken}
        print(json.dumps({**found, "seconds": round(spent_s, 1), "photos_per_s": round(rate, 1)}))
        return
    before = f" ({already} shards were done before)" if already else ""
    print(f"{photos:,} photos in {spent_s:.1f} s, {rate:.1f} a second; {errors:,} failed{before}")
    if hours is not None and photos >= _LEAST_PHOTOS:
        price = (
            ""
            if args.price_per_hour is None
            else f", {hours * args.price_per_hour:,.2f} at {args.price_per_hour:g} an hour"
        )
        print(f"a million photos: {hours:,.1f} hours{price}")
    for fault in broken:
        print(f"vitrine: no answers about {fault}; start it again when it is mended", file=sys.stderr)


def _report_changes(args: argparse.Namespace) -> None:
    changed, totals = changed_rows(args.against, args.output)
    system, folder = place_of(args.output)
    sink = pa.BufferOutputStream()
    pq.write_table(changed, sink, compression="zstd")
    write_whole(system, f"{folder}/{_CHANGES}", sink.getvalue())
    if not totals:
        raise InvalidRequestError(f"{short_name(args.against)} and this run have no photo and question in common")
    for row in totals:
        if args.json:
            print(json.dumps(row, ensure_ascii=False))
            continue
        what = f"{row['kind']} {row['question']}".strip()
        print(
            f"{what}: {row['changed']:,} of {row['rows']:,} changed; {row['newly_answered']:,} newly answered, "
            f"{row['no_longer_answered']:,} no longer"
        )
