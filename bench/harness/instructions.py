"""Instructions of user space for each answer, counted by callgrind: repeatable to a few in a thousand on a machine that others use, too, where CPU
time is not. Of ours only: each server of the work is started under it, is asked until its buffers and pools are as large as they
get, and from then on it counts. System calls and what memory costs are not in it.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from . import content, content_peers
from .process import ServerFailed, find_program

WARM = 640  # requests that are not counted
WORKS = ("hit1k", "miss")  # files are opened with openat2(2), which valgrind 3.19 does not know


def counted(peer, folder):
    """The same server under callgrind, which needs more system calls than the server lets itself make, and a user that it can trace."""

    class Counted(peer):
        patience = 120  # it runs fifty times as long

        @classmethod
        def command(cls, setup):
            program, *arguments = super().command(setup)
            path = setup.directory / "meridian.yaml"
            path.write_text("system_calls: disabled\n" + ("user: root\n" if os.geteuid() == 0 else "") + path.read_text())
            return [find_program("valgrind"), "--tool=callgrind", f"--callgrind-out-file={folder}/{peer.name.replace(' ', '-')}",
                    program, *arguments]

    return Counted


def ask(port, path, unique, requests, connections):
    """So many requests, one on each connection at a time, as wrk asks: all are answered with 200 before the next ones go."""
    socks = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(connections)]
    try:
        for first in range(0, requests, connections):
            for number, sock in enumerate(socks):
                target = f"{path}&unique={unique}-{first + number}" if unique else path
                sock.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            for sock in socks:
                read_answer(sock)
    finally:
        for sock in socks:
            sock.close()


def read_answer(sock):
    data = b""
    while b"\r\n\r\n" not in data or len(data) < whole(data):
        some = sock.recv(65536)
        if not some:
            raise ServerFailed(f"an answer was cut: {data[:200]!r}")
        data += some
    if not data.startswith(b"HTTP/1.1 200"):
        raise ServerFailed(f"no 200: {data[:200]!r}")


def whole(data):
    head, _, _ = data.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(head) + 4 + int(length.partition(b":")[2])


def dump(pid, *what):
    done = subprocess.run([find_program("callgrind_control"), *what, str(pid)], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "OK" not in done.stdout:
        raise ServerFailed(f"callgrind_control {' '.join(what)}: {done.stdout}{done.stderr}")


def total(path):
    """Of a dump: `summary:` or `totals:`."""
    for line in reversed(path.read_text().splitlines()):
        if line.startswith(("totals:", "summary:")):
            return int(line.split()[1])
    raise ServerFailed(f"{path}: nothing was counted")


def count(run, work, folder, options):
    about = content.WORKS[work]
    requests = -(-options.requests // options.connections) * options.connections
    ask(run.port, about["path"], "warm" if about.get("unique") else "", WARM, options.connections)
    dump(run.process.pid, "-z")
    ask(run.port, about["path"], "run" if about.get("unique") else "", requests, options.connections)
    dump(run.process.pid, "-d")
    newest = max(Path(folder).glob(f"{run.name.replace(' ', '-')}.*"), key=lambda path: path.stat().st_mtime)
    return total(newest) / requests


def run(options):
    """{work: {server: instructions per answer}}; the dumps stay in options.results for callgrind_annotate."""
    wanted = options.works or ["miss"]
    unknown = [work for work in wanted if work not in WORKS]
    if unknown:
        raise SystemExit(f"not under callgrind: {', '.join(unknown)}; there are {', '.join(WORKS)}")
    folder = options.results / "callgrind"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = {}
    for work in wanted:
        peers = [peer for peer in (content_peers.Meridian, content_peers.MeridianPlain) if work in peer.works]
        for peer in peers:
            with tempfile.TemporaryDirectory(prefix="meridian-bench-") as directory:
                under = content.ContentRun(counted(peer, folder), directory, options, [work])
                try:
                    found.setdefault(work, {})[peer.name] = count(under, work, folder, options)
                finally:
                    under.stop()
    return found


def table(found):
    lines = ["| work | server | instructions of user space per answer |", "| --- | --- | --- |"]
    for work, servers in found.items():
        lines += [f"| {content.WORKS[work]['title']} | {name} | {figure:,.0f} |" for name, figure in servers.items()]
    return "\n".join(lines)
