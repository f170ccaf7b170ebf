"""`python -m deploy.supply.audit LOCK ...`: known vulnerabilities of what is locked.

Fails if there is one; warns, and does not fail, where no service can be asked:
pip-audit alone says "none found" when a mirror knows none of the packages.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from command_line.options import options_from_arguments
from command_line.values import Argument

_TIMEOUT_S = 300
_UNREACHABLE = re.compile(r"ConnectionError|NameResolutionError|Timeout|ServiceError|SSLError|ProxyError")
_PIN = re.compile(r"^([A-Za-z0-9._-]+==[^\s\\;+]+)", re.MULTILINE)  # without "+cpu": advisories know no builds


@dataclass(frozen=True)
class AuditOptions:
    """Ask for known vulnerabilities of what is locked (pip-audit). Where no service can be asked, that is said, and is
    no failure.

    Exit status: 0 none is known, or nobody could be asked; 1 one is; 2 pip-audit itself failed.
    """

    lock: Annotated[tuple[Path, ...], Argument(is_positional=True)]
    """Lock files."""
    ignore: Annotated[tuple[str, ...], Argument(metavar="ID", is_repeated=True)] = ()
    """A vulnerability that does not concern us."""


def pins(locks: Sequence[Path]) -> list[str]:
    return sorted({pin for lock in locks for pin in _PIN.findall(lock.read_text("utf-8"))})


def verdict(packages: Sequence[dict[str, Any]]) -> tuple[int, list[str]]:
    """An exit status and what to say, from pip-audit's list of packages."""
    said = [
        f"{package['name']} {package['version']}: {', '.join([hole['id'], *hole['aliases']])}; fixed in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for package in packages
        for hole in package.get("vulns", [])
    ]
    if said:
        return 1, said
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return 0, [_not_checked("the service knows none of the packages (a mirror without advisories?)")]
    if skipped:
        said.append(_not_checked(f"the service does not know {', '.join(skipped)}"))
    return 0, [*said, f"no known vulnerabilities in {len(packages) - len(skipped)} packages"]


def _not_checked(why: str) -> str:
    return f"WARNING: NOT CHECKED for known vulnerabilities: {why}"


def main() -> int:
    options = options_from_arguments(AuditOptions, "python -m deploy.supply.audit")
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder) / "pins.txt", Path(folder) / "audit.json"
        wanted.write_text("\n".join(pins(options.lock)) + "\n", "utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(wanted), "--no-deps", "--disable-pip"]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(report)]
        command += [word for one in options.ignore for word in ("--ignore-vuln", one)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            print(_not_checked(f"the service took longer than {_TIMEOUT_S} s"), file=sys.stderr)
            return 0
        if not report.exists():
            if not _UNREACHABLE.search(done.stderr):
                print(done.stderr, file=sys.stderr)
                return 2
            print(_not_checked("the service cannot be reached"), file=sys.stderr)
            return 0
        status, said = verdict(json.loads(report.read_text("utf-8"))["dependencies"])
    print("\n".join(said), file=sys.stderr if status or "WARNING" in said[0] else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())
