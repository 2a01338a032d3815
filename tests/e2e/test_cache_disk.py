"""The cache on a disk: it survives restarts, its files are whole or not served, and a disk that is full, fails or hangs costs hits
and no answer (docs/cache.md)."""
import contextlib
import hashlib
import os
import random
import resource
import signal
import socket
import ssl
import subprocess

import pytest

import meridian
from broken_disk import BrokenDisk
from certificates import Authority
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, read_to_end, slot_address

FRESH = b"Cache-Control: max-age=3600\r\n"
SIZES = {"/empty": 0, "/one": 1, "/small": 1000, "/page": 70_000, "/mid": 300_000, "/large": 3_000_000}


def octets(path):
    size = SIZES.get(path, 20_000)
    return random.Random(path).randbytes(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def path_of(head):
    return head.split(b" ", 2)[1].decode()


@pytest.fixture
def slot():
    with meridian.Lease() as held:
        yield held


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        running.answer = lambda head: ok(octets(path_of(head)), FRESH + b'ETag: "%s"\r\n' % path_of(head).encode())
        running.script = answering(lambda head: running.answer(head))
        yield running


def caching(tmp_path, slot, server, store=None, cache=None, edge=None, **more):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", **(cache or {})}}]
    caches = {"main": {"disk": str(tmp_path / "cache"), "size": "64MiB", "memory": "64MiB", **(store or {})}}
    # Stops are quick: nobody has to hear of them.
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": caches, "drain_grace": "1s", **(edge or {})},
                    health={"edge": {"interval": "200ms", "timeout": "100ms"}}, **more)


def disk_metric(edge, name):
    return edge.metric(f"meridian_edge_cache_disk_{name}")


def owns(edge):
    return disk_metric(edge, "owned") == 1 and disk_metric(edge, "scanning") == 0


def ready(edge):
    meridian.eventually(lambda: owns(edge), "the store's disk is read")


def written(edge, count):
    meridian.eventually(lambda: disk_metric(edge, "written_total") == count, f"{count} are written")


def restart(edge, how=signal.SIGTERM):
    edge.process.signal(how)
    edge.process.wait()
    edge.start()
    ready(edge)


def files(tmp_path):
    return sorted(path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != "lock")


def body_at(path):
    return int.from_bytes(path.read_bytes()[12:16], "little")


def file_of(tmp_path, size):
    """The file whose body has so many octets."""
    return next(path for path in files(tmp_path) if path.stat().st_size - body_at(path) == size)


