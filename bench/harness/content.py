"""The works of content: files, caches and compression; what is asked of every server, how it is checked, how a window is measured."""

import gzip
import hashlib
import http.client as http_client
import json
import subprocess
import sys
import time
from pathlib import Path

from . import content_peers, http
from .process import LOAD_CORE, SERVER_CORE, Process, ServerFailed, find_program, free_port, machine_busy_seconds

# `size`: octets that a client has in the end; `fields`: of the request; `hits`: the same is asked again; `unique`: a URL of its own each time;
# `base`: whose figures the others' are set against.
WORKS = {
    "static1k": {"title": "file, 1 KiB", "path": "/1k.bin", "size": 1024},
    "static16k": {"title": "file, 16 KiB", "path": "/16k.bin", "size": 16384},
    "static1m": {"title": "file, 1 MiB", "path": "/1m.bin", "size": 1 << 20},
    "gzip16k": {"title": "text of 16 KiB, gzip", "path": "/16k.txt", "size": 16384, "fields": {"Accept-Encoding": "gzip"}},
    "hit1k": {"title": "cache hit, 1 KiB, memory", "path": "/item?bytes=1024", "size": 1024, "hits": True},
    "hit1m_disk": {"title": "cache hit, 1 MiB, disk", "path": "/item?bytes=1048576", "size": 1 << 20, "hits": True},
    "miss": {"title": "cache miss, 128 B, beside proxying", "path": "/item?bytes=128", "size": 128, "unique": True, "base": "meridian-edge plain"},
}
GROUPS = tuple((work,) for work in WORKS)
BENCH = Path(__file__).resolve().parent.parent
REPORT, UNIQUE = BENCH / "wrk_report.lua", BENCH / "wrk_unique.lua"


def text_of(size):
    """Like a page: words of a small language, in an order that does not repeat."""
    words = [hashlib.sha256(str(n).encode()).hexdigest()[:2 + n % 9] for n in range(300)]
    picked, count = [], 0
    while count < size:
        number = int.from_bytes(hashlib.sha256(str(len(picked)).encode()).digest()[:4], "big")
        picked.append(words[number % (1 + number // 7 % len(words))])
        count += len(picked[-1]) + 1
    return " ".join(picked).encode()[:size]


def make_files(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for name, size in (("1k.bin", 1024), ("16k.bin", 16384), ("1m.bin", 1 << 20)):
        (directory / name).write_bytes(b"".join(hashlib.sha256(bytes([n % 256, n // 256 % 256, n // 65536])).digest() for n in range(size // 32)))
    (directory / "16k.txt").write_bytes(text_of(16384))
    return directory


class ContentRun:
    """One server on its port, with the configuration of one work."""

    def __init__(self, peer, directory, options, works):
        self.peer, self.name, self.options = peer, peer.name, options
        self.works = [work for work in works if work in peer.works]
        self.port = free_port()
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        if http.Backends.shared is None or not http.Backends.shared.process.running():
            http.Backends.shared = http.Backends(directory, options, {})
        self.backends = http.Backends.shared
        files = make_files(directory / "files")
        setup = content_peers.Setup(directory / peer.name.replace(" ", "-"), self.port, self.backends.addresses, works[0], options.binaries, files)
        self.process = Process(peer.name, peer.command(setup), setup.directory, core=SERVER_CORE)
        self.process.wait_for(self.ready, getattr(peer, "patience", 20))
        for work in self.works:
            self.check(work)

    def ask(self, work):
        return http.request(self.port, WORKS[work]["path"], WORKS[work].get("fields", {}))

    def ready(self):
        try:
            return self.ask(self.works[0])[0] == 200
        except (OSError, http_client.HTTPException):
            return False

    def check(self, work):
        """Does the server do what the work asks? A cache has it from the second request on, a disk's once it is written."""
        end = time.monotonic() + 10
        while True:
            status, body, headers = self.ask(work)
            if headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            elif work == "gzip16k":
                raise ServerFailed(f"{self.name}, {work}: not compressed")
            if status != 200 or len(body) != WORKS[work]["size"]:
                raise ServerFailed(f"{self.name}, {work}: status {status}, {len(body)} octets")
            if not WORKS[work].get("hits"):
                return
            asked = self.backends.process.cpu()
            self.ask(work)
            if "Age" in self.ask(work)[2] or "hit" in headers.get("Cache-Status", "") or self.backends.process.cpu() == asked:
                return
            if time.monotonic() > end:
                raise ServerFailed(f"{self.name}, {work}: it does not keep the answer")
            time.sleep(0.1)

    def load(self, work):
        script = UNIQUE if WORKS[work].get("unique") else REPORT
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{self.options.connections}", f"-d{self.options.seconds:g}s", "-s", str(script)]
        for name, value in WORKS[work].get("fields", {}).items():
            command += ["-H", f"{name}: {value}"]
        done = subprocess.run([*command, f"http://127.0.0.1:{self.port}{WORKS[work]['path']}"], capture_output=True, text=True, check=False)
        line = next((line for line in done.stdout.splitlines() if line.startswith("JSON ")), None)
        if line is None:
            raise ServerFailed(f"{self.name}: wrk failed: {done.stderr.strip()}")
        return json.loads(line[5:])

    def measure(self, work):
        """One window: CPU microseconds per request that was answered with a 2xx."""
        backend = self.backends.process
        busy, before, backend_before, began = machine_busy_seconds(), self.process.cpu(), backend.cpu(), time.monotonic()
        result = self.load(work)
        spent, wall = self.process.cpu() - before, time.monotonic() - began
        errors = sum(result.get(kind, 0) for kind in ("not_2xx", "connect", "read", "write", "timeout"))
        if errors or result["requests"] == 0:
            raise ServerFailed(f"{self.name}, {work}: {result}")
        others = machine_busy_seconds() - busy - spent - wall
        return {"us": spent / result["requests"] * 1e6, "per_second": result["requests"] / result["seconds"],
                "p50_us": result["p50_us"], "p99_us": result["p99_us"], "disturbance": max(0.0, others / wall),
                "backend_us": (backend.cpu() - backend_before) / result["requests"] * 1e6}

    def meet(self, runs):
        """No work depends on the others."""

    def stop(self):
        self.process.stop()
        if self.backends.process.running():
            self.backends.process.stop()


def available_peers(options):
    """The servers that this machine has and the command line names."""
    if not find_program("wrk"):
        sys.exit("wrk is not installed")
    for peer in content_peers.ALL:
        if options.servers and not {peer.name, peer.name.split()[0]} & {*options.servers}:
            continue
        if peer.program and not find_program(peer.program):
            print(f"  {peer.name}: not installed, left out", file=sys.stderr)
            continue
        if peer.program is None and not (options.binaries / "meridian-edge").exists():
            print(f"  {peer.name}: not built, left out", file=sys.stderr)
            continue
        yield peer
