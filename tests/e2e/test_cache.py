"""The cache under many clients: one fetch for all, what is not stored, purging, poisoning, failures, reloads."""
import concurrent.futures
import hashlib
import json
import resource
import socket
import threading
import time

import pytest

import meridian
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, read_to_end, slot_address

FRESH = b"Cache-Control: max-age=3600\r\n"


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    """What `answer` says counts on connections that stand, too."""
    with Scripted(slot_address(slot, "2.1"), answer=lambda head: ok()) as running:
        running.script = answering(lambda head: running.answer(head))
        yield running


def caching(tmp_path, slot, server, cache=None, size="64MiB", route=None, **more):
    routes = [{"path": "/", "pool": "web", "cache": {"store": "main", **(cache or {})}, **(route or {})}]
    edge = {"caches": {"main": {"size": size}}, **more.pop("edge", {})}
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge, **more)


class Gate:
    """A server whose answers wait until the test lets them go."""

    def __init__(self, server, answer):
        self.open, self.asked = threading.Event(), 0
        server.answer = lambda head: answer if self.wait(head) else None

    def wait(self, _):
        self.asked += 1
        return self.open.wait(60)


def in_flight(edge):
    return edge.metric("meridian_edge_requests_in_flight")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_waiters_are_one_fetch(slot, server, tmp_path, workers):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    body = bytes(range(256)) * 40
    gate = Gate(server, ok(body, FRESH))
    with caching(tmp_path, slot, server, edge={"workers": workers}) as edge:
        socks = [edge.raw(60) for _ in range(1000)]
        for sock in socks:
            sock.sendall(b"GET /one HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n\r\n")
        meridian.eventually(lambda: in_flight(edge) == 1000, "all wait")
        gate.open.set()
        digest = hashlib.sha256(body).digest()
        for sock in socks:
            with sock:
                received = b""
                while chunk := sock.recv(65536):
                    received += chunk
            assert received.startswith(b"HTTP/1.1 200") and hashlib.sha256(received.partition(b"\r\n\r\n")[2]).digest() == digest
        assert gate.asked == 1
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_requests_total", 'result="MISS"') == 1000, "each has missed")
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_collapsed_total") == 999 and edge.metric("meridian_edge_cache_fetches_total") == 1, "and here")


def test_the_body_streams_to_all_while_it_comes(slot, server, tmp_path):
    more = threading.Event()

    def script(exchange):
        if exchange.read_head():
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" + FRESH + b"\r\n01234")
            more.wait(60)
            exchange.send(b"56789")
    server.script = script
    with caching(tmp_path, slot, server, edge={"workers": 2}) as edge:
        socks = [edge.raw() for _ in range(8)]
        for sock in socks:
            sock.sendall(b"GET /s HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n\r\n")
        received = [b""] * len(socks)
        for number, sock in enumerate(socks):
            while not received[number].endswith(b"01234"):
                chunk = sock.recv(4096)
                assert chunk, (number, received, server.heads, edge.process.text())
                received[number] += chunk
        more.set()
        for number, sock in enumerate(socks):
            with sock:
                while chunk := sock.recv(4096):
                    received[number] += chunk
            assert received[number].endswith(b"\r\n\r\n0123456789"), (number, received, server.heads, edge.process.text())
        assert len(server.heads) == 1, server.heads


def asks_in_http1(edge, path):
    """Returns how it leaves."""
    sock = edge.raw()
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: lone.example\r\n\r\n".encode())
    return sock.close


def asks_in_http2(edge, path):
    """Likewise; its stream is gone at once, a connection of HTTP/1.1 is not while others wait for what it fetches."""
    client = H2(edge.host)
    stream = client.get(path)
    return lambda: client.reset(stream)


