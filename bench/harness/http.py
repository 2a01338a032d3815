"""The HTTP works: what is asked of every proxy, how it is checked, and how one window is measured."""

import http.client
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import http_loads, http_peers, http_rules
from .process import (LOAD_CORE, SERVER_CORE, Process, ServerFailed, family, find_program, free_port, machine_busy_seconds,
                      memory_mib)

# `backends`: how many, 3 if not said; `base`: whose figures the others' are set against; `clients`: so many addresses in turn;
# `workers`: of the proxy; `rate`: share of the slowest proxy's most, open loop; `idle`: connections,
# which have asked so often (`asked`) and, where `left` is said, are gone again; they speak plain HTTP if `speaks` says nothing else.
# `by`: what makes the load, wrk if not said; `h2`: connections and streams of each; `websockets`: connections; `front`: haproxy before the backends.
WORKS = {
    "small": {"title": "HTTP/1.1, 128 B", "path": "/item?bytes=128", "fields": {}},
    "routes": {"title": "20 routes, tier, X-Forwarded-For, 2 fields", "path": "/r17/item?bytes=128",
               "fields": {"X-Customer-Tier": "enterprise"}},
    "body16k": {"title": "16 KiB bodies", "path": "/item?bytes=16384", "fields": {}},
    "body1m": {"title": "1 MiB bodies", "path": "/item?bytes=1048576", "fields": {}},
    "connect": {"title": "new connection per request", "path": "/item?bytes=128", "fields": {"Connection": "close"}},
    "half": {"title": "128 B at half load", "path": "/item?bytes=128", "fields": {}, "rate": 0.5},
    "idle": {"title": "bytes per idle connection (10,000)", "path": "/item?bytes=128", "fields": {}, "idle": 10000, "asked": 1},
    "idle_silent": {"title": "the same, of clients that say nothing", "path": "/item?bytes=128", "fields": {}, "idle": 10000, "asked": 0},
    "idle_left": {"title": "the same, once all have left", "path": "/item?bytes=128", "fields": {}, "idle": 10000, "asked": 1, "left": True},
    "workers2": {"title": "128 B, two workers", "path": "/item?bytes=128", "fields": {}, "workers": 2},
    "algorithms": {"title": "128 B, 10 servers, by algorithm", "path": "/item?bytes=128", "fields": {}, "backends": 10,
                   "clients": 240, "base": "meridian-edge round_robin"},
    "tcp": {"title": "passed on as TCP, 128 B", "path": "/item?bytes=128", "fields": {}},
    "tcp1m": {"title": "passed on as TCP, 1 MiB", "path": "/item?bytes=1048576", "fields": {}},
    "tls": {"title": "TLS 1.3, 128 B", "path": "/item?bytes=128", "fields": {}},
    "handshake": {"title": "full handshake, one request", "path": "/item?bytes=128", "fields": {}, "by": "full"},
    "resume": {"title": "resumed handshake, one request", "path": "/item?bytes=128", "fields": {}, "by": "resume"},
    "h2": {"title": "HTTP/2 over TLS, 8 x 32 streams, 128 B", "path": "/item?bytes=128", "fields": {}, "by": "h2load", "h2": (8, 32)},
    "h2_100k": {"title": "HTTP/2 over TLS, 8 x 8 streams, 100 KiB", "path": "/item?bytes=102400", "fields": {}, "by": "h2load", "h2": (8, 8)},
    "websocket": {"title": "WebSocket echo, 100 B, 1,000 connections", "path": "/item", "fields": {}, "by": "websocket", "websockets": 1000},
    "websocket_h2": {"title": "the same, of servers that speak HTTP/2", "path": "/item", "fields": {}, "by": "websocket", "websockets": 1000, "front": True},
    "idle_tls": {"title": "bytes per idle TLS connection (5,000)", "path": "/item?bytes=128", "fields": {}, "idle": 5000, "asked": 1, "speaks": "tls"},
    "idle_h2": {"title": "bytes per idle HTTP/2 connection over TLS (5,000)", "path": "/item?bytes=128", "fields": {}, "idle": 5000, "asked": 1,
                "speaks": "h2"},
    **http_rules.WORKS,
}
# The works that one start of the proxies serves together.
GROUPS = (("small", "body16k", "body1m", "connect", "half"), ("idle",), ("idle_silent",), ("idle_left",), ("routes",), ("workers2",), ("algorithms",), ("tcp", "tcp1m"),
          ("tls", "handshake", "resume", "h2", "h2_100k"), ("websocket",), ("websocket_h2",), ("idle_tls",), ("idle_h2",), *http_rules.GROUPS)
