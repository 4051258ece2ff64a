"""Code answers judged by their tests, in a process of their own under limits.

The child is a fresh isolated interpreter with an empty environment and an empty directory of its
own. It limits itself before it reads the code: CPU seconds, address space, size of written files,
open files, no core dumps; the parent kills its process group at a wall-clock limit. Where the kernel
allows it, the child leaves the network (a user and network namespace of its own); an audit hook
refuses sockets, new processes and writing outside of the directory in any case. Limits, honestly: an
audit hook and rlimits are no wall. Code that means harm can get around a hook (ctypes is refused,
native extensions are not), read what the user can read, and forge its own success. Run it as a user
of its own, or in a container, where that matters; nothing is run unless `run_code` is set.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass

__all__ = ["Limits", "Outcome", "run_tests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a test process may use."""

    cpu_seconds: int = 5
    """CPU time, in seconds."""

    wall_seconds: float = 15.0
    """Time until it is killed, in seconds; counts where code sleeps."""

    memory: int = 1 << 30
    """Address space, in bytes; the interpreter itself needs some 50 MB."""

    file_bytes: int = 1 << 20
    """Size of one written file, in bytes."""

    open_files: int = 32
    """Open files."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether code passed. `reason`: "", error, no_end, time, cpu, killed. `detail`: the last line.

    `network` says how the network was shut: namespace, or hook where the kernel allowed no namespace.
    `printed` is what code that passed printed, its first `PRINTED` characters.
    """

    passed: bool
    reason: str = ""
    detail: str = ""
    network: str = ""
    printed: str = ""


PRINTED = 2000


_CHILD = r"""
import json, os, resource, sys
job = json.loads(sys.stdin.buffer.read())
limits = job["limits"]
channel = os.dup(1)
os.dup2(2, 1)
network = "hook"
try:
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    network = "namespace"
except (AttributeError, OSError):
    try:
        import ctypes
        if ctypes.CDLL(None).unshare(0x10000000 | 0x40000000) == 0:
            network = "namespace"
    except (OSError, AttributeError, ImportError):
        pass
cpu = limits["cpu_seconds"]
resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
for kind, most in (
    (resource.RLIMIT_AS, limits["memory"]),
    (resource.RLIMIT_FSIZE, limits["file_bytes"]), (resource.RLIMIT_NOFILE, limits["open_files"]),
    (resource.RLIMIT_CORE, 0),
):
    resource.setrlimit(kind, (most, most))
home = os.path.realpath(os.getcwd())
REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn",
           "os.kill", "os.putenv", "ctypes.", "pty.", "shutil.", "urllib.", "ftplib.", "http.",
           "signal.pthread_kill", "os.setxattr", "os.chown", "os.chmod", "os.link", "os.symlink")
PATHS = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate")
def inside(path):
    if isinstance(path, int):
        return True
    real = os.path.realpath(os.fsdecode(path))
    return real == home or real.startswith(home + os.sep)
def watch(event, args):
    if event.startswith(REFUSED):
        raise PermissionError("not allowed here: " + event)
    if event == "open":
        path, mode, flags = args
        writes = (mode and set(mode) & set("wax+")) or (flags or 0) & (
            os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if writes and path is not None and not inside(path):
            raise PermissionError("not allowed here: writing outside of the directory")
    elif event in PATHS and args and args[0] is not None and not inside(args[0]):
        raise PermissionError("not allowed here: " + event)
sys.addaudithook(watch)
def end(word, _write=os.write, _channel=channel, _token=job.pop("token")):
    _write(_channel, (_token + " " + word + " " + network).encode())
code, tests = job.pop("code"), job.pop("tests")
space = {"__name__": "answer"}
exec(compile(code, "answer", "exec"), space)
exec(compile(tests, "tests", "exec"), space)
end("passed")
"""


def run_tests(code: str, tests: str, limits: Limits = Limits()) -> Outcome:
    """Run `code`, then `tests`, in one fresh process; passed iff neither raises and both end."""
    token = secrets.token_hex(16)
    job = {"code": code, "tests": tests, "limits": asdict(limits), "token": token}
    # what it prints goes to a file, which the limit on written files holds: a pipe would fill our memory
    with tempfile.TemporaryDirectory(prefix="cot-") as home, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=home,
            env={"PATH": os.defpath, "HOME": home, "TMPDIR": home},
            start_new_session=True,
        )
        try:
            payload = json.dumps(job).encode("utf-8", "surrogatepass")
            said, _ = child.communicate(payload, timeout=limits.wall_seconds)
        except subprocess.TimeoutExpired:
            _end(child)
            return Outcome(False, "time", f"more than {limits.wall_seconds:g} s")
        finally:
            _end(child)
        errors.seek(0)
        told = errors.read()
    return _outcome(child.returncode, said.decode("utf-8", "replace"), told, token)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what the child left running, itself included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def _outcome(code: int, said: str, errors: bytes, token: str) -> Outcome:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    detail = lines[-1][:200] if lines else ""
    words = said.split()
    if code == 0 and words[:2] == [token, "passed"]:
        printed = errors.decode("utf-8", "replace")[:PRINTED]
        return Outcome(True, network=words[2], printed=printed)
    if code == -signal.SIGXCPU:
        return Outcome(False, "cpu", detail)
    if code < 0:
        return Outcome(False, "killed", f"signal {-code}")
    return Outcome(False, "error" if code else "no_end", detail)