@pytest.mark.parametrize("asks", [asks_in_http1, asks_in_http2])
def test_who_leaves_does_not_take_the_fetch_along_and_the_last_one_does(slot, server, tmp_path, asks):
    gate = Gate(server, ok(b"kept", FRESH))
    with caching(tmp_path, slot, server) as edge:
        leave = asks(edge, "/a")
        meridian.eventually(lambda: gate.asked == 1, "the fetch is on its way")
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            second = threads.submit(edge.get, "/a")
            meridian.eventually(lambda: in_flight(edge) == 2, "another one waits")
            leave()
            meridian.eventually(lambda: in_flight(edge) == 1, "the first has gone")
            gate.open.set()
            assert second.result()[2] == b"kept"
        assert gate.asked == 1
        gate.open.clear()
        leave = asks(edge, "/b")
        meridian.eventually(lambda: gate.asked == 2, "the fetch is on its way")
        leave()
        meridian.eventually(lambda: edge.servers()[server.name]["in_flight"] == 0, "nobody wants it, it is given up")
        gate.open.set()


def test_a_slow_client_holds_nobody(slot, server, tmp_path):
    body = b"z" * (6 << 20)
    server.answer = lambda head: ok(body, FRESH)
    with caching(tmp_path, slot, server, size="256MiB") as edge:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((edge.host, 8080))
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: lone.example\r\n\r\n")
        assert edge.get("/big")[2] == body, "joins what the slow one has begun"
        assert len(server.heads) == 1
        slow.close()
        assert edge.get("/big")[2] == body and len(server.heads) == 1


def test_what_is_not_stored_does_not_serialise_the_others(slot, server, tmp_path):
    gate = Gate(server, ok(b"mine", b"Cache-Control: private\r\n"))
    with caching(tmp_path, slot, server, {"hit_for_miss": "60s"}) as edge, concurrent.futures.ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(edge.get, "/p") for _ in range(20)]
        meridian.eventually(lambda: in_flight(edge) == 20 and gate.asked > 0, "all wait for the first head")
        assert gate.asked == 1
        gate.open.set()
        assert all(done.result()[2] == b"mine" for done in waiting)
        assert gate.asked == 20, "each has asked for itself"
        gate.open.clear()
        again = [threads.submit(edge.get, "/p") for _ in range(5)]
        meridian.eventually(lambda: gate.asked == 25, "it is remembered: nobody waits for anybody")
        gate.open.set()
        assert all(done.result()[0] == 200 for done in again)


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n\r\n0123456789", b"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"], ids=["length", "chunked"])
def test_a_truncated_answer_is_cut_for_clients_and_never_stored(slot, server, tmp_path, framing):
    def script(exchange):
        if exchange.read_head():
            exchange.send(b"HTTP/1.1 200 OK\r\n" + FRESH + framing)
    server.script = script
    with caching(tmp_path, slot, server) as edge:
        with edge.raw() as sock:
            sock.sendall(b"GET /t HTTP/1.1\r\nHost: lone.example\r\n\r\n")
            received = b""
            try:
                while chunk := sock.recv(4096):
                    received += chunk
            except ConnectionResetError:
                pass
        assert not received.endswith(b"0\r\n\r\n")
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_bytes") == 0, "nothing is held of it")
        server.script = answering(lambda head: ok(b"whole", FRESH))
        assert edge.get("/t")[2] == b"whole"


def test_stale_while_revalidate_answers_at_once_and_asks_behind(slot, server, tmp_path):
    server.answer = lambda head: ok(b"old", b"Cache-Control: max-age=60, stale-while-revalidate=9999\r\nAge: 100\r\n")
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/")[2] == b"old"
        gate = Gate(server, ok(b"new", FRESH))
        status, fields, body = edge.get("/")
        assert body == b"old" and "hit" in fields["Cache-Status"]
        meridian.eventually(lambda: gate.asked == 1, "it is asked for")
        assert edge.get("/")[2] == b"old" and gate.asked == 1, "once"
        gate.open.set()
        meridian.eventually(lambda: edge.get("/")[2] == b"new", "the new one is there")
        assert gate.asked == 1