SIZES = {"body16k": 16384, "body1m": 1 << 20, "tcp1m": 1 << 20, "h2_100k": 102400}
REPORT = Path(__file__).resolve().parent.parent / "wrk_report.lua"
CLIENTS = REPORT.with_name("wrk_clients.lua")


class Backends:
    """Servers in one process on the load's core, shared by all proxies of the run."""

    shared = None

    def __init__(self, directory, options, about):
        self.about = about
        self.addresses = [f"127.0.0.1:{free_port()}" for _ in range(about.get("backends", 3))]
        command = [options.binaries / "meridian-test-backend", *(f"{a}=b{i},web,here" for i, a in enumerate(self.addresses))]
        if "websockets" in about:
            command = [options.binaries / "bench_websocket_echo", *self.addresses]
        self.process = Process("backends", command, directory, core=LOAD_CORE)
        self.process.wait_ready(self.process.name, 60)
        self.front = None
        if about.get("front"):
            command, self.addresses = http_peers.front_of(directory, self.addresses)
            self.front = Process("front", command, directory, core=LOAD_CORE)

    def suit(self, about):
        """Whether this work wants such."""
        return self.process.running() and all(self.about.get(key) == about.get(key) for key in ("websockets", "front"))

    def stop(self):
        for process in (self.process, self.front):
            if process and process.running():
                process.stop()


def request(port, path, fields, sealed=False):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    if sealed:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=http_loads.unverified("http/1.1"))
    try:
        connection.request("GET", path, headers=fields)
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


