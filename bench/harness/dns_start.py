"""How long a server takes from exec to its first answer, and what it holds in memory then: zones of a million names.

Servers are started one after the other, each alone on its core; a round starts every one of them once. The first answer is the
address of the zone's last name, asked for every 5 ms. Memory is the proportional set size. Meridian is measured three times: with the
zone alone; with a policy of 10,000 subnet rows over the world's countries beside it, which is then reloaded under load; and with the
example configuration, zones/shop.yaml, over the world's database.
"""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from . import dns_peers
from .process import LOAD_CORE, Process, ServerFailed, family, find_program, free_port, memory_mib

LAST = f"n999999.{dns_peers.ZONE}"
SUBNETS = 10_000


def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"


def answers(port, packet, timeout=0.05):
    """Whether one query is answered, without an error and with an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        try:
            asking.connect(("127.0.0.1", port))
            asking.send(packet)
            reply = asking.recv(4096)
        except OSError:
            return False
        return reply[3] & 15 == 0 and reply[6:8] != b"\x00\x00"


def cpu_spent(pid):
    """Seconds of CPU time of a process and its descendants, threads that have ended included (gdnsd loads its zones in one)."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class MeridianWithPolicy(dns_peers.Meridian):
    """The same zone, and a policy of 10,000 subnets over the world's countries."""

    name = "meridian-dns, 10,000 subnets"

    @staticmethod
    def command(setup):
        setup.works = [*setup.works, "geo"]
        command = dns_peers.Meridian.command(setup)
        rows = ", ".join(f'"{10 + i // 65536}.{i >> 8 & 255}.{i & 255}.0/24": [{list(dns_peers.REGIONS)[i % 3]}]' for i in range(SUBNETS))
        path = Path(command[-1])
        path.write_text(path.read_text().replace("    closest:\n", f"    closest:\n      - subnets: {{{rows}}}\n"))
        return command


class MeridianShop(dns_peers.Meridian):
    """The example configuration, as tools/demo runs it."""

    name = "meridian-dns, zones/shop.yaml"
    first = "www.shop.example"

    @staticmethod
    def command(setup):
        root = Path(__file__).resolve().parent.parent.parent
        shutil.copytree(root / "zones", setup.directory / "zones")
        path = setup.directory / "zones/shop.yaml"
        text = path.read_text().replace('listen: ["127.0.0.1:5300"]', f'listen: ["127.0.0.1:{setup.port}"]')
        text = text.replace("../build/geo/city.mmdb", str(setup.database.parent / "city.mmdb"))
        path.write_text(text.replace("127.0.0.1:9053", f"127.0.0.1:{setup.admin_port}"))
        return [setup.binaries / "meridian-dns", "--config", path]


PEERS = (dns_peers.Meridian, MeridianWithPolicy, MeridianShop, dns_peers.Gdnsd, dns_peers.Knot, dns_peers.Nsd, dns_peers.Bind)


def available(options):
    for peer in PEERS:
        family = peer.name.split(",")[0]
        if options.servers and family not in options.servers:
            continue
        if peer.program and not find_program(peer.program):
            print(f"  {peer.name}: not installed, left out", file=sys.stderr)
            continue
        yield peer


def steady_load(options, port, seconds):
    """20,000 queries a second for the last name: what was lost, and the p99 in microseconds."""
    command = ["taskset", "-c", str(LOAD_CORE), options.binaries / "bench_dns_load", "--server", f"127.0.0.1:{port}", "--name", LAST,
               "--rate", "20000", "--seconds", str(seconds)]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)


def loaded_reload(process, options, port):
    """p99 of a steady load at rest, and over a second that lies within a reload."""
    at_rest = json.loads(steady_load(options, port, 1).communicate()[0])
    process.signal(signal.SIGHUP)
    during = json.loads(steady_load(options, port, 1).communicate()[0])
    time.sleep(2)  # until the next world is served
    return {"rest_p99_us": at_rest["p99_us"], "reload_p99_us": during["p99_us"], "reload_lost": at_rest["lost"] + during["lost"]}