@pytest.mark.parametrize("fields", [FRESH, b"Cache-Control: private\r\n"], ids=["too large", "private"])
def test_a_refresh_that_is_not_stored_and_that_nobody_reads_is_given_up(slot, server, tmp_path, fields):
    server.answer = lambda head: ok(b"old", b"Cache-Control: max-age=60, stale-while-revalidate=9999\r\nConnection: close\r\nAge: 100\r\n")
    gone = threading.Event()

    def endless(exchange):
        exchange.read_head()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + fields + b"\r\n")
        try:
            while True:
                exchange.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        except ConnectionError:
            gone.set()
    with caching(tmp_path, slot, server, {"max_object": "1MiB"}, edge={"timeout": {"send": "30m"}}) as edge:
        assert edge.get("/")[2] == b"old"
        server.script = endless
        assert edge.get("/")[2] == b"old"
        assert gone.wait(30), "long before a reader would have been too slow"
        meridian.eventually(lambda: edge.metric("meridian_edge_cache_bytes") < 10_000, "nothing is held of it")
        assert edge.get("/")[2] == b"old"


def test_a_small_refresh_that_is_not_stored_costs_no_connection(slot, server, tmp_path):
    server.answer = lambda head: ok(b"old", b"Cache-Control: max-age=60, stale-while-revalidate=9999\r\nAge: 100\r\n")
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/")[2] == b"old"
        server.answer = lambda head: ok(b"n" * 100_000, b"Cache-Control: private\r\n")
        meridian.eventually(lambda: edge.get("/")[2] == b"old" and len(server.heads) >= 4, "it is asked for again and again")
        assert server.connections == 1


def test_stale_if_error_stands_in_for_a_server_that_fails(slot, server, tmp_path):
    server.answer = lambda head: ok(b"old", b"Cache-Control: max-age=60, stale-if-error=9999\r\nAge: 100\r\n")
    with caching(tmp_path, slot, server, edge={"access_log": f"{tmp_path}/access.log"}) as edge:
        assert edge.get("/")[2] == b"old"
        server.answer = lambda head: None
        status, fields, body = edge.get("/")
        assert (status, body) == (200, b"old")
        meridian.eventually(lambda: '"cache":"STALE"' in (tmp_path / "access.log").read_text(), "the log says so")


def test_an_error_is_told_to_all_who_wait_and_is_not_tried_for_each(slot, server, tmp_path):
    gate = Gate(server, None)
    with caching(tmp_path, slot, server, pool={"retry": {"attempts": 1}}) as edge, concurrent.futures.ThreadPoolExecutor(10) as threads:
        waiting = [threads.submit(edge.get, "/e") for _ in range(10)]
        meridian.eventually(lambda: in_flight(edge) == 10, "all wait")
        gate.open.set()
        assert [done.result()[0] for done in waiting] == [502] * 10
        assert gate.asked == 1


def test_purge_by_url_prefix_and_tag_soft_and_hard(slot, server, tmp_path):
    server.answer = lambda head: ok(head.split(b" ")[1], FRESH + b'ETag: "e"\r\nCache-Tag: t' + head.split(b" ")[1][1:2] + b", all\r\n")
    with caching(tmp_path, slot, server) as edge:
        def stored(path):
            before = len(server.heads)
            edge.get(path)
            return len(server.heads) == before

        for path in ("/a", "/a?x", "/b", "/c"):
            assert not stored(path) and stored(path)
        assert edge.admin("/cache/purge?url=http://LONE.example/a") == (200, "1 responses purged\n")
        assert not stored("/a") and stored("/a?x")
        assert edge.admin("/cache/purge?prefix=lone.example/a")[1].startswith("2 ")
        assert not stored("/a?x") and stored("/b")
        assert edge.admin("/cache/purge?tag=tb")[1].startswith("1 ")
        assert not stored("/b") and stored("/c")
        assert edge.admin("/cache/purge?tag=all&soft=true")[1].startswith("3 responses are stale")
        assert not stored("/c") and b"If-None-Match" in server.heads[-1][1], "it is asked whether it has changed"
        assert edge.admin("/cache/purge?tag=a&url=b")[0] == 400 and edge.admin("/cache/purge")[0] == 400
        assert edge.admin("/cache/purge?tga=a")[0] == 400 and edge.admin("/cache/purge?tag=a&cache=none")[0] == 404
        assert "main: 3 responses" in edge.admin("/cache", "GET")[1]
        assert json.loads(edge.admin("/status", "GET")[1])["caches"][0]["entries"] == 3


