"""What the processor can do that decides how ONNX Runtime is told to count."""

from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def has_vnni(cpuinfo: Path = _CPUINFO) -> bool:
    """Tell whether sums of INT8 products cannot overflow; True where the system does not say."""
    try:
        return "vnni" in cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return True


def int8_entries() -> dict[str, str]:
    """Session configuration entries for engines in INT8: without VNNI, a slower way of adding up that is right."""
    return {} if has_vnni() else {"session.x64quantprecision": "1"}
