"""Servers and load as processes: pinned to a core, their CPU time read from the kernel, ended by what started them."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

os.environ.setdefault("MERIDIAN_ALLOW_ROOT", "1")  # who measures as root means it; a server alone would refuse

SERVER_CORE = 0
LOAD_CORE = 1


class ServerFailed(Exception):
    """A server that could not be started or did not answer."""


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


class Process:
    """A program in the foreground, pinned to one core, its output in a file."""

    def __init__(self, name, command, directory, core=SERVER_CORE, environment=None):
        self.name = name
        self.log_path = Path(directory) / f"{name}.log"
        self.started = time.monotonic()
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)], cwd=directory, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, **(environment or {})}, start_new_session=True)
        self.pid = self.child.pid

    def alive(self):
        return self.child.poll() is None

    def cpu(self):
        return cpu_seconds(self.pid)

    def fail(self, why):
        tail = self.log_path.read_text(errors="replace").strip().splitlines()[-5:]
        raise ServerFailed(f"{self.name}: {why}: " + " | ".join(tail))

    def stop(self):
        if self.alive():
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
        self.child.wait()

    def wait_until(self, ready, seconds=60):
        """Waits for ready() to hold; returns the seconds since the start of the process."""
        deadline = time.monotonic() + seconds
        try:
            while not ready():
                if not self.alive():
                    self.fail(f"ended with status {self.child.returncode}")
                if time.monotonic() > deadline:
                    self.fail(f"not ready after {seconds} s")
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise
        return time.monotonic() - self.started


def free_port():
    """A port that is free for both TCP and UDP on 127.0.0.1 now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