def test_what_is_purged_while_it_comes_is_not_stored(slot, server, tmp_path):
    gate = Gate(server, ok(b"old", FRESH))
    with caching(tmp_path, slot, server) as edge, concurrent.futures.ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(edge.get, "/x")
        meridian.eventually(lambda: gate.asked == 1, "it is asked for")
        assert edge.admin("/cache/purge?url=lone.example/x")[0] == 200
        gate.open.set()
        assert waiting.result()[2] == b"old"
        server.answer = lambda head: ok(b"new", FRESH)
        assert edge.get("/x")[2] == b"new"


def test_who_changes_something_does_not_get_what_is_from_before(slot, server, tmp_path):
    gate = Gate(server, ok(b"old", FRESH))
    with caching(tmp_path, slot, server) as edge, concurrent.futures.ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(edge.get, "/x")
        meridian.eventually(lambda: gate.asked == 1, "it is asked for")
        server.answer = lambda head: ok(b"new", FRESH)
        assert edge.get("/x", method="POST", body=b"change")[0] == 200
        assert edge.get("/x")[2] == b"new", "the fetch that runs was sent before the change"
        gate.open.set()
        assert waiting.result()[2] == b"old"
        assert edge.get("/x")[2] == b"new"


def test_what_only_some_clients_are_led_to_is_kept_apart(slot, server, tmp_path):
    server.answer = lambda head: ok(b"web", FRESH)
    with Scripted(slot_address(slot, "2.2"), answering(lambda head: ok(b"new", FRESH))) as new:
        cache = {"cache": {"store": "main"}}
        some = [{"header": {"X-Preview": "1"}}, {"cookie": {"canary": "yes"}}, {"name": "half", "share": "50%", "share_cookie": "ab"}]
        routes = [*({"path": "/", "pool": "new", **conditions, **cache} for conditions in some), {"path": "/", "pool": "web", **cache}]
        with LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"caches": {"main": {"size": "64MiB"}}}, pools={"new": {"servers": [new.name]}}) as edge:
            sides = {}
            for visitor in range(20):
                sides.setdefault(edge.get(f"/once{visitor}", Cookie=f"ab={visitor}")[2], f"ab={visitor}")
            assert set(sides) == {b"web", b"new"}
            for path, first, fields in (("/h", b"new", {"X-Preview": "1"}), ("/c", b"new", {"Cookie": "canary=yes"}), ("/s", b"new", {"Cookie": sides[b"new"]}),
                                        ("/w", b"web", {"Cookie": sides[b"web"]})):
                other = (b"web", {"Cookie": sides[b"web"]}) if first == b"new" else (b"new", {"Cookie": sides[b"new"]})
                for _ in range(2):
                    assert edge.get(path, **fields)[2] == first, path
                    assert edge.get(path, **other[1])[2] == other[0], path


