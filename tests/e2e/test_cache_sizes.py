"""How much of a body a cache in memory keeps: as large as the store takes, too large from the head or while it comes, without room, and
for a client that reads slowly (docs/cache.md)."""
import concurrent.futures
import hashlib
import socket
import threading

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

FRESH = b"Cache-Control: max-age=3600\r\n"


@pytest.fixture
def slot():
    with meridian.Lease() as held:
        yield held


@pytest.fixture
def server(slot):
    """What `answer` says counts on connections that stand, too."""
    with Scripted(slot_address(slot, "2.1"), answer=lambda head: ok()) as running:
        running.script = answering(lambda head: running.answer(head))
        yield running


def caching(tmp_path, slot, server, cache=None, size="64MiB"):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", **(cache or {})}}]
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": size}}})


def in_flight(edge):
    return edge.metric("meridian_edge_requests_in_flight")


def test_a_large_answer_that_is_not_stored_passes_through_in_little_memory(slot, server, tmp_path):
    body = bytes(i * 7 & 255 for i in range(1 << 16)) * 256
    server.answer = lambda head: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), FRESH) + body
    with caching(tmp_path, slot, server, {"max_object": "1MiB"}) as edge:
        assert edge.get("/large")[2] == body
        assert edge.metric("meridian_edge_cache_entries") == 0 and edge.metric("meridian_edge_cache_bytes") == 0
        assert edge.get("/large")[2] == body and len(server.heads) == 2


def test_who_reads_slowly_has_the_rest_of_small_bodies_from_the_cache(slot, server, tmp_path):
    def body_of(path):
        return hashlib.sha256(path).digest() * 1900
    server.answer = lambda head: ok(body_of(head.split(b" ")[1]), FRESH)
    paths = [b"/%d" % number for number in range(120)]
    with caching(tmp_path, slot, server) as edge, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect((edge.host, 8080))
        sock.sendall(b"".join(b"GET %s HTTP/1.1\r\nHost: lone.example\r\n\r\n" % path for path in paths))
        received = b""
        for path in paths:
            while b"\r\n\r\n" not in received:
                received += sock.recv(1 << 16)
            head, _, received = received.partition(b"\r\n\r\n")
            while len(received) < len(body_of(path)):
                more = sock.recv(1 << 16)
                assert more, (path, head)
                received += more
            assert head.startswith(b"HTTP/1.1 200") and b"fwd=uri-miss" in head and received[:len(body_of(path))] == body_of(path), path
            received = received[len(body_of(path)):]
        assert received == b""
        for path in paths:
            _, fields, body = edge.get(path.decode())
            assert body == body_of(path) and "hit" in fields["Cache-Status"], path


def test_what_turns_out_too_large_while_it_comes_reaches_its_readers_whole(slot, server, tmp_path):
    chunk = b"40000\r\n" + b"c" * 0x40000 + b"\r\n"
    server.answer = lambda head: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + FRESH + b"\r\n" + chunk * 24 + b"0\r\n\r\n"
    with caching(tmp_path, slot, server, {"max_object": "1MiB"}) as edge:
        assert edge.get("/grows")[2] == b"c" * 0x40000 * 24
        assert edge.metric("meridian_edge_cache_entries") == 0


def test_for_what_turned_out_too_large_nobody_waits_the_second_time(slot, server, tmp_path):
    chunk = b"8000\r\n" + b"c" * 0x8000 + b"\r\n"
    let, asked = threading.Event(), []

    def answer(head):
        asked.append(head)
        return let.wait(60) and b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + FRESH + b"\r\n" + chunk * 8 + b"0\r\n\r\n"
    server.answer = answer
    with caching(tmp_path, slot, server, {"max_object": "64KiB", "hit_for_miss": "1h"}) as edge, concurrent.futures.ThreadPoolExecutor(8) as threads:
        for most in (1, 8):
            clients = [threads.submit(edge.get, "/grows") for _ in range(8)]
            meridian.eventually(lambda: in_flight(edge) == 8 and len(asked) == most, f"all are there, and {most} at the server")
            let.set()
            assert all(client.result(20)[2] == b"c" * 0x8000 * 8 for client in clients)
            let.clear()
            asked.clear()
        let.set()
        assert "not stored the last time" in edge.get("/grows")[1]["Cache-Status"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_body_of_a_quarter_of_the_store_is_kept_and_a_larger_one_is_not(slot, server, tmp_path, framing, more):
    body = b"q" * ((1 << 18) + more)
    fields = b"Content-Length: %d\r\n\r\n" % len(body) if framing == "length" else b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
    server.answer = lambda head: b"HTTP/1.1 200 OK\r\n" + FRESH + fields + body + (b"" if framing == "length" else b"\r\n0\r\n\r\n")
    with caching(tmp_path, slot, server, {"max_object": "256KiB"}, size="1MiB") as edge:
        assert edge.get("/a")[2] == body
        _, said, again = edge.get("/a")
        assert again == body and ("hit" in said["Cache-Status"]) == (more <= 0)
        assert edge.metric("meridian_edge_cache_bytes") <= 1 << 20


def test_bodies_that_find_no_room_inside_reach_their_readers_whole(slot, server, tmp_path):
    more = threading.Event()
    body = bytes(i * 31 & 255 for i in range(1 << 16)) * 32

    def script(exchange):
        if exchange.read_head():
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), FRESH) + body[:1 << 20])
            more.wait(60)
            exchange.send(body[1 << 20:])
    server.script = script
    with caching(tmp_path, slot, server, {"max_object": "2MiB"}, size="8MiB") as edge, concurrent.futures.ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(edge.get, f"/{number}") for number in range(8)]
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_bytes") >= 8 << 20, "all have a part, and there is no more room")
        more.set()
        assert all(done.result(20)[2] == body for done in waiting)
