"""The check from its first step to its report."""

import subprocess
import sys
import time
from contextlib import nullcontext

from builders.tensorrt.ngc import TENSORRT_IMAGE, TRITON_IMAGE
from checks.gpu.options import ROOT, GpuCheckOptions
from checks.gpu.report import FAILED, NOT_RUN, Verdict, all_passed, write_report
from checks.gpu.rtx_steps import rtx_steps
from checks.gpu.steps import Check, Step, container_steps, machine_facts, run_step, server_taken_down
from command_line.errors import UsageError
from serving.triton.ports import resolve_ports


def check_gpu(options: GpuCheckOptions) -> int:
    """Run every step, and write what was found.

    Returns:
        The program's exit status.

    Raises:
        UsageError: options that contradict each other.
    """
    if options.engines_only and options.compiler == "container":
        raise UsageError("--engines-only goes with --compiler tensorrt-rtx: in the container, every step is run")
    folder = ROOT / "build" / f"gpu-check-{time.strftime('%Y%m%d-%H%M%S')}"
    ports = resolve_ports("127.0.0.1", {"grpc_port": 0, "metrics_port": 0})
    check = Check(ROOT, folder, options.checkpoint, **ports)
    if options.dry_run:
        return _dry_run(options, check)
    folder.mkdir(parents=True)
    verdicts: list[Verdict] = []
    in_container = options.compiler == "container"
    with server_taken_down(check) if in_container else nullcontext():
        for number, step in enumerate(todo := _steps(options), 1):
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
    page = write_report(verdicts, {"compiler": _compiler(options), **machine_facts()}, folder)
    print(f"report: {page}")
    return 1 if any(v.outcome == FAILED for v in verdicts) else 0 if all_passed(verdicts) else 3


def _steps(options: GpuCheckOptions) -> list[Step]:
    return container_steps() if options.compiler == "container" else rtx_steps(engines_only=options.engines_only)


def _compiler(options: GpuCheckOptions) -> str:
    return f"{TENSORRT_IMAGE}, {TRITON_IMAGE}" if options.compiler == "container" else "TensorRT for RTX"


def _dry_run(options: GpuCheckOptions, check: Check) -> int:
    """Print each step, and check what needs no GPU."""
    print(f"compiler: {_compiler(options)}\n")
    for number, step in enumerate(_steps(options), 1):
        print(f"[{number}] {step.name}")
        for command in step.commands(check):
            print(f"    $ {' '.join(command)}")
    print("\nchecked here, without a GPU, in a minute or two:", flush=True)
    output = check.folder.parent / f"{check.folder.name}-dry-run"
    command = [
        sys.executable, "-m", "builders", "--checkpoint", check.checkpoint, "--output", str(output),
        "--parity-photos", "143", "--target",
        *(["tensorrt", "--graphs-only"] if options.compiler == "container" else ["tensorrt-rtx"]),
    ]  # fmt: skip
    print(f"    $ {' '.join(['python', *command[1:]])}", flush=True)
    return subprocess.run(command, cwd=check.root, check=False).returncode