def test_purges_and_reloads_under_load_give_right_answers_within_the_bound(slot, server, tmp_path):
    def body_of(path):
        return hashlib.sha256(path).hexdigest().encode() * (1 + len(path) * 97 % 300)
    server.answer = lambda head: ok(body_of(head.split(b" ")[1]), FRESH + b"Cache-Tag: t\r\n")
    with caching(tmp_path, slot, server, {"max_object": "100KiB"}, size="1MiB", edge={"workers": 2}) as edge:
        end, wrong = time.monotonic() + 3, []

        def client(number):
            connection = edge.connect()
            while time.monotonic() < end:
                for n in range(40):
                    path = f"/{(n * 13 + number) % 90}"
                    connection.request("GET", path, headers={"Host": "lone.example"})
                    got = connection.getresponse()
                    if got.read() != body_of(path.encode()) or got.status != 200:
                        wrong.append((path, got.status))
            connection.close()
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            clients = [threads.submit(client, number) for number in range(6)]
            while time.monotonic() < end:
                edge.admin("/cache/purge?tag=t")
                edge.admin("/cache/purge?prefix=lone.example/1&soft=true")
                edge.reload()
                assert edge.metric("meridian_edge_cache_bytes") <= 1 << 20
            for done in clients:
                done.result()
        assert wrong == []


def test_a_reload_keeps_what_is_stored_and_takes_another_size(slot, server, tmp_path):
    server.answer = lambda head: ok(b"x" * 1000, FRESH)
    with caching(tmp_path, slot, server, {"max_object": "100KiB"}) as edge:
        edge.get("/a")
        edge.config["edge"]["response_headers"] = {"set": {"X-New": "1"}}
        edge.config["edge"]["caches"]["main"]["size"] = "32MiB"
        edge.reload()
        status, fields, _ = edge.get("/a")
        assert "hit" in fields["Cache-Status"] and fields["X-New"] == "1" and len(server.heads) == 1
        assert edge.metric("meridian_edge_cache_limit_bytes") == 32 << 20
        edge.config["edge"]["caches"]["other"] = {}
        assert "edge.caches" in edge.reload(422)


def test_limits_breakers_and_hedges_see_only_what_goes_to_servers(slot, server, tmp_path):
    server.answer = lambda head: ok(b"x", FRESH)
    limits = {"limits": {"api": {"rate": "10/h", "burst": 1}}}
    with caching(tmp_path, slot, server, edge=limits, route={"limits": ["api"]}) as edge:
        assert [edge.get("/a")[0] for _ in range(20)] == [200] * 20
        assert edge.get("/b")[0] == 200
        status, fields, _ = edge.get("/c")
        assert status == 429 and "Retry-After" in fields, "the third fetch is over"
        assert edge.get("/a")[0] == 200
        assert edge.servers()[server.name]["requests"] == 2


@pytest.mark.parametrize("said, shared", [(b"max-age=60", False), (b"max-age=60, public", True), (b"max-age=60\r\nVary: X-Api-Key", None)], ids=["fresh", "public", "vary"])
def test_what_a_key_is_told_is_for_that_key_unless_it_is_for_all(slot, server, tmp_path, said, shared):
    server.answer = lambda head: ok(head, b"Cache-Control: " + said + b"\r\n")
    with caching(tmp_path, slot, server) as edge:
        assert b"X-Api-Key: k1" in edge.get("/a", X_Api_Key="k1")[2]
        assert (b"X-Api-Key: k1" in edge.get("/a", X_Api_Key="k2")[2]) == bool(shared)
        assert (b"X-Api-Key" in edge.get("/a")[2]) == bool(shared)
        asked = len(server.heads)
        assert b"X-Api-Key: k1" in edge.get("/b", X_Api_Key="k1")[2] and b"X-Api-Key: k1" in edge.get("/b", X_Api_Key="k1")[2]
        assert len(server.heads) - asked == (2 if shared is False else 1), "a key that is told apart has its own stored"


