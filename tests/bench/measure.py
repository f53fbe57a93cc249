"""One command measured: wall time, CPU of client and server, peak memory."""

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Sample:
    """What one run took. Seconds and bytes; `stored` only where something was stored."""

    wall: float
    client_cpu: float
    server_cpu: float
    memory: int
    stored: int = 0


def _stat(pid):
    """utime, stime, cutime, cstime in ticks, and nothing when the process is gone (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return [int(x) for x in file.read().rpartition(")")[2].split()[11:15]]
    except (FileNotFoundError, ProcessLookupError):
        return [0, 0, 0, 0]


def _peak(pid):
    """The most memory the process itself ever had (VmHWM): what looking now and then may miss."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def _children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(x) for x in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _server_ticks(postmaster):
    """CPU of the server so far: its living processes and those it has buried."""
    return sum(_stat(postmaster)) + sum(sum(_stat(child)[:2]) for child in _children(postmaster))


def _tree(pid):
    todo, found = [pid], []
    while todo:
        one = todo.pop()
        found.append(one)
        # A child belongs to the thread that made it.
        try:
            threads = os.listdir(f"/proc/{one}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for thread in threads:
            try:
                with open(f"/proc/{one}/task/{thread}/children", encoding="ascii") as file:
                    todo += [int(x) for x in file.read().split()]
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def _memory(pid):
    """Bytes of the process, shared pages counted in part (Pss), so that a tree adds up."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0


def run(command, servers, cwd):
    """Runs `command` and gives a Sample; ends the bench when it fails."""
    before = sum(_server_ticks(server.postmaster()) for server in servers)
    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        peak, over = [0], threading.Event()

        def watch():
            while not over.wait(0.05):
                pids = _tree(child.pid)
                peak[0] = max(peak[0], sum(_memory(pid) for pid in pids), *(_peak(pid) for pid in pids))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        over.set()
        watcher.join()
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            sys.exit(f"bench: {' '.join(command)} ended with {child.returncode}:\n"
                     + said.read().decode(errors="replace")[-4000:])
    # A backend's CPU counts for the server once it has ended.
    for server in servers:
        while server.clients() > 0:
            time.sleep(0.01)
    after = sum(_server_ticks(server.postmaster()) for server in servers)
    return Sample(wall, usage.ru_utime + usage.ru_stime, (after - before) / TICKS,
                  peak[0])


def median(samples):
    """The median of each figure by itself."""
    return Sample(*(statistics.median(getattr(sample, field.name) for sample in samples)
                    for field in dataclasses.fields(Sample)))


def size(folder):
    """Bytes of all files under `folder`."""
    return sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(folder) for name in names)
