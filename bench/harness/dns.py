"""The DNS works: what is asked of every server, how an answer is checked, and how one window is measured."""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import dns_peers
from .process import (LOAD_CORE, SERVER_CORE, Process, ServerFailed, Starved, find_program, free_port, machine_busy_seconds,
                      memory_mib)

ZONE = dns_peers.ZONE
WORKS = {
    "static": {"title": "static, 100 names", "load": ["--numbered", f"100:h%u.{ZONE}"], "ready": f"h7.{ZONE}"},
    "geo": {"title": "geo, random ECS /24s", "load": ["--name", f"www.{ZONE}", "--ecs"], "ready": f"www.{ZONE}"},
    "nxdomain": {"title": "NXDOMAIN, random names", "load": ["--random-under", ZONE, "--expect", "nxdomain"], "ready": f"h7.{ZONE}"},
    "million": {"title": "1,000,000 names", "load": ["--numbered", f"1000000:n%u.{ZONE}"], "ready": f"n999999.{ZONE}"},
    "half": {"title": "static at half load", "load": ["--numbered", f"100:h%u.{ZONE}"], "ready": f"h7.{ZONE}", "rate": 0.5},
    "guarded": {"title": "static, cookies and RRL on", "load": ["--numbered", f"100:h%u.{ZONE}", "--cookie"], "ready": f"h7.{ZONE}"},
    "tcp": {"title": "TCP, 10 connections, pipelined", "ready": f"h7.{ZONE}", "tcp": 10},
    "workers2": {"title": "static, two workers", "load": ["--numbered", f"100:h%u.{ZONE}"], "ready": f"h7.{ZONE}", "workers": 2},
}
# The works that one start of a server serves together.
GROUPS = (("static", "geo", "nxdomain", "half", "tcp"), ("guarded",), ("million",), ("workers2",))


class DnsRun:
    """One server on its port, for the works of one group."""

    saturated = {}
    slowest = None

    def __init__(self, peer, directory, options, works):
        self.peer = peer
        self.name = peer.name
        self.options = options
        self.port = free_port()
        self.load_program = options.binaries / "bench_dns_load"
        wanted = [work for work in works if work in peer.works]
        setup = dns_peers.Setup(Path(directory) / peer.name.replace(" ", "-"), self.port, options.database, wanted, options.binaries)
        cores = "0,1" if any("workers" in WORKS[work] for work in wanted) else SERVER_CORE
        self.process = Process(peer.name, peer.command(setup), setup.directory, core=cores)
        self.works = wanted
        self.start_seconds = self.process.wait_for(lambda: self.ready(wanted), 300)

    def ready(self, works):
        load = WORKS[works[0]]
        expect = [] if self.name != "floor" else ["--expect", "nothing"]
        done = self.load(["--name", load["ready"], "--outstanding", "1", "--seconds", "0.05", *expect])
        return done["answers"] > 0

    def load(self, arguments):
        command = ["taskset", "-c", str(LOAD_CORE), self.load_program, "--server", f"127.0.0.1:{self.port}", *arguments]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if not done.stdout.startswith("{"):
            raise ServerFailed(f"{self.name}: the load generator failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def load_tcp(self, work):
        """dnsperf keeps connections open and queries outstanding on each; it counts answers and their rcodes."""
        with tempfile.NamedTemporaryFile("w") as queries:
            queries.write("".join(f"h{i}.{ZONE} A\n" for i in range(100)))
            queries.flush()
            command = ["taskset", "-c", str(LOAD_CORE), "dnsperf", "-m", "tcp", "-s", "127.0.0.1", "-p", str(self.port), "-d", queries.name,
                       "-c", str(WORKS[work]["tcp"]), "-q", str(self.options.outstanding), "-l", str(max(1, round(self.options.seconds)))]
            told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        numbers = {}
        for name, pattern in (("answers", r"Queries completed:\s+(\d+)"), ("lost", r"Queries lost:\s+(\d+)"),
                              ("right", r"NOERROR (\d+)"), ("per_second", r"Queries per second:\s+([\d.]+)"),
                              ("mean", r"Average Latency \(s\):\s+([\d.]+)")):
            found = re.search(pattern, told)
            if not found:
                raise ServerFailed(f"{self.name}: dnsperf failed: {told[-200:]}")
            numbers[name] = float(found.group(1))
        mean = numbers["mean"] * 1e6
        return {"answers": int(numbers["answers"]), "lost": int(numbers["lost"]), "wrong": int(numbers["answers"] - numbers["right"]),
                "per_second": numbers["per_second"], "p50_us": mean, "p99_us": mean}

    def load_udp(self, work):
        arguments = list(WORKS[work]["load"])
        if "rate" in WORKS[work]:
            arguments += ["--rate", str(round(WORKS[work]["rate"] * self.slowest()))]
        else:
            arguments += ["--outstanding", str(self.options.outstanding)]
        if self.name == "floor":
            arguments = [x for x in arguments if x not in ("--expect", "nxdomain")] + ["--expect", "nothing"]
        return self.load([*arguments, "--seconds", str(self.options.seconds)])

    def most(self):
        """Answers per second at saturation, measured once."""
        if self.name not in self.saturated:
            self.saturated[self.name] = self.load_udp("static")["per_second"]
        return self.saturated[self.name]

    def meet(self, runs):
        """The other servers of this run: half the load is half of what the slowest of them can do."""
        peers = [run for run in runs if run.name != "floor"]
        self.slowest = lambda: min(run.most() for run in peers)

    def measure(self, work):
        """One window: CPU microseconds per verified answer, and what else the load saw."""
        if "rate" in WORKS[work]:
            self.slowest()
        busy, before, began = machine_busy_seconds(), self.process.cpu(), time.monotonic()
        result = self.load_tcp(work) if "tcp" in WORKS[work] else self.load_udp(work)
        spent = self.process.cpu() - before
        wall = time.monotonic() - began
        others = machine_busy_seconds() - busy - spent - wall
        if "rate" in WORKS[work]:
            others = 0.0  # the load's core idles in between: what is left over says nothing
        told = f"{self.name}, {work}: {result['answers']} right, {result['wrong']} wrong, {result['lost']} lost"
        if result["wrong"] > 0:
            raise ServerFailed(told)
        if result["answers"] == 0 or result["lost"] > result["answers"] / 1000:
            raise Starved(told)
        if work == "geo" and self.name != "floor" and len(result.get("addresses", {})) < 3:
            raise ServerFailed(f"{self.name}: geo answers name only {result.get('addresses')}")
        return {"us": spent / result["answers"] * 1e6, "per_second": result["per_second"], "p50_us": result["p50_us"],
                "p99_us": result["p99_us"], "lost": result["lost"], "disturbance": max(0.0, others / wall)}

    def facts(self):
        return {"start_seconds": self.start_seconds, "memory_mib": memory_mib(self.process.pid)}

    def stop(self):
        self.process.stop()


def available_peers(options):
    """The servers that this machine has and the command line names."""
    for peer in dns_peers.ALL:
        if options.servers and peer.name not in options.servers and peer.name != "floor":
            continue
        if peer.program and not find_program(peer.program):
            print(f"  {peer.name}: not installed, left out", file=sys.stderr)
            continue
        if peer is dns_peers.Meridian and not (options.binaries / "meridian-dns").exists():
            print(f"  {peer.name}: not built, left out", file=sys.stderr)
            continue
        yield peer