def test_what_is_said_to_the_one_who_fetches_is_not_stored_for_others(slot, server, tmp_path):
    server.answer = lambda head: b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + ok(head, FRESH)
    limits = {"limits": {"api": {"rate": "10/h", "burst": 20, "announce": True}}}
    with caching(tmp_path, slot, server, edge=limits, route={"limits": ["api"]}) as edge:
        for number, lines in enumerate(({}, {"If-None-Match": '"x"'}, {"TE": "trailers", "Connection": "TE"}, {"Expect": "100-continue"})):
            status, fields, body = edge.get(f"/{number}", **lines)
            asked = body.lower()
            left = [f'"api";r={20 - number}']  # of this client, whoever gets the rest of it
            said = lambda: [value.partition(";t=")[0] for value in fields.get_all("RateLimit")]
            assert status == 200 and said() == left and fields.get_all("RateLimit-Policy") == ['"api";q=10;w=3600'] and "Age" not in fields
            assert not any(word in asked for word in (b"if-none-match", b"\r\nte:", b"expect"))
            status, fields, again = edge.get(f"/{number}")
            assert status == 200 and again == body and said() == left and "Age" in fields, "what others get, too, uses nothing"
        with edge.raw() as old:
            old.sendall(b"GET /old HTTP/1.0\r\nHost: lone.example\r\n\r\n")
            received = b""
            while chunk := old.recv(65536):
                received += chunk
        assert received.startswith(b"HTTP/1.1 200") and b"GET /old HTTP/1.1" in received


def test_what_is_said_to_the_one_who_asks_by_head_updates_nothing(slot, server, tmp_path):
    """RFC 9111 4.3.5: a server's answer to a HEAD is news of what is stored, but for what the edge itself says to this client."""
    stale = b'Cache-Control: max-age=3600\r\nAge: 7200\r\nETag: "abc"\r\n'
    server.answer = lambda head: ok(b"page", stale) if head.startswith(b"GET") else ok(b"page", FRESH + b'ETag: "abc"\r\nNews: yes\r\n')[:-4]
    limits = {"limits": {"api": {"rate": "10/h", "burst": 20, "announce": True}}}
    with caching(tmp_path, slot, server, edge=limits, route={"limits": ["api"]}) as edge:
        assert edge.get("/page")[2] == b"page"
        assert edge.get("/page", method="HEAD")[1]["News"] == "yes"
        meridian.eventually(lambda: "Age" in edge.get("/page")[1], "the update is stored")
        _, fields, body = edge.get("/page")
        assert body == b"page" and fields["News"] == "yes" and "hit" in fields["Cache-Status"]
        for name in ("Cache-Status", "RateLimit", "RateLimit-Policy"):
            assert len(fields.get_all(name)) == 1, fields.get_all(name)


@pytest.mark.parametrize("shown", [b"X-Api-Key: k1", b"Authorization: Bearer k1"])
def test_what_a_server_says_of_a_stored_response_to_one_who_has_shown_who_he_is_is_told_to_nobody_else(slot, server, tmp_path, shown):
    """RFC 9111 3.5: his 304 does not say that it is for all, and others have waited for it."""
    opened = threading.Event()
    stale = b'Cache-Control: max-age=3600\r\nAge: 7200\r\nETag: "abc"\r\n'

    def answer(head):
        if b"If-None-Match" not in head:
            return ok(b"page", stale)
        ours = shown in head
        if ours:
            opened.wait(60)
        return b'HTTP/1.1 304 Not Modified\r\nETag: "abc"\r\nCache-Control: max-age=3600\r\nAge: 0\r\n' + (b"Hello: alice\r\n" if ours else b"") + b"\r\n"

    server.answer = answer
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/page")[2] == b"page"
        with edge.raw() as his, edge.raw() as other:
            his.sendall(b"GET /page HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n" + shown + b"\r\n\r\n")
            meridian.eventually(lambda: len(server.heads) == 2, "the server is asked about it")
            other.sendall(b"GET /page HTTP/1.1\r\nHost: lone.example\r\nConnection: close\r\n\r\n")
            meridian.eventually(lambda: edge.metric("meridian_edge_cache_collapsed_total") == 1, "the other one waits for that")
            opened.set()
            told = [read_to_end(sock) for sock in (his, other)]
        assert all(one.startswith(b"HTTP/1.1 200") and one.endswith(b"\r\n\r\npage") for one in told), told
        assert [b"Hello: alice" in one for one in told] == [True, False], told


