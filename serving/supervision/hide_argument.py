"""Takes a secret out of a running process's command line, which every user of the machine can read (Linux).

Triton takes the key of its administration as an argument only. It has copied
its arguments when it first logs, so they can then be written over.
"""

from pathlib import Path

_ARG_START, _ARG_END = 45, 46  # fields of /proc/PID/stat after the name in brackets, see proc(5): 48 and 49


def hide_argument(pid: int, secret: str) -> bool:
    """Write over `secret` in the arguments of `pid`, a process of ours.

    Returns:
        Whether the arguments no longer hold it.
    """
    wanted = secret.encode()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            arguments = memory.read(end - start)
            if wanted in arguments:
                memory.seek(start)
                memory.write(arguments.replace(wanted, b"*" * len(wanted)))
        return wanted not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # the process has ended, or the kernel forbids it
        return False
