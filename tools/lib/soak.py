"""Runs the whole shop under load for a while and looks for what a short test cannot see.

Usage: tools/soak SECONDS
Load on DNS (dnsperf) and on the edge of eu (bodies over https compared by digest), reloads every 5 s, a backend that dies and comes back,
slow and aborting clients; beside the shop an edge that speaks everything (HTTP/1.1, HTTP/2, gRPC, WebSocket to servers of either version, TCP,
plain and under TLS, PROXY headers), whose certificates, pools and routes change; and one with a cache in memory and one on a disk, both too
small, bodies compared octet by octet under purges and reloads. Ends with a verdict: memory and descriptors flat, no query lost, no body wrong, no
client reset, no process gone.
"""
import hashlib
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import meridian  # noqa: E402
from cached_edge import Cached  # noqa: E402
from mixed_edge import KINDS, Mixed  # noqa: E402
from mixed_load import Load  # noqa: E402


class Soak:
    def __init__(self, shop, mixed, cached, seconds):
        self.cached = cached
        self.shop, self.mixed, self.end, self.problems, self.counts = shop, mixed, time.monotonic() + seconds, [], {}
        self.random = random.Random(1)

    def running(self):
        return time.monotonic() < self.end

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def bodies(self):
        """Bodies of many sizes both ways, right by digest."""
        pattern = {n: hashlib.sha256(meridian.http_get(self.shop.address("3.11"), 9000, f"/?bytes={n}")[2]).digest() for n in (1, 1000, 65536, 1000003)}
        while self.running():
            for size, digest in pattern.items():
                for suffix in ("", "&chunked=1"):
                    status, _, body = self.shop.https_get("eu", f"/?bytes={size}{suffix}")
                    if status != 200 or hashlib.sha256(body).digest() != digest:
                        self.problems.append(f"GET of {size}{suffix}: status {status}, {len(body)} octets")
                    self.count("bodies")
            payload = self.random.randbytes(200000)
            status, _, body = self.shop.https_get("eu", "/", method="POST", body=payload)
            if status != 200 or hashlib.sha256(payload).hexdigest().encode() not in body:
                self.problems.append(f"POST: status {status}")
            self.count("uploads")

    def rude_clients(self):
        """Clients that stop in the middle of everything."""
        host = self.shop.edge_address("eu")
        while self.running():
            try:
                with socket.create_connection((host, self.random.choice((8080, 8443, 7000))), timeout=2) as sock:
                    sock.sendall(self.random.choice([
                        b"GET / HT", b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\4", b"GET /?bytes=1000003 HTTP/1.1\r\nHost: www.shop.example\r\n\r\n", b"\0\0\0\r\n\r\n",
                        b"POST / HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 100000\r\n\r\nabc"]))
                    if self.random.random() < 0.5:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    else:
                        sock.recv(10)
            except OSError:
                pass
            self.count("rude clients")
            time.sleep(0.02)

    def reloads(self):
        while self.running():
            for who in ("dns", *meridian.REGIONS):
                status, body = self.shop.admin(who, "/reload", method="POST")
                if status != 200:
                    self.problems.append(f"reload of {who}: {body}")
                self.count("reloads")
            time.sleep(5)

    def changes(self):
        """Of the edge that speaks everything."""
        number = 0
        while self.running():
            self.mixed.change(number)
            number += 1
            self.count("changes under mixed load")
            time.sleep(5)

    def cached_bodies(self):
        """Hits, misses, ranges and stale answers of both caches."""
        mine = random.Random(self.random.random())
        while self.running():
            wrong = self.cached.ask(mine)
            if wrong:
                self.problems.append(f"cached {wrong}")
            self.count("cached bodies")

    def cache_changes(self):
        number = 0
        while self.running():
            self.cached.change(number)
            number += 1
            self.count("purges and reloads of caches")
            time.sleep(0.5)

    def dying_backend(self):
        while self.running():
            for mode, pause in (("off", 2), ("ok", 3), ("reset", 2), ("ok", 3)):
                meridian.http_get(self.shop.address("3.11"), 9000, f"/fail?mode={mode}&name=eu-api-1", method="POST")
                time.sleep(pause)
                if not self.running():
                    break
        meridian.http_get(self.shop.address("3.11"), 9000, "/fail?mode=ok&name=eu-api-1", method="POST")

    def guarded(self, work):
        def run():
            try:
                work()
            except Exception as error:  # whatever a client thread dies of is a finding
                self.problems.append(f"{work.__name__}: {error!r}")
        return threading.Thread(target=run)

    def figures(self):
        processes = {name: process for name, process in self.shop.processes.items() if name != "backends"}
        ours = {"mixed": self.mixed.edge.process, "cached": self.cached.edge.process}
        return {name: (p.memory_kib(), p.descriptors()) for name, p in {**processes, **ours}.items()}


