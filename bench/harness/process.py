"""Servers and load as processes: pinned to a core, their CPU time read from the kernel, ended by what started them."""

import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/lib"))

import processes  # noqa: E402  (the path comes first)
from processes import free_port  # noqa: E402,F401  (taken from here by who has a Process from here)

SERVER_CORE = 0
LOAD_CORE = 1


ServerFailed = processes.Failed  # a server could not be started or did not answer


class Starved(ServerFailed):
    """A window in which too many queries were lost: nothing wrong was said, but it cannot count."""


def find_program(name):
    """Path of a program, also in the sbin folders that are not in everybody's PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def family(pid):
    """A process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += family(int(child))
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    """CPU time of a process and its descendants, in nanosecond steps: user and system, of all threads."""
    total = 0
    for member in family(pid):
        for task in Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (OSError, IndexError):
                pass
    return total / 1e9


def memory_mib(pid):
    """Proportional set size of a process and its descendants."""
    kib = 0
    for member in family(pid):
        try:
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kib += int(line.split()[1])
        except OSError:
            pass
    return kib / 1024


def machine_busy_seconds():
    """CPU time that the whole machine has spent on anything but idling."""
    fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Process(processes.Process):
    """A program in the foreground, pinned to one core, its output in a file."""

    def __init__(self, name, command, directory, core=SERVER_CORE, environment=None):
        self.name = name
        super().__init__(["taskset", "-c", core, *command], Path(directory) / f"{name}.log", cwd=directory,
                         environment={**os.environ, **(environment or {})})

    def cpu(self):
        return cpu_seconds(self.pid)

    def fail(self, why):
        raise ServerFailed(f"{self.name}: {why}: " + " | ".join(self.tail(5).splitlines()))

    def stop(self, timeout=5):
        processes.stop_all([self], timeout)

    def wait_for(self, ready, seconds=60, pause=0.02):
        """Waits for ready() to hold; returns the seconds since the start of the process. It is ended if it never does."""
        try:
            self.wait_until(ready, self.name, seconds, pause=pause, passing=())
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - self.began