def status_of(headers):
    return headers["Cache-Status"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stop", "kill"])
def test_a_restart_keeps_the_hits(slot, server, tmp_path, how):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        for path in SIZES:
            assert digest(edge.get(path)[2]) == digest(octets(path))
        written(edge, len(SIZES))
        for path in SIZES:  # from the files, by the process that has written them
            status, headers, body = edge.get(path)
            assert status == 200 and digest(body) == digest(octets(path)) and "hit" in status_of(headers)
        restart(edge, how)
        assert disk_metric(edge, "found_total") == len(SIZES) and disk_metric(edge, "torn_total") == 0
        for _ in range(2):  # compared with the hash, then not any more
            for path in SIZES:
                status, headers, body = edge.get(path)
                assert status == 200 and digest(body) == digest(octets(path)) and "hit" in status_of(headers), path
                assert headers["ETag"] == f'"{path}"' and int(headers["Age"]) < 600
        assert len(server.heads) == len(SIZES), "the server was asked once for each"
        assert "on disk" in edge.admin("/cache", "GET")[1]


def test_what_is_torn_is_fetched_anew(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        for path in SIZES:
            edge.get(path)
        written(edge, len(SIZES))
        edge.process.signal(signal.SIGTERM)
        edge.process.wait()
        changed = file_of(tmp_path, SIZES["/large"])
        with open(changed, "r+b") as file:  # an octet of the body, which no scan looks at
            file.seek(2_500_000)
            octet = file.read(1)
            file.seek(2_500_000)
            file.write(bytes([octet[0] ^ 1]))
        cut = file_of(tmp_path, SIZES["/mid"])
        os.truncate(cut, cut.stat().st_size - 1)
        garbage = file_of(tmp_path, SIZES["/page"])
        garbage.write_bytes(random.Random(1).randbytes(70_000))
        holes = file_of(tmp_path, SIZES["/small"])
        holes.write_bytes(bytes(holes.stat().st_size))
        edge.start()
        ready(edge)
        assert disk_metric(edge, "torn_total") == 3
        for path in SIZES:
            status, _, body = edge.get(path)
            assert status == 200 and digest(body) == digest(octets(path)), path
        assert disk_metric(edge, "read_failures_total") == 1
        assert sorted(path_of(head) for _, head in server.heads[len(SIZES):]) == ["/large", "/mid", "/page", "/small"]
        assert "event=cache_file_not_used" in edge.process.text()
        written(edge, 4)
        assert "hit" in status_of(edge.get("/large")[1])


def test_files_that_vanish_or_shrink_while_it_runs_are_misses(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        for path in ("/mid", "/page"):
            edge.get(path)
        written(edge, 2)
        file_of(tmp_path, SIZES["/mid"]).unlink()
        os.truncate(file_of(tmp_path, SIZES["/page"]), 1000)
        for path in ("/mid", "/page"):
            assert edge.get(path)[2] == octets(path)
        assert disk_metric(edge, "read_failures_total") == 2 and len(server.heads) == 4


def test_ranges_conditions_and_head_from_a_file(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        edge.get("/large")
        written(edge, 1)
        whole = octets("/large")
        for first, last in ((0, 0), (5, 99), (1_000_000, 2_999_999), (2_999_990, 2_999_999)):
            status, headers, body = edge.get("/large", Range=f"bytes={first}-{last}")
            assert status == 206 and body == whole[first:last + 1]
            assert headers["Content-Range"] == f"bytes {first}-{last}/3000000"
        assert edge.get("/large", Range="bytes=-7")[2] == whole[-7:]
        status, headers, body = edge.get("/large", Range="bytes=3000000-")
        assert (status, headers["Content-Range"], body) == (416, "bytes */3000000", b"")
        status, headers, body = edge.get("/large", **{"If-None-Match": '"/large"'})
        assert (status, body) == (304, b"")
        status, headers, body = edge.get("/large", method="HEAD")
        assert (status, headers["Content-Length"], body) == (200, "3000000", b"")
        assert len(server.heads) == 1


def test_a_304_updates_the_file_over_a_restart(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        server.answer = lambda head: ok(b"body", b'Cache-Control: max-age=0\r\nETag: "1"\r\nX-Turn: first\r\n')
        edge.get("/v")
        written(edge, 1)
        server.answer = lambda head: b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nX-Turn: second\r\n' + FRESH + b"\r\n"
        status, headers, body = edge.get("/v")
        assert (status, headers["X-Turn"], body) == (200, "second", b"body")
        restart(edge)
        status, headers, body = edge.get("/v")
        assert (status, headers["X-Turn"], body) == (200, "second", b"body") and "hit" in status_of(headers)
        assert len(server.heads) == 2 and len(files(tmp_path)) == 1


def test_purges_outlive_a_restart(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        for path in ("/a", "/b", "/c"):
            edge.get(path)
        written(edge, 3)
        assert edge.admin("/cache/purge?url=http://lone.example/a")[1] == "1 responses purged\n"
        assert edge.admin("/cache/purge?url=http://lone.example/b&soft=true")[1] == "1 responses are stale now\n"
        meridian.eventually(lambda: len(files(tmp_path)) == 2, "the file is gone")
        restart(edge)
        assert disk_metric(edge, "found_total") == 2
        assert "hit" in status_of(edge.get("/c")[1])
        assert "fwd=uri-miss" in status_of(edge.get("/a")[1])
        assert "fwd=stale" in status_of(edge.get("/b")[1])


def test_a_reload_keeps_entries_and_another_directory_needs_a_restart(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        ready(edge)
        edge.get("/page")
        written(edge, 1)
        edge.reload()
        assert "hit" in status_of(edge.get("/page")[1])
        edge.config["edge"]["caches"]["main"]["size"] = "32MiB"
        edge.reload()
        assert edge.metric("meridian_edge_cache_limit_bytes") == 32 << 20 and "hit" in status_of(edge.get("/page")[1])
        edge.config["edge"]["caches"]["main"]["disk"] = str(tmp_path / "elsewhere")
        assert "edge.caches" in edge.reload(422)


def test_the_bound_of_the_disk_is_kept(slot, server, tmp_path):
    with caching(tmp_path, slot, server, {"size": "4MiB"}, {"max_object": "1MiB"}) as edge:
        ready(edge)
        for n in range(400):
            path = f"/{n}"
            assert edge.get(path)[2] == octets(path)
        def taken():
            return sum(-(-path.stat().st_size // 4096) * 4096 for path in files(tmp_path))
        meridian.eventually(lambda: 1 << 20 < taken() <= 4 << 20, "evicted files are removed")
        assert edge.metric("meridian_edge_cache_evicted_total") > 100
        assert edge.metric("meridian_edge_cache_bytes") <= 4 << 20
        assert all(edge.get(f"/{n}")[2] == octets(f"/{n}") for n in range(0, 400, 13))


@pytest.mark.parametrize("size", [1, 8], ids=["written when it is whole", "written while it comes"])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_body_of_a_quarter_of_the_disk_is_kept_and_a_larger_one_is_not(slot, server, tmp_path, size, more):
    SIZES["/quarter"] = (size << 18) + more
    with caching(tmp_path, slot, server, {"size": f"{size}MiB", "memory": "8MiB"}, {"max_object": f"{size * 256}KiB"}) as edge:
        ready(edge)
        assert edge.get("/quarter")[2] == octets("/quarter")
        if more <= 0:
            written(edge, 1)
        for _ in range(2):
            _, said, body = edge.get("/quarter")
            assert body == octets("/quarter") and ("hit" in status_of(said)) == (more <= 0)
            restart(edge)


def test_a_thousand_waiters_are_one_fetch_and_then_hits(slot, server, tmp_path):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with caching(tmp_path, slot, server, edge={"workers": 2}) as edge:
        ready(edge)
        for _ in range(2):
            socks = [edge.raw(60) for _ in range(1000)]
            for sock in socks:
                sock.sendall(b"GET /page HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n\r\n")
            for sock in socks:
                with sock:
                    received = read_to_end(sock)
                assert received.startswith(b"HTTP/1.1 200") and received.partition(b"\r\n\r\n")[2] == octets("/page")
            written(edge, 1)
        assert len(server.heads) == 1


def test_a_slow_reader_of_a_file_holds_nobody_and_keeps_what_is_removed(slot, server, tmp_path):
    SIZES["/huge"] = 12_000_000
    with caching(tmp_path, slot, server, {"size": "256MiB", "memory": "128MiB"}, {"max_object": "16MiB"}) as edge:
        ready(edge)
        edge.get("/huge")
        written(edge, 1)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.settimeout(60)
        slow.connect((edge.host, 8080))
        slow.sendall(b"GET /huge HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n\r\n")
        begun = slow.recv(4096)
        assert edge.get("/huge")[2] == octets("/huge")
        edge.admin("/cache/purge?prefix=lone.example/")
        meridian.eventually(lambda: not files(tmp_path), "the file is removed")
        assert (begun + read_to_end(slow)).partition(b"\r\n\r\n")[2] == octets("/huge")
        slow.close()


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_over_tls_and_http2(slot, server, tmp_path, cut):
    authority = Authority(tmp_path)
    certificate = authority.issue("lone.example")
    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "https", "certificates": [
        {"certificate": str(certificate.certificate), "key": str(certificate.key)}]}]
    with caching(tmp_path, slot, server, edge={"listen": listen}) as edge:
        ready(edge)
        context = ssl.create_default_context(cafile=authority.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        for turn in range(2):
            with H2(edge.host, 8443, tls=context) as client:
                streams = {path: client.get(path) for path in SIZES if path != "/huge"}
                client.until_over(*streams.values())
                for path, stream in streams.items():
                    assert client.streams[stream].status == 200 and client.streams[stream].body == octets(path), path
                    assert turn == 0 or "hit" in client.streams[stream].fields["cache-status"]
                client.sock.close()
            written(edge, len(streams))
        asked = len(server.heads)
        got = subprocess.run(["curl", "-sS", "--http1.1", "--cacert", str(authority.ca), "--resolve", f"lone.example:8443:{edge.host}",
                              "-H", "Host: lone.example", "https://lone.example:8443/large"], capture_output=True, timeout=60, check=True)
        assert got.stdout == octets("/large") and len(server.heads) == asked
        if cut:  # a file that is cut in the middle of an answer
            path = file_of(tmp_path, SIZES["/large"])
            with H2(edge.host, 8443, tls=context, settings=[(4, 1000)]) as client:
                stream = client.get("/large")
                client.until(lambda: client.streams[stream].body, "it has begun")
                os.truncate(path, body_at(path) + 200_000)
                client.window(stream, 4_000_000)
                client.window(0, 4_000_000)
                client.until(lambda: client.streams[stream].over, "its end")
                assert client.streams[stream].reset is not None and len(client.streams[stream].body) < SIZES["/large"]
                client.sock.close()
            assert edge.get("/large")[2] == octets("/large")


@contextlib.contextmanager
def broken(tmp_path, slot, server, **more):
    disk = BrokenDisk(tmp_path)
    with caching(tmp_path, slot, server, environment=disk.environment(), **more) as edge:
        try:
            ready(edge)
            yield edge, disk
        finally:
            disk.mends()


REMEDIES = {"full": "make room in its file system", "fails": "look into the kernel's log", "read-only": "mount its file system for writing",
            "forbidden": "let the user of meridian-edge write there"}


@pytest.mark.parametrize("kind", REMEDIES)
def test_a_disk_that_takes_nothing_costs_hits_and_no_answer(slot, server, tmp_path, kind):
    with broken(tmp_path, slot, server) as (edge, disk):
        edge.get("/page")
        written(edge, 1)
        disk.breaks(kind, tmp_path / "cache", room=3000)
        for n in range(20):
            assert edge.get(f"/{n}")[2] == octets(f"/{n}")
        meridian.eventually(lambda: disk_metric(edge, "write_failures_total") > 0, "it is counted")
        text = edge.process.text()
        told = [line for line in text.splitlines() if "event=cache_disk_failed" in line]
        assert len(told) == 1, "one line, however often"
        assert f"directory={tmp_path}/cache" in told[0] and REMEDIES[kind] in told[0]
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_skipped_total") > 0, "and here")
        assert edge.get("/page")[2] == octets("/page"), "from the disk, or else from the server"
        disk.mends()

        def stored():
            count = disk_metric(edge, "written_total")
            assert edge.get("/again")[2] == octets("/again")
            edge.admin("/cache/purge?url=lone.example/again")
            return disk_metric(edge, "written_total") > max(count, 1)
        meridian.eventually(stored, "it is written to again")
        assert "event=cache_disk_well" in edge.process.text()
        assert not [path for path in files(tmp_path) if path.name.endswith(".new")]


def test_reads_that_fail_are_misses(slot, server, tmp_path):
    with broken(tmp_path, slot, server) as (edge, disk):
        for path in ("/page", "/large"):
            edge.get(path)
        written(edge, 2)
        disk.breaks("fails", tmp_path / "cache")
        for path in ("/page", "/large"):
            assert edge.get(path)[2] == octets(path)
        assert disk_metric(edge, "read_failures_total") == 2 and len(server.heads) == 4


def test_a_disk_that_hangs_holds_nobody(slot, server, tmp_path):
    with broken(tmp_path, slot, server) as (edge, disk):
        for path in ("/page", "/small"):
            edge.get(path)
        written(edge, 2)
        disk.breaks("hangs", tmp_path / "cache")
        for path in ("/page", "/small", "/new", "/page"):
            assert edge.get(path)[2] == octets(path)
        assert edge.get("/page", method="HEAD")[0] == 200
        for page in ("/healthz", "/status", "/metrics", "/cache"):
            assert edge.admin(page, "GET")[0] == 200, page
        assert "event=cache_disk_slow" in edge.process.text()
        assert len(server.heads) >= 5
        disk.mends()
        meridian.eventually(lambda: "hit" in status_of(edge.get("/page")[1]), "it is asked again, after a while")


def test_an_upgrade_hands_the_directory_on(slot, server, tmp_path):
    with caching(tmp_path, slot, server, edge={"drain_grace": "30s"}) as edge:
        ready(edge)
        for path in ("/a", "/b", "/c"):
            edge.get(path)
        written(edge, 3)
        old = edge.process
        with edge.raw() as busy:  # the elder has something to do
            busy.sendall(b"GET /a HTTP/1.1\r\nHost: lone.example\r\n\r\n")
            assert busy.recv(100)
            edge.process = meridian.Process([*old.arguments[:], "--upgrade"], tmp_path / "successor.log")
            meridian.eventually(lambda: "event=taken_over" in old.text(), "taken over")
            meridian.eventually(lambda: owns(edge), "the successor writes")
            assert old.running(), "and has not waited for the elder's end"
            for path in ("/a", "/b", "/c"):
                status, headers, body = edge.get(path)
                assert body == octets(path) and "hit" in status_of(headers), path
            edge.get("/d")
            written(edge, 1)
        assert old.wait() == 0, old.text()
        old.forget()
        assert len(files(tmp_path)) == 4, "the elder's end takes nothing along"
        assert all("hit" in status_of(edge.get(path)[1]) for path in ("/a", "/b", "/c", "/d"))
        assert len(server.heads) == 4


def test_mistakes_are_told(slot, server, tmp_path):
    (tmp_path / "file").write_text("x")
    with caching(tmp_path, slot, server) as edge:
        caches = edge.config["edge"]["caches"]
        caches["main"]["disk"] = str(tmp_path / "file")
        assert f"disk: {tmp_path}/file is no directory: name another" in edge.reload(422)
        caches["main"]["disk"] = str(tmp_path / "no" / "where")
        assert f"disk: {tmp_path}/no is no directory: make it" in edge.reload(422)
        caches["main"]["disk"] = str(tmp_path / "cache")
        caches["other"] = {"disk": f"{tmp_path}/x/../cache"}
        assert "is that of cache 'main': each needs a directory of its own" in edge.reload(422)
        del caches["other"]
        caches["main"]["size"] = "16MiB"
        assert "max_object: more than a quarter of the store 'main'" in edge.reload(422)