def dns_load(shop, seconds):
    queries = shop.directory / "queries"
    queries.write_text("www.shop.example A\napi.shop.example A\nns1.shop.example A\nlarge.shop.example TXT\nnothing.shop.example A\n")
    return subprocess.Popen(["dnsperf", "-s", shop.dns_address, "-p", "5300", "-d", queries, "-l", str(seconds), "-Q", "2000", "-t", "5"], stdout=subprocess.PIPE, text=True)


def settle(soak):
    """Figures once the clients are gone and idle connections were closed or stay the same."""
    time.sleep(2)
    return soak.figures()


def verdict(soak, before, after, dns_output):
    lost = int(re.search(r"Queries lost:\s+(\d+)", dns_output).group(1))
    if lost:
        soak.problems.append(f"{lost} DNS queries lost")
    for name, process in {**soak.shop.processes, "mixed": soak.mixed.edge.process, "cached": soak.cached.edge.process}.items():
        if not process.running():
            soak.problems.append(f"{name} ended: {process.text()[-500:]}")
    for name, (memory, descriptors) in after.items():
        print(f"soak: {name:8} memory {before[name][0]} -> {memory} KiB, descriptors {before[name][1]} -> {descriptors}")
        if memory > before[name][0] * 1.25 + 8192:
            soak.problems.append(f"{name}: memory grew from {before[name][0]} to {memory} KiB")
        if descriptors > before[name][1] + 128:
            soak.problems.append(f"{name}: descriptors grew from {before[name][1]} to {descriptors}")
    print("soak: " + ", ".join(f"{n} {what}" for what, n in sorted(soak.counts.items())))
    for problem in soak.problems[:20]:
        print("soak: PROBLEM " + problem)
    print(f"soak: {'failed' if soak.problems else 'passed'}, {len(soak.problems)} problems")
    return 1 if soak.problems else 0


def mixed_load(soak, seconds):
    """Runs it to its end; the figures when caches, arenas and pools are warm."""
    with Load(soak.mixed.target, KINDS) as load:
        time.sleep(seconds / 3)
        before = soak.figures()
        while soak.running():
            time.sleep(0.2)
    soak.problems += [f"{kind}: {what}" for kind, what in load.failures]
    soak.counts.update(load.served)
    return before


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        print(__doc__)
        return 2
    seconds = max(20, int(sys.argv[1]))
    with tempfile.TemporaryDirectory(prefix="meridian-soak-") as directory, meridian.Shop(f"{directory}/shop") as shop, \
            Mixed(pathlib.Path(directory) / "mixed") as mixed, Cached(pathlib.Path(directory) / "cached") as cached:
        shop.start()
        soak = Soak(shop, mixed, cached, seconds)
        threads = [soak.guarded(w) for w in (soak.bodies, soak.rude_clients, soak.reloads, soak.dying_backend, soak.changes,
                                                 soak.cached_bodies, soak.cached_bodies, soak.cache_changes)]
        load = dns_load(shop, seconds)
        for thread in threads:
            thread.start()
        before = mixed_load(soak, seconds)
        for thread in threads:
            thread.join()
        output = load.communicate()[0]
        return verdict(soak, before, settle(soak), output)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
