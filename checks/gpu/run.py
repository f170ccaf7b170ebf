"""The check from its first step to its report."""

import subprocess
import sys
import time

from builders.tensorrt.ngc import NGC_RELEASE, TENSORRT_IMAGE, TRITON_IMAGE
from checks.gpu.options import ROOT, GpuCheckOptions
from checks.gpu.report import FAILED, NOT_RUN, Verdict, all_passed, write_report
from checks.gpu.steps import Check, machine_facts, run_step, server_taken_down, steps
from serving.triton.ports import resolve_ports


def check_gpu(options: GpuCheckOptions) -> int:
    """Run every step, and write what was found.

    Returns:
        The program's exit status.
    """
    folder = ROOT / "build" / f"gpu-check-{time.strftime('%Y%m%d-%H%M%S')}"
    ports = resolve_ports("127.0.0.1", {"grpc_port": 0, "metrics_port": 0})
    check = Check(ROOT, folder, options.checkpoint, **ports)
    if options.dry_run:
        return _dry_run(check)
    folder.mkdir(parents=True)
    verdicts: list[Verdict] = []
    with server_taken_down(check):
        for number, step in enumerate(todo := steps(), 1):
            print(f"[{number}/{len(todo)}] {step.name}", flush=True)
            found = run_step(step, check)
            verdicts += found
            for verdict in found:
                print(
                    f"    {verdict.outcome}: {verdict.rule}{': ' if verdict.found else ''}{verdict.found}", flush=True
                )
            if step.stops and any(v.outcome == FAILED for v in found):
                reason = f"stopped at: {step.name}"
                verdicts += [Verdict(later.name, NOT_RUN, reason) for later in todo[number:]]
                break
    page = write_report(verdicts, {"release": NGC_RELEASE, **machine_facts()}, folder)
    print(f"report: {page}")
    return 1 if any(v.outcome == FAILED for v in verdicts) else 0 if all_passed(verdicts) else 3


def _dry_run(check: Check) -> int:
    """Print each step, and check what needs no GPU."""
    print(f"images: {TENSORRT_IMAGE}, {TRITON_IMAGE}\n")
    for number, step in enumerate(steps(), 1):
        print(f"[{number}] {step.name}")
        for command in step.commands(check):
            print(f"    $ {' '.join(command)}")
    print("\nchecked here, without a GPU, in a minute or two:", flush=True)
    output = check.folder.parent / f"{check.folder.name}-dry-run"
    command = [
        sys.executable, "-m", "builders", "--checkpoint", check.checkpoint, "--output", str(output),
        "--target", "tensorrt", "--graphs-only", "--parity-photos", "143",
    ]  # fmt: skip
    print(f"    $ {' '.join(['python', *command[1:]])}", flush=True)
    return subprocess.run(command, cwd=check.root, check=False).returncode
