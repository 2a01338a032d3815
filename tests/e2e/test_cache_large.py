"""Bodies that are larger than a cache's memory: they are written to its disk while they come, who reads more slowly reads the file, and
what is not whole is never found (docs/cache.md)."""
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import random
import signal
import socket
import threading
import time

import pytest

import meridian
from broken_disk import BrokenDisk
from lone_edge import LoneEdge, Scripted, slot_address

PIECE = 1 << 20
PIECES = 24  # more than is compared with its hash before an answer
MEMORY = 8 << 20


@functools.cache
def piece(number):
    return random.Random(number).randbytes(PIECE)


def digest_of(pieces):
    found = hashlib.sha256()
    for number in range(pieces):
        found.update(piece(number))
    return found.hexdigest()


WHOLE = digest_of(PIECES)


class Large:
    """A server whose bodies come in pieces of a MiB, no more of them than `let` says; `framing`: length, chunked or close."""

    def __init__(self, address):
        self.let, self.framing, self.ends_at = threading.Semaphore(10**6), "length", None
        self.server = Scripted(address, self.serve)
        self.name = self.server.name

    @property
    def heads(self):
        return self.server.heads

    def serve(self, exchange):
        while exchange.read_head():
            framing = {"length": f"Content-Length: {PIECES * PIECE}\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "close": "Connection: close\r\n"}[self.framing]
            exchange.send(f"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nETag: \"large\"\r\nCache-Tag: large\r\n{framing}\r\n".encode())
            for number in range(PIECES):
                self.let.acquire()
                if number == self.ends_at:
                    return
                chunked = self.framing == "chunked"
                exchange.send((b"%x\r\n" % PIECE if chunked else b"") + piece(number) + (b"\r\n" if chunked else b""))
            if self.framing == "chunked":
                exchange.send(b"0\r\n\r\n")
            if self.framing == "close":
                return


@pytest.fixture
def slot():
    with meridian.Lease() as held:
        yield held


@pytest.fixture
def server(slot):
    made = Large(slot_address(slot, "2.1"))
    with made.server:
        yield made


@contextlib.contextmanager
def caching(tmp_path, slot, server, store=None, max_object="64MiB", workers=1, **more):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", "max_object": max_object}}]
    caches = {"main": {"disk": str(tmp_path / "cache"), "size": "256MiB", "memory": "8MiB", **(store or {})}}
    with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": caches, "drain_grace": "1s", "workers": workers}, **more) as edge:
        ready(edge)
        yield edge


def disk_metric(edge, name):
    return edge.metric(f"meridian_edge_cache_disk_{name}")


def ready(edge):
    meridian.eventually(lambda: disk_metric(edge, "owned") == 1 and disk_metric(edge, "scanning") == 0, "the store's disk is read")


def files(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != "lock"]


class Client:
    """A request whose answer is read when it is asked for: head, Cache-Status, and the digest of the body."""

    def __init__(self, edge, path="/a", more="", buffer=None, piece=1 << 20, pause=0):
        self.piece, self.pause = piece, pause
        self.sock = socket.socket()
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.settimeout(120)
        self.sock.connect((edge.host, 8080))
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n{more}\r\n".encode())
        self.body, self.count, self.head, self.chunked = hashlib.sha256(), 0, b"", False

    def begin(self):
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self.sock.recv(4096)
            assert chunk, data
            data += chunk
        self.head, _, self.rest = data.partition(b"\r\n\r\n")
        self.chunked = b"transfer-encoding" in self.head.lower()
        return self

    def finish(self):
        """The digest, or None for an answer that was cut."""
        if not self.head:
            self.begin()
        parts = [self.rest]
        with contextlib.suppress(ConnectionResetError):
            while part := self.sock.recv(self.piece):
                parts.append(part)
                if self.pause:
                    time.sleep(self.pause)
        self.sock.close()
        data = b"".join(parts)
        if self.chunked:
            whole, body, at = data.endswith(b"0\r\n\r\n"), bytearray(), 0
            while (end := data.find(b"\r\n", at)) > at and (size := int(data[at:end], 16)) > 0:
                body += data[end + 2:end + 2 + size]
                at = end + 2 + size + 2
        else:
            length = next(int(line.split(b":")[1]) for line in self.head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            whole, body = len(data) == length, data
        self.count = len(body)
        if not whole:
            print(f"cut: {self.count} octets, {self.head}")
        return hashlib.sha256(body).hexdigest() if whole else None

    @property
    def status(self):
        return next((line.decode() for line in self.head.split(b"\r\n") if line.lower().startswith(b"cache-status")), "")


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_it_is_stored_and_found_again_and_its_ranges_too(slot, server, tmp_path, framing):
    server.framing = framing
    with caching(tmp_path, slot, server) as edge:
        assert Client(edge).finish() == WHOLE
        meridian.eventually(lambda: disk_metric(edge, "written_total") == 1, "it is written")
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_memory_bytes") < 100_000, "and is in memory no more")
        assert edge.metric("meridian_edge_cache_bytes") >= PIECES * PIECE and len(files(tmp_path)) == 1
        hit = Client(edge)
        assert hit.finish() == WHOLE and "hit" in hit.status
        status, headers, body = edge.get("/a", Range=f"bytes={5 * PIECE + 100}-{5 * PIECE + 199}")
        assert status == 206 and body == piece(5)[100:200] and headers["Content-Range"] == f"bytes {5 * PIECE + 100}-{5 * PIECE + 199}/{PIECES * PIECE}"
        assert edge.get("/a", If_None_Match='"large"')[0] == 304
        assert edge.get("/a", method="HEAD")[1]["Content-Length"] == str(PIECES * PIECE)
        assert len(server.heads) == 1


def test_who_reads_slowly_or_comes_late_reads_the_file_and_memory_stays_bounded(slot, server, tmp_path):
    server.let = threading.Semaphore(0)
    with caching(tmp_path, slot, server) as edge:
        quick, slow = Client(edge), Client(edge, buffer=4096)
        server.let.release(12)
        quick.begin()
        slow.begin()
        seen = []
        taker = threading.Thread(target=lambda: seen.append(quick.finish()))
        taker.start()
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_memory_bytes") < 4 << 20 and sum(f.stat().st_size for f in files(tmp_path)) >= 11 * PIECE,
                            "what has come is in the file")
        late = Client(edge).begin()
        assert "collapsed" in late.status and len(server.heads) == 1
        server.let.release(PIECES)
        assert late.finish() == WHOLE
        taker.join()
        assert seen == [WHOLE], "who is slow has held nobody"
        meridian.eventually(lambda: disk_metric(edge, "written_total") == 1, "it is written")
        assert edge.metric("meridian_edge_cache_memory_bytes") < MEMORY
        assert slow.finish() == WHOLE
        assert len(server.heads) == 1


@pytest.mark.parametrize("purge", ["url=lone.example/b", "prefix=lone.example/", "tag=large"])
def test_what_is_cut_off_or_purged_meanwhile_is_not_stored(slot, server, tmp_path, purge):
    with caching(tmp_path, slot, server) as edge:
        server.ends_at = 13
        cut = Client(edge)
        assert cut.finish() is None and cut.count <= 13 * PIECE
        meridian.eventually(lambda: not files(tmp_path), "nothing is left of it")
        server.ends_at, server.let = None, threading.Semaphore(12)
        client = Client(edge, "/b").begin()
        meridian.eventually(lambda: sum(f.stat().st_size for f in files(tmp_path)) >= 8 * PIECE, "it is being written")
        edge.admin(f"/cache/purge?{purge}")
        server.let.release(10**6)
        assert client.finish() == WHOLE
        meridian.eventually(lambda: not files(tmp_path), "it was purged while it came")
        assert edge.metric("meridian_edge_cache_entries") == 0 and edge.metric("meridian_edge_cache_bytes") == 0
        assert Client(edge, "/b").finish() == WHOLE and len(server.heads) == 3


def coming(edge):
    return disk_metric(edge, "large_coming")


def read_all(clients):
    """What each of them gets, all at the same time."""
    found = [None] * len(clients)

    def read(at):
        found[at] = clients[at].finish()
    takers = [threading.Thread(target=read, args=(at,)) for at in range(len(clients))]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    return found


def test_many_of_every_speed_get_the_same_octets(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        clients = [Client(edge, buffer=size, piece=piece, pause=pause)
                   for size, piece, pause in ((None, 1 << 20, 0), (None, 65536, 0), (4096, 65536, 0.0005), (8192, 1 << 20, 0.001), (None, 300_000, 0.01), (65536, 1 << 18, 0))]
        assert read_all(clients) == [WHOLE] * len(clients)
        assert len(server.heads) == 1 and edge.metric("meridian_edge_cache_memory_bytes") < MEMORY
        meridian.eventually(lambda: disk_metric(edge, "large_written_total") == 1 and coming(edge) == 0, "it is written")
        assert "(1 while they came, 0 come, 0 given up)" in edge.admin("/cache", "GET")[1]
        assert json.loads(edge.admin("/status", "GET")[1])["caches"][0]["disk"]["large_written"] == 1


def test_who_leaves_takes_nothing_from_the_others_and_the_last_ends_it(slot, server, tmp_path):
    server.let = threading.Semaphore(9)
    with caching(tmp_path, slot, server) as edge:
        first, second, slow = Client(edge).begin(), Client(edge).begin(), Client(edge, buffer=4096).begin()
        meridian.eventually(lambda: sum(f.stat().st_size for f in files(tmp_path)) >= 8 * PIECE and coming(edge) == 1, "it is being written")
        first.sock.close()  # who has begun it
        slow.sock.close()   # one that is far behind
        server.let.release(10**6)
        assert second.finish() == WHOLE
        meridian.eventually(lambda: disk_metric(edge, "large_written_total") == 1, "it is stored")
        assert len(server.heads) == 1 and Client(edge).finish() == WHOLE and len(server.heads) == 1
        server.let = threading.Semaphore(9)
        clients = [Client(edge, "/b").begin() for _ in range(3)]
        meridian.eventually(lambda: coming(edge) == 1, "another one is being written")
        for client in clients:
            client.sock.close()
        meridian.eventually(lambda: disk_metric(edge, "large_given_up_total") == 1 and len(files(tmp_path)) == 1, "nobody wants it")
        assert coming(edge) == 0


def test_on_several_workers_with_purges_and_who_leaves(slot, server, tmp_path):
    dice = random.Random(7)
    with caching(tmp_path, slot, server, {"size": "192MiB", "memory": "8MiB"}, max_object="48MiB", workers=4) as edge:
        def ask(leaves):
            client = Client(edge, f"/{dice.randrange(3)}", buffer=dice.choice([None, 16384, 65536]), piece=dice.choice([65536, 1 << 20]), pause=dice.choice([0, 0, 0.0005]))
            if leaves:
                client.begin().sock.close()
                return WHOLE
            return client.finish()
        found = []

        def many(count):
            found.extend(ask(dice.random() < 0.2) for _ in range(count))
        takers = [threading.Thread(target=many, args=(3,)) for _ in range(6)]
        for taker in takers:
            taker.start()
        while any(taker.is_alive() for taker in takers):
            edge.admin(f"/cache/purge?url=lone.example/{dice.randrange(3)}" + dice.choice(["", "&soft=true"]))
            time.sleep(0.7)
        assert found == [WHOLE] * 18
        meridian.eventually(lambda: coming(edge) == 0 and not [file for file in files(tmp_path) if file.name.endswith(".new")], "all is over")
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_memory_bytes") < 100_000, "nothing is left in memory")
        assert edge.metric("meridian_edge_cache_bytes") <= len(files(tmp_path)) * (PIECES + 1) * PIECE


def test_a_slow_disk_slows_the_fetch_and_nothing_more(slot, server, tmp_path):
    disk = BrokenDisk(tmp_path)
    with caching(tmp_path, slot, server, environment=disk.environment()) as edge:
        disk.breaks("slow", tmp_path / "cache", room=5000)
        quick, slow = Client(edge), Client(edge, buffer=4096)
        small = read_all([quick, slow])
        assert small == [WHOLE, WHOLE]
        assert edge.metric("meridian_edge_cache_memory_bytes") < MEMORY
        meridian.eventually(lambda: disk_metric(edge, "large_written_total") == 1, "it is written")
        disk.mends()
        hit = Client(edge)
        assert hit.finish() == WHOLE and "hit" in hit.status and len(server.heads) == 1


def test_several_at_once_wait_for_their_turn_at_a_slow_disk(slot, server, tmp_path):
    disk = BrokenDisk(tmp_path)
    server.let = threading.Semaphore(24)
    with caching(tmp_path, slot, server, {"memory": "64MiB"}, environment=disk.environment()) as edge:
        clients = [Client(edge, path, buffer=size, pause=pause).begin() for path in ("/a", "/b", "/c") for size, pause in ((None, 0), (4096, 0.002))]
        meridian.eventually(lambda: sum(f.stat().st_size for f in files(tmp_path)) >= 20 * PIECE, "they are being written")
        disk.breaks("slow", tmp_path / "cache", room=10_000)  # nearly a second for what each may write in one go
        server.let.release(10**6)
        assert read_all(clients) == [WHOLE] * len(clients), "nobody is cut"
        meridian.eventually(lambda: disk_metric(edge, "large_written_total") == 3, "all are written")
        assert "event=cache_disk_slow" not in edge.process.text() and len(server.heads) == 3


def test_a_disk_that_answers_at_the_last_moment_has_answered(slot, server, tmp_path):
    disk = BrokenDisk(tmp_path)
    server.let = threading.Semaphore(8)
    with caching(tmp_path, slot, server, environment=disk.environment()) as edge:
        behind = Client(edge, buffer=4096).begin()
        meridian.eventually(lambda: sum(f.stat().st_size for f in files(tmp_path)) >= 7 * PIECE, "what it has not read is in the file")
        found = []
        taker = threading.Thread(target=lambda: found.append(behind.finish()))
        for delay in (998_500, 999_000, 999_500, 1_000_000):  # microseconds: the answer and the end of patience, in either order
            disk.breaks("slow", tmp_path / "cache", room=delay)
            if not taker.is_alive():
                taker.start()
            met = disk.was_met()
            meridian.eventually(lambda met=met: found or disk.was_met() >= met + 4, "it reads on")
            assert not found
        disk.mends()
        server.let.release(10**6)
        taker.join()
        assert found == [WHOLE]


def test_an_upgrade_in_the_middle_tears_nothing(slot, server, tmp_path):
    server.let = threading.Semaphore(9)
    with caching(tmp_path, slot, server) as edge:
        client = Client(edge).begin()
        meridian.eventually(lambda: coming(edge) == 1 and sum(f.stat().st_size for f in files(tmp_path)) >= 8 * PIECE, "it is being written")
        old = edge.process
        edge.process = meridian.Process([*old.arguments[:], "--upgrade"], tmp_path / "successor.log")
        meridian.eventually(lambda: "event=taken_over" in old.text(), "taken over")
        ready(edge)
        server.let.release(10**6)
        assert client.finish() in (WHOLE, None), "the elder has a second for its last"
        assert old.wait() == 0, old.text()
        old.forget()
        meridian.eventually(lambda: not [file for file in files(tmp_path) if file.name.endswith(".new")], "what was begun is removed")
        assert Client(edge).finish() == WHOLE
        meridian.eventually(lambda: disk_metric(edge, "large_written_total") == 1, "the successor writes")
        assert Client(edge).finish() == WHOLE and len(server.heads) == 2


@pytest.mark.parametrize("how", ["larger than it may be", "larger than its half of the disk"])
def test_one_that_turns_out_too_large_passes_through(slot, server, tmp_path, how):
    server.framing = "chunked"
    small = how != "larger than it may be"
    with caching(tmp_path, slot, server, {"size": "32MiB"} if small else {}, max_object="8MiB") as edge:
        found, clients = [], [Client(edge), Client(edge)]
        takers = [threading.Thread(target=lambda one=client: found.append(one.finish())) for client in clients]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()
        assert found == [WHOLE, WHOLE], "both go on"
        meridian.eventually(lambda: not files(tmp_path) and edge.metric("meridian_edge_cache_bytes") == 0, "nothing is left of it")


def held(edge):
    """Octets of the disk that are taken by files without a name."""
    fds = [fd for fd in pathlib.Path(f"/proc/{edge.process.pid}/fd").iterdir() if ".new (deleted)" in os.readlink(fd)]
    return sum(fd.stat().st_size for fd in fds)


def test_the_file_of_one_that_passes_through_goes_when_nobody_is_behind(slot, server, tmp_path):
    server.framing, server.let = "chunked", threading.Semaphore(5)
    with caching(tmp_path, slot, server, max_object="8MiB") as edge:
        found = []
        quick, slow = Client(edge), Client(edge, buffer=4096).begin()
        taker = threading.Thread(target=lambda: found.append(quick.finish()))
        taker.start()
        meridian.eventually(lambda: coming(edge) == 1 and sum(f.stat().st_size for f in files(tmp_path)) >= 4 * PIECE, "it is being written")
        server.let.release(7)
        meridian.eventually(lambda: coming(edge) == 0 and held(edge) > 4 * PIECE, "who is behind reads the file")
        slow.sock.close()
        meridian.eventually(lambda: held(edge) == 0, "nobody is")
        server.let.release(10**6)
        taker.join()
        assert found == [WHOLE]


@pytest.mark.parametrize("kind", ["full", "fails", "hangs"])
def test_a_disk_that_breaks_meanwhile_costs_no_answer(slot, server, tmp_path, kind):
    disk = BrokenDisk(tmp_path)
    server.let = threading.Semaphore(8)
    with caching(tmp_path, slot, server, environment=disk.environment()) as edge:
        client = Client(edge).begin()
        meridian.eventually(lambda: sum(f.stat().st_size for f in files(tmp_path)) >= 4 * PIECE, "it is being written")
        disk.breaks(kind, tmp_path / "cache", room=PIECE)
        server.let.release(10**6)
        if kind != "full":  # who is behind cannot read the file either, and is cut
            assert client.finish() in (WHOLE, None)
            assert Client(edge, "/b").finish() == WHOLE
        else:
            assert client.finish() == WHOLE
        disk.mends()

        def stored():
            edge.get("/c")
            return "hit" in edge.get("/c")[1]["Cache-Status"]
        meridian.eventually(stored, "it is used again")
        meridian.eventually(lambda: not [file for file in files(tmp_path) if file.name.endswith(".new")], "what was begun is removed")


@pytest.mark.parametrize("kind, remedy", [("read-only", "mount its file system for writing"), ("forbidden", "let the user of meridian-edge write there")])
def test_a_large_body_that_may_not_be_written_passes_through_and_it_is_told(slot, server, tmp_path, kind, remedy):
    disk = BrokenDisk(tmp_path)
    with caching(tmp_path, slot, server, environment=disk.environment()) as edge:
        disk.breaks(kind, tmp_path / "cache")
        before = disk_metric(edge, "write_failures_total")
        assert Client(edge).finish() == WHOLE
        meridian.eventually(lambda: disk_metric(edge, "write_failures_total") == before + 1, "it is counted")
        assert Client(edge, "/b").finish() == WHOLE
        told = [line for line in edge.process.text().splitlines() if "event=cache_disk_failed" in line]
        assert len(told) == 1 and f"directory={tmp_path}/cache" in told[0] and remedy in told[0], told
        disk.mends()


def test_after_a_crash_what_was_begun_is_gone_and_what_was_written_is_compared_first(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        for path in ("/a", "/torn"):
            assert Client(edge, path).finish() == WHOLE
        meridian.eventually(lambda: disk_metric(edge, "written_total") == 2, "they are written")
        whole = set(files(tmp_path))
        server.let = threading.Semaphore(10)
        begun = Client(edge, "/begun").begin()
        meridian.eventually(lambda: any(f.stat().st_size >= 8 * PIECE for f in set(files(tmp_path)) - whole), "it is being written")
        edge.process.signal(signal.SIGKILL)
        edge.process.wait()
        begun.sock.close()
        for path in whole:  # an octet of one of them
            if b"lone.example/torn" in path.read_bytes()[:4096]:
                with open(path, "r+b") as file:
                    file.seek(10 * PIECE)
                    before = file.read(1)
                    file.seek(10 * PIECE)
                    file.write(bytes([before[0] ^ 1]))
        server.let = threading.Semaphore(10**6)
        edge.start()
        ready(edge)
        assert set(files(tmp_path)) == whole and disk_metric(edge, "found_total") == 2
        asked = len(server.heads)
        assert "until the stored octets are compared" in edge.admin("/explain?host=lone.example&path=/a", "GET")[1]
        first = Client(edge)
        assert first.finish() == WHOLE and "compared" in first.status, "until then a server is asked"
        assert len(server.heads) == asked + 1

        def hits():
            client = Client(edge)
            assert client.finish() == WHOLE
            return "hit" in client.status
        meridian.eventually(hits, "it is right")
        for _ in range(2):
            assert Client(edge, "/torn").finish() == WHOLE, "never what is torn"
            meridian.eventually(lambda: disk_metric(edge, "read_failures_total") == 1, "it is found out")
        assert "event=cache_file_not_used" in edge.process.text()