@pytest.mark.parametrize("fits", [True, False], ids=["stored", "turns out too large"])
def test_a_client_that_leaves_inside_the_body_leaves_it_whole_for_who_has_joined(slot, server, tmp_path, fits):
    more = threading.Event()
    body = bytes(i * 31 & 255 for i in range(1 << 20)) * (1 if fits else 6)
    begun, rest = body[:1 << 18], body[1 << 18:]
    framing = b"Content-Length: %d\r\n" % len(body) if fits else b"Transfer-Encoding: chunked\r\n"
    parts = (begun, rest) if fits else (b"%x\r\n%s\r\n" % (len(begun), begun), b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))

    def script(exchange):
        if exchange.read_head():
            exchange.send(b"HTTP/1.1 200 OK\r\n" + framing + FRESH + b"\r\n" + parts[0])
            more.wait(60)
            exchange.send(parts[1])
    server.script = script
    with caching(tmp_path, slot, server, {"max_object": "1MiB"}) as edge, concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = edge.raw()
        first.sendall(b"GET /a HTTP/1.1\r\nHost: lone.example\r\n\r\n")
        assert first.recv(4096).startswith(b"HTTP/1.1 200")
        second = threads.submit(edge.get, "/a")
        meridian.eventually(lambda: in_flight(edge) == 2, "another one has joined")
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        first.close()
        meridian.eventually(lambda: in_flight(edge) == 1, "the first has gone")
        more.set()
        assert second.result(30)[2] == body and edge.get("/a")[2] == body


def test_nothing_follows_the_part_of_an_answer_that_a_client_has_left(slot, server, tmp_path):
    more = threading.Event()
    body = b"a" * 5000

    def script(exchange):
        if exchange.read_head():
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), FRESH) + body[:1000])
            more.wait(60)
            exchange.send(body[1000:])
    server.script = script
    with caching(tmp_path, slot, server) as edge, concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = edge.raw()
        first.sendall(b"GET /a HTTP/1.1\r\nHost: lone.example\r\n\r\n")
        assert first.recv(4096).startswith(b"HTTP/1.1 200")
        second = threads.submit(edge.get, "/a")
        meridian.eventually(lambda: in_flight(edge) == 2, "another one has joined")
        first.sendall(b"GET /.meridian/health HTTP/1.1\r\nHost: lone.example\r\n\r\n")
        first.shutdown(socket.SHUT_WR)
        meridian.eventually(lambda: in_flight(edge) == 1, "the first has gone")
        more.set()
        assert second.result()[2] == body
        assert b"HTTP/1.1" not in read_to_end(first), "it would be taken for the rest of the body"


