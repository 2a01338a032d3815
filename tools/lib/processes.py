"""Programs started on loopback, for the end-to-end tests, the soak, the drill, the demo and the benchmark.

    with Lease() as lease:                                   # 127.N.0.0/16 is ours
        server = Process([program, "--config", file], "server.log")
        server.wait_ready("the server")                      # it has printed the line `ready`
        eventually(lambda: answers(lease.address("0.1")), "it answers")
        server.stop()                                        # SIGTERM, and its exit status

Nothing waits for a fixed time. A process leads a group of its own, is killed with all of it, and by the kernel should its starter
die. Standard library only.
"""
import fcntl
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

os.environ.setdefault("MERIDIAN_ALLOW_ROOT", "1")  # who runs these as root means it; a server alone would refuse


class Failed(AssertionError):
    """A process ended, or something never came true."""


def eventually(condition, what, seconds=120.0, pause=0.02, passing=(OSError, http.client.HTTPException)):
    """Asks until condition() is true, and returns what it gave. Exceptions `passing` are a no; the last one, or the last value, is told."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except passing as error:
            last = error
        time.sleep(pause)
    raise Failed(f"never came true within {seconds:g} s: {what}; last: {last!r}")


class Lease:
    """One second byte N of 127.N.0.0/16, held by a lock file, so that runs beside each other never share addresses."""

    def __init__(self):
        folder = pathlib.Path("/tmp/meridian-slots")
        folder.mkdir(exist_ok=True)
        for number in range(20, 250):
            handle = open(folder / str(number), "w")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.number, self.handle = number, handle
                return
            except OSError:
                handle.close()
        raise Failed("no free loopback network")

    def address(self, rest):
        """`0.1` is 127.N.0.1."""
        return f"127.{self.number}.{rest}"

    def release(self):
        self.handle.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


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


class Process:
    """One program in the foreground, its output at the end of the file `log`."""

    def __init__(self, arguments, log, cwd=None, environment=None, error=None, pass_fds=()):
        """`environment` is the whole of it (this process's, if None); `error`: where standard error goes in place of the log."""
        self.arguments = [str(part) for part in arguments]
        self.log = pathlib.Path(log)
        self.handle = open(self.log, "ab")
        self.began = time.monotonic()
        # The kernel tells of the end of the thread that has started it: only that of the main one is our end.
        fate = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] if threading.current_thread() is threading.main_thread() else []
        self.popen = subprocess.Popen([*fate, *self.arguments], stdin=subprocess.DEVNULL, stdout=self.handle,
                                      stderr=self.handle if error is None else error, cwd=cwd, env=environment, pass_fds=pass_fds,
                                      start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def status(self):
        """Its exit status; None while it runs."""
        return self.popen.poll()

    def running(self):
        return self.popen.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=8):
        return "\n".join(self.text().strip().splitlines()[-lines:])

    def wait_until(self, condition, what, seconds=120.0, **how):
        """eventually(), but for its end, which no condition survives."""
        found = eventually(lambda: not self.running() or condition(), what, seconds, **how)
        if not self.running():
            raise Failed(f"{what}: {self.arguments[0]} ended with status {self.status}:\n{self.tail(40)}")
        return found

    def wait_ready(self, what="it", seconds=120.0):
        """Until it has printed the line `ready`. (An address `already in use` is none.)"""
        self.wait_until(lambda: re.search(r"^ready$", self.text(), re.M), f"{what}: ready", seconds)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=60):
        return self.popen.wait(timeout)

    def forget(self):
        """It ends by itself, or is nobody's to end any more."""
        self.popen.wait()
        self.handle.close()

    def kill(self):
        """At once, with all that it has started."""
        if self.running():
            os.killpg(self.pid, signal.SIGKILL)
        self.forget()

    def stop(self, timeout=60):
        """SIGTERM, and the exit status; killed and an error if it does not end."""
        if self.running():
            self.popen.terminate()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            text = self.text()[-2000:]
            raise Failed(f"did not end within {timeout} s of SIGTERM: {self.arguments}\n{text}") from None
        finally:
            self.kill()

    def memory_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text()).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def stop_all(processes, seconds):
    """SIGTERM to each; who has not ended after so many seconds, together, is killed."""
    processes = list(processes)
    for process in processes:
        if process.running():
            process.popen.terminate()
    end = time.monotonic() + seconds
    for process in processes:
        try:
            process.popen.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        process.kill()