def reload_meridian(process, port):
    """SIGHUP with queries all the while: seconds until the new world is served, queries lost, memory afterwards."""
    generation = lambda: len(re.findall(r"event=reloaded|\"reloaded\"| reloaded ", process.text()))  # noqa: E731
    before, began, lost, packet = generation(), time.monotonic(), 0, question(LAST)
    process.signal(signal.SIGHUP)
    while generation() == before:
        lost += not answers(port, packet, timeout=1.0)
        if time.monotonic() - began > 120:
            process.fail("the reload did not end")
        time.sleep(0.002)
    took = time.monotonic() - began
    time.sleep(1)  # the old world is given back
    return {"reload_seconds": took, "reload_lost": lost, "reloaded_mib": memory_mib(process.pid)}


def policy_tables(admin_port):
    """How long all of a configuration's tables took, and what they hold: how many, seconds, MiB of the largest."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/status", timeout=5) as answer:
        status = json.load(answer)
    octets = [policy["octets"] for policy in status["policies"]]
    return {"tables": len(octets), "tables_seconds": status["policies_build_ms"] / 1000, "table_mib": max(octets) / (1 << 20)}


def measure(peer, options):
    with tempfile.TemporaryDirectory(prefix="meridian-start-") as directory:
        port = free_port()
        setup = dns_peers.Setup(Path(directory) / "x", port, options.database, ["million"], options.binaries)
        setup.admin_port = free_port()
        command = peer.command(setup)
        first = question(getattr(peer, "first", LAST))
        process = Process("server", command, setup.directory)
        try:
            seconds = process.wait_for(lambda: answers(port, first), 300, pause=0.005)
            found = {"seconds": seconds, "cpu": cpu_spent(process.pid), "mib": memory_mib(process.pid)}
            if peer in (MeridianWithPolicy, MeridianShop):
                found.update(policy_tables(setup.admin_port))
            if peer is MeridianWithPolicy:
                loaded = loaded_reload(process, options, port)
                found.update(reload_meridian(process, port))
                loaded["reload_lost"] += found["reload_lost"]
                found.update(loaded)
            return found
        finally:
            process.stop()


def run(options):
    """{name: {figure: [one for each round]}}"""
    results = {}
    peers = list(available(options))
    for number in range(options.rounds):
        for peer in peers[number % len(peers):] + peers[:number % len(peers)]:
            try:
                found = measure(peer, options)
            except ServerFailed as failure:
                print(f"  left out: {failure}", file=sys.stderr)
                continue
            print(f"  {peer.name}: {found}", file=sys.stderr)
            for figure, value in found.items():
                results.setdefault(peer.name, {}).setdefault(figure, []).append(value)
    return {peer.name: results[peer.name] for peer in peers if peer.name in results}


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(results):
    lines = ["| server | exec to first answer, s | CPU until then, s | memory (PSS), MiB |", "| --- | --- | --- | --- |"]
    for name, figures in results.items():
        lines.append(f"| {name} | {spread(figures['seconds'], 2)} | {spread(figures['cpu'], 2)} | {spread(figures['mib'], 0)} |")
    for name, figures in results.items():
        if "tables" in figures:
            lines += ["", f"Tables of {name}: {figures['tables'][0]} policies in {spread(figures['tables_seconds'], 2)} s, the largest "
                      f"{spread(figures['table_mib'], 1)} MiB."]
        if "reload_seconds" in figures:
            lines += ["", f"Reload of {name}: {spread(figures['reload_seconds'], 2)} s, {max(figures['reload_lost'])} queries lost, "
                      f"{spread(figures['reloaded_mib'], 0)} MiB afterwards. p99 of 20,000 queries a second, us: at rest "
                      f"{spread(figures['rest_p99_us'], 0)}, during a reload {spread(figures['reload_p99_us'], 0)}."]
    return "\n".join(lines)