def test_the_log_the_metrics_and_explain_say_what_the_cache_does(slot, server, tmp_path):
    server.script = answering(lambda head: b'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n\r\n' if b"If-None-Match" in head else
                              ok(b"x", b'Cache-Control: max-age=60\r\nETag: "e"\r\n' + (b"Age: 100\r\n" if b"/old" in head else b"")))
    with caching(tmp_path, slot, server, edge={"access_log": f"{tmp_path}/access.log"}) as edge:
        for path, method in (("/a", "GET"), ("/a", "GET"), ("/old", "GET"), ("/old", "GET"), ("/a", "DELETE")):
            edge.get(path, method=method)

        def lines():
            return [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
        meridian.eventually(lambda: len(lines()) == 5, "the log has them")
        assert [line["cache"] for line in lines()] == ["MISS", "HIT", "MISS", "REVALIDATED", "BYPASS"]
        assert lines()[0]["server"] == server.name and lines()[1]["attempts"] == 0
        for result, count in (("HIT", 1), ("MISS", 2), ("REVALIDATED", 1), ("BYPASS", 1), ("STALE", 0)):
            assert edge.metric("meridian_edge_cache_requests_total", f'result="{result}"') == count

        def explained(path, more=""):
            return next(line for line in edge.admin(f"/explain?host=lone.example&path={path}{more}", "GET")[1].splitlines() if line.startswith("cache: "))
        assert explained("/a").endswith("miss")
        edge.get("/a")
        assert "lone.example/a: hit" in explained("/a") and "fresh for" in explained("/a")
        edge.get("/old2")
        assert "has to ask a server first" in explained("/old2")
        assert "bypass" in explained("/a", "&method=POST")
        assert edge.metric("meridian_edge_cache_requests_total", 'result="HIT"') == 1, "explaining changes nothing"


def test_cache_status_says_hit_and_why_not(slot, server, tmp_path):
    server.answer = lambda head: ok(b"x", b"Cache-Control: no-store\r\n" if b"/no" in head else FRESH)
    with caching(tmp_path, slot, server) as edge:
        assert edge.get("/a")[1]["Cache-Status"] == "meridian; fwd=uri-miss; ttl=3600; stored"
        assert edge.get("/a")[1]["Cache-Status"].startswith("meridian; hit; ttl=3")
        assert 'detail="no-store"' in edge.get("/no")[1]["Cache-Status"]
        assert "fwd=method" in edge.get("/a", method="POST", body=b"x")[1]["Cache-Status"]
        assert "fwd=bypass" in edge.get("/a", method="GET", body=b"x")[1]["Cache-Status"]


def test_wrong_options_are_told_with_their_place(slot, server, tmp_path):
    with caching(tmp_path, slot, server) as edge:
        for cache, words in (({"store": "mian"}, "did you mean"), ({"max_object": "32MiB"}, "a quarter"), ({"ttl": {"206": "5m"}}, "never stored"),
                             ({"ttl": {"20": "5m"}}, "out of range"), ({"key": ["tier"]}, "header"), ({}, None)):
            edge.config["edge"]["routes"][0]["cache"] = {"store": "main", **cache}
            said = edge.reload(422 if words else 200)
            assert words is None or words in said, said


def test_options_of_a_route(slot, server, tmp_path):
    server.answer = lambda head: (b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n" if b"/fails" in head and b"If-None-Match" in head else
                                  ok(b"%d" % len(server.asked("/behind")), b'Set-Cookie: a=b\r\nETag: "e"\r\nVary: Foo\r\n' +
                                     (b"Age: 100\r\n" if b"/fails" in head else b"Age: 70\r\n" if b"/behind" in head else b"")))
    options = {"ttl": {"200": "60s"}, "set_cookie": "strip", "request_directives": False, "status_field": False, "max_variants": 2,
               "stale_while_revalidate": "30s", "stale_if_error": "1h"}
    with caching(tmp_path, slot, server, options) as edge:
        assert edge.get("/a")[1]["Cache-Status"] is None
        status, fields, _ = edge.get("/a", Cache_Control="no-cache")
        assert fields["Age"] is not None and fields["Set-Cookie"] is None and len(server.heads) == 1, "stored without the cookie, by ttl; the client's word does not count"
        edge.get("/fails")
        assert edge.get("/fails")[0] == 200 and b"If-None-Match" in server.heads[-1][1], "stale_if_error"
        assert edge.get("/behind")[2] == b"1" == edge.get("/behind")[2], "stale_while_revalidate: what is stored, and it is asked for behind it"
        meridian.eventually(lambda: len(server.asked("/behind")) >= 2, "it is asked for")
        before = edge.metric("meridian_edge_cache_entries")
        for number in range(5):
            edge.get("/v", Foo=str(number))
        assert edge.metric("meridian_edge_cache_entries") <= before + 2, "max_variants"