class HttpRun:
    """One proxy on its port, with the configuration of one group of works."""

    saturated = {}
    slowest = None
    idle_window = None

    def __init__(self, peer, directory, options, works):
        self.peer = peer
        self.name = peer.name
        self.options = options
        self.works = [work for work in works if work in peer.works]
        self.port = free_port()
        Path(directory).mkdir(parents=True, exist_ok=True)
        about = WORKS[works[0]]
        if Backends.shared is None or not Backends.shared.suit(about):
            Backends.shared = Backends(directory, options, about)
        self.backends = Backends.shared
        setup = http_peers.Setup(Path(directory) / peer.name.replace(" ", "-"), self.port, self.backends.addresses, works[0], options.binaries, peer.balance)
        self.sealed, self.echo = setup.sealed(), "websockets" in about
        cores = "0,1" if about.get("workers", 1) > 1 else SERVER_CORE
        self.process = Process(peer.name, peer.command(setup), setup.directory, core=cores)
        self.fields = peer.fields(setup) if hasattr(peer, "fields") else {}
        self.clients = getattr(peer, "clients", None)
        self.process.wait_for(self.ready, 20)
        for work in self.works:
            self.check(work)

    def ready(self):
        try:
            if self.echo:
                return self.load("websocket", connections=2, seconds=0.1)["requests"] > 0
            return request(self.port, "/item?bytes=128", self.fields, self.sealed)[0] == 200
        except (OSError, http.client.HTTPException, ServerFailed):
            return False

    def check(self, work):
        """Does the proxy do what the work asks? Asked of the backend, which says what it saw."""
        if self.name == "floor" or self.echo:
            return
        fields = {**WORKS[work]["fields"], **self.fields}
        if work == "jwt" and request(self.port, WORKS[work]["path"], {"Authorization": fields["Authorization"][:-4] + "AAAA"})[0] != 401:
            raise ServerFailed(f"{self.name}: a token with another signature is let in")
        status, body, _ = request(self.port, WORKS[work]["path"], fields, self.sealed)
        if status != 200 or len(body) != SIZES.get(work, 128):
            raise ServerFailed(f"{self.name}, {work}: status {status}, {len(body)} bytes")
        if work == "algorithms":
            self.check_servers(work)
        if work not in ("routes", *http_rules.RULED):
            return
        _, body, answered = request(self.port, "/r17/item", fields)
        seen = {name.lower(): value for name, value in json.loads(body)["headers"].items()}
        if "127.0.0.1" not in seen.get("x-forwarded-for", "") or seen.get("x-real-ip") != "127.0.0.1":
            raise ServerFailed(f"{self.name}: the backend saw {seen}")
        missing = [name for name, value in http_peers.RESPONSE_FIELDS.items() if answered.get(name) != value]
        if missing:
            raise ServerFailed(f"{self.name}: the response lacks {', '.join(missing)}")

    def check_servers(self, work):
        """All servers get some of the clients; by response time perhaps only the quickest, as long as one request comes at a time."""
        seen = set()
        for client in range(1, WORKS[work]["clients"] + 1):
            fields = {"X-Forwarded-For": f"198.18.0.{client}"}
            seen.add(request(self.port, WORKS[work]["path"], fields)[2]["X-Backend"])
        if len(seen) < (1 if self.peer.balance == "least_time" else WORKS[work]["backends"]):
            raise ServerFailed(f"{self.name}: only {', '.join(sorted(seen))} were asked")

    def load(self, work, connections=None, seconds=None):
        by, seconds = WORKS[work].get("by"), seconds or self.options.seconds
        scheme = "https" if self.sealed else "http"
        if by == "h2load":
            return http_loads.h2load(self.name, f"{scheme}://127.0.0.1:{self.port}{WORKS[work]['path']}", *WORKS[work]["h2"], seconds)
        if by == "websocket":
            count = connections or WORKS[work]["websockets"]
            return http_loads.run(self.name, [self.options.binaries / "bench_websocket_load", f"127.0.0.1:{self.port}", str(count), f"{seconds:g}"])
        if by:
            return http_loads.run(self.name, [self.options.binaries / "bench_tls_load", by, f"127.0.0.1:{self.port}", f"{seconds:g}"])
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{self.options.connections}", f"-d{self.options.seconds:g}s",
                   "-s", str(CLIENTS if self.clients else REPORT)]
        for name, value in {**WORKS[work]["fields"], **self.fields}.items():
            command += ["-H", f"{name}: {value}"]
        command.append(f"{scheme}://127.0.0.1:{self.port}{WORKS[work]['path']}")
        clients = self.clients or WORKS[work].get("clients")
        if clients:
            command += ["--", str(clients)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        line = next((line for line in done.stdout.splitlines() if line.startswith("JSON ")), None)
        if line is None:
            raise ServerFailed(f"{self.name}: wrk failed: {done.stderr.strip()}")
        return json.loads(line[5:])

    def most(self):
        """Requests per second at saturation, measured once."""
        if self.name not in self.saturated:
            result = self.load("small")
            self.saturated[self.name] = result["requests"] / result["seconds"]
        return self.saturated[self.name]

    def load_at(self, work, per_second):
        """Open loop: requests leave when they are due, whatever has come back; times count from when they were due."""
        clients, seconds = self.options.connections, max(2, round(self.options.seconds))
        with tempfile.NamedTemporaryFile("r") as log:
            command = ["taskset", "-c", str(LOAD_CORE), "h2load", "--h1", "-t1", f"-c{clients}", "-D", str(seconds),
                       f"--rps={per_second / clients:.3f}", f"--log-file={log.name}", f"http://127.0.0.1:{self.port}{WORKS[work]['path']}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            rows = [line.split("\t") for line in log.read().splitlines()]
        if done.returncode != 0 or not rows:
            raise ServerFailed(f"{self.name}: h2load failed: {done.stderr.strip()}")
        times = sorted(int(row[2]) for row in rows)
        return {"requests": len(rows), "seconds": seconds, "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100],
                "not_2xx": sum(row[1] != "200" for row in rows)}

    def measure(self, work):
        if "idle" in WORKS[work]:
            return self.measure_idle(work)
        return self.measure_load(work)

    def measure_idle(self, work):
        """Memory that connections cost which have asked and then wait, or what is kept when they are gone; `us` holds bytes per connection.

        Counted once: a proxy that keeps the memory of its first crowd has it for the next.
        """
        if self.idle_window:
            return self.idle_window
        count = WORKS[work]["idle"]
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        before = memory_mib(self.process.pid)
        held = []
        try:
            for _ in range(count):
                held.append(http_loads.waiting(self.port, WORKS[work]["path"], WORKS[work].get("speaks", "http"), WORKS[work]["asked"]))
            # Those that say nothing are accepted when the proxy comes to it; with few descriptors it lets some go again.
            standing = self.wait_for_descriptors(lambda now: now >= count * 9 // 10)
            if WORKS[work].get("left"):
                while held:
                    held.pop().close()
                self.wait_for_descriptors(lambda now: now < count // 10)
                time.sleep(1)  # what is given back at leisure
            octets = (memory_mib(self.process.pid) - before) * 1024 * 1024 / min(count, standing)
        except OSError as failure:
            raise ServerFailed(f"{self.name}: {len(held)} connections stood, then: {failure}") from failure
        finally:
            for connection in held:
                connection.close()
        self.idle_window = {"us": max(octets, 1), "per_second": 0, "p50_us": 0, "p99_us": 0, "disturbance": 0.0, "backend_us": 0}
        return self.idle_window

    def wait_for_descriptors(self, enough, patience=20.0):
        """Until the proxy's processes together have that many open: how many."""
        end = time.monotonic() + patience
        while True:
            now = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in family(self.process.pid))
            if enough(now):
                return now
            if time.monotonic() > end:
                raise ServerFailed(f"{self.name}: it has neither taken in nor let go all connections in {patience:.0f} s")
            time.sleep(0.05)

    def measure_load(self, work):
        """One window: CPU microseconds per request that was answered with a 2xx."""
        rate = WORKS[work].get("rate")
        if rate and self.slowest is None:
            raise ServerFailed("the works at a part of the load need all proxies of the run")
        backend = self.backends.process
        busy, before, backend_before, began = machine_busy_seconds(), self.process.cpu(), backend.cpu(), time.monotonic()
        result = self.load_at(work, rate * self.slowest()) if rate else self.load(work)
        spent = self.process.cpu() - before
        wall = time.monotonic() - began
        errors = sum(result.get(kind, 0) for kind in ("not_2xx", "connect", "read", "write", "timeout"))
        if errors or result["requests"] == 0:
            raise ServerFailed(f"{self.name}, {work}: {result}")
        # The load's core is full or idle; what goes beyond both cores' known users is somebody else's.
        others = machine_busy_seconds() - busy - spent - wall
        return {"us": spent / result["requests"] * 1e6, "per_second": result["requests"] / result["seconds"],
                "p50_us": result["p50_us"], "p99_us": result["p99_us"], "disturbance": max(0.0, others / wall),
                "backend_us": (backend.cpu() - backend_before) / result["requests"] * 1e6}

    def meet(self, runs):
        """The other proxies of this run: the load of some works depends on them."""
        peers = [run for run in runs if run.name != "floor"]
        self.slowest = lambda: min(run.most() for run in peers)

    def stop(self):
        self.process.stop()
        self.backends.stop()


def available_peers(options):
    """The proxies that this machine has and the command line names."""
    if not find_program("wrk"):
        sys.exit("wrk is not installed")
    for peer in (*http_peers.ALL, *http_rules.ALL):
        if options.servers and not {peer.name, peer.name.split()[0]} & {"floor", *options.servers}:
            continue
        if peer.program and not find_program(peer.program):
            print(f"  {peer.name}: not installed, left out", file=sys.stderr)
            continue
        if issubclass(peer, http_peers.Meridian) and not (options.binaries / "meridian-edge").exists():
            print(f"  {peer.name}: not built, left out", file=sys.stderr)
            continue
        yield peer
