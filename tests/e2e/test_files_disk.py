"""Static files whose octets are not in memory, and disks that hang or fail under them: a worker waits for none, and nobody gets a wrong
body (docs/content.md). tests/support/broken_disk.c plays the disk."""
import contextlib
import http.client
import os
import random
import socket
import threading

import pytest

import meridian
from broken_disk import BrokenDisk
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, read_to_end, slot_address

SIZES = {"small.txt": 900, "page.html": 30_000, "large.bin": 3_000_000, "other.txt": 1200}


def octets(name):
    return random.Random(name).randbytes(SIZES[name])


def make_cold(path):
    """Its octets are on the disk only, if the file system lets them go."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


@pytest.fixture
def world(tmp_path):
    """(edge, disk, root): one worker; /a is on the disk that breaks, /b on another one, the rest is a server's."""
    disk = BrokenDisk(tmp_path)
    for root in ("a", "b"):
        (tmp_path / root).mkdir()
        for name in SIZES:
            (tmp_path / root / name).write_bytes(octets(name))
    routes = [{"path": f"/{root}/", "files": {"root": str(tmp_path / root), "strip_path": True}} for root in ("a", "b")]
    with meridian.Lease() as slot, Scripted(slot_address(slot, "2.1"), answering()) as server:
        with LoneEdge(tmp_path, slot, [server.name], routes=[*routes, {"path": "/", "pool": "web"}], environment=disk.environment()) as edge:
            try:
                yield edge, disk, tmp_path / "a"
            finally:
                disk.mends()


def test_what_is_not_in_memory_is_right_in_every_protocol(world):
    edge, _, root = world
    for _ in range(2):
        for name in SIZES:
            make_cold(root / name)
            assert edge.get(f"/a/{name}")[2] == octets(name)
            make_cold(root / name)
            assert edge.get(f"/a/{name}", Range="bytes=500-599")[2] == octets(name)[500:600]
        for name in SIZES:
            make_cold(root / name)
        with H2(edge.host) as client:
            streams = {name: client.get(f"/a/{name}") for name in SIZES}
            client.until_over(*streams.values())
            assert all(client.streams[stream].body == octets(name) for name, stream in streams.items())
            client.sock.close()


def asking(edge, path):
    sock = edge.raw(60)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n\r\n".encode())
    return sock


@pytest.mark.parametrize("warm", [True, False], ids=["open", "never seen"])
def test_a_disk_that_hangs_holds_only_who_wants_its_files(world, warm):
    edge, disk, root = world
    for name in SIZES if warm else ():
        edge.get(f"/a/{name}")
    edge.get("/b/page.html")
    disk.breaks("hangs", root)
    waiting = {name: asking(edge, f"/a/{name}") for name in SIZES}
    left = asking(edge, "/a/page.html")
    meridian.eventually(lambda: disk.was_met() > 0, "it is waited for")
    left.close()
    for _ in range(20):
        assert edge.get("/b/page.html")[2] == octets("page.html"), "in memory, and of another disk"
        assert edge.get("/proxied")[0] == 200
    for page in ("/healthz", "/status", "/metrics"):
        assert edge.admin(page, "GET")[0] == 200
    for name, sock in waiting.items():  # nothing yet, or, of a small one that the edge holds, all of it
        sock.settimeout(0.01)
        received = b""
        with contextlib.suppress(socket.timeout):
            while chunk := sock.recv(1 << 20):
                received += chunk
        body = received.partition(b"\r\n\r\n")[2]
        assert not body or body == octets(name)
        sock.close()
    disk.mends()
    for name in SIZES:
        assert edge.get(f"/a/{name}")[2] == octets(name)


def test_it_goes_on_where_it_hung(world):
    edge, disk, root = world
    got = {}

    def take(name):
        got[name] = edge.get(f"/a/{name}")
    disk.breaks("hangs", root)
    takers = [threading.Thread(target=take, args=(name,)) for name in SIZES]
    for taker in takers:
        taker.start()
    meridian.eventually(lambda: disk.was_met() > 0, "it is waited for")
    disk.mends()
    for taker in takers:
        taker.join()
    assert all(got[name][0] == 200 and got[name][2] == octets(name) for name in SIZES)


@pytest.mark.parametrize("warm", [True, False], ids=["open", "never seen"])
def test_a_disk_that_fails_gives_errors_or_cuts_and_no_wrong_body(world, warm):
    edge, disk, root = world
    for name in SIZES if warm else ():
        edge.get(f"/a/{name}")
    disk.breaks("fails", root)
    for name in SIZES:
        received = read_to_end(asking(edge, f"/a/{name}"))
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else 0
        assert status in (0, 500) or (status == 200 and octets(name).startswith(body)), (name, head)
    assert edge.get("/b/small.txt")[2] == octets("small.txt") and edge.get("/proxied")[0] == 200
    disk.mends()

    def right():
        try:
            return all(edge.get(f"/a/{name}")[2] == octets(name) for name in SIZES)
        except (http.client.HTTPException, OSError):
            return False
    meridian.eventually(right, "it is well again")
