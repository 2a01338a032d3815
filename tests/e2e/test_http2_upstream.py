"""HTTP/2 to servers (`protocol: h2`): many requests on one connection, what is sent again and what is not, flow control, and servers that misbehave."""
import concurrent.futures
import contextlib
import json
import socket
import struct
import threading
import time

import pytest

import h2_client as h2
import meridian
from h2_client import H2
from h2_server import INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, speaking_h2
from lone_edge import LoneEdge, Scripted, slot_address


@pytest.fixture(scope="module")
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def make(slot, tmp_path):
    """make(answer, ...) -> (edge, servers): an edge of a pool of servers that speak HTTP/2, each with its script."""
    with contextlib.ExitStack() as stack:
        def made(*scripts, pool=None, route=None, edge=None, **facts):
            servers = [stack.enter_context(Scripted(slot_address(slot, f"2.{n + 1}"), script, **facts)) for n, script in enumerate(scripts)]
            running = stack.enter_context(LoneEdge(tmp_path, slot, [server.name for server in servers], pool={"protocol": "h2", **(pool or {})},
                                                   edge={"access_log": str(tmp_path / "access.log"), **(edge or {})},
                                                   routes=[{"path": "/", "pool": "web", **(route or {})}]))
            running.log = tmp_path / "access.log"
            return running, servers
        yield made


def echo(peer, request):
    said = {"method": request.fields[":method"], "fields": request.list, "trailers": request.trailers, "body": request.body.decode()}
    peer.respond(request.stream, 200, json.dumps(said).encode(), [("content-type", "application/json")])


def at_once(edge, paths, **more):
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda path: edge.get(path, **more), paths))


class Held:
    """Answers nobody before so many have asked, on whatever connection."""

    def __init__(self, count):
        self.count, self.waiting, self.lock = count, [], threading.Lock()

    def __call__(self, peer, request):
        with self.lock:
            self.waiting.append((peer, request.stream))
            if len(self.waiting) < self.count:
                return
            ready, self.waiting = self.waiting, []
        for waiting, stream in ready:
            waiting.respond(stream, 200, b"together")


# The shape of things.


def test_a_request_arrives_as_http_2_has_it(make):
    edge, (server,) = make(speaking_h2(echo))
    status, fields, body = edge.get("/hello?x=1", method="POST", body=b"abc", User_Agent="test", Connection="X-Hop", X_Hop="1", TE="trailers")
    assert status == 200 and fields["content-type"] == "application/json"
    said = json.loads(body)
    names = [name for name, _ in said["fields"]]
    assert names[:4] == [":method", ":scheme", ":authority", ":path"] and said["body"] == "abc"
    head = dict(said["fields"])
    assert head[":path"] == "/hello?x=1" and head[":authority"] == "lone.example" and head[":scheme"] == "http"
    assert head["user-agent"] == "test" and head["content-length"] == "3" and "x-forwarded-for" in head and "x-request-id" in head
    assert all(name == name.lower() for name in names)
    assert not {"connection", "host", "transfer-encoding", "keep-alive", "x-hop", "upgrade"} & set(names)


def test_our_settings_say_that_nothing_may_be_pushed_and_how_much_may_wait(make):
    edge, (server,) = make(speaking_h2(echo), pool={"http2": {"stream_buffer": "64KiB"}})
    edge.get("/")
    assert server.peers[0].settings == {2: 0, 4: 65536, 6: 32768}


def test_many_requests_share_a_connection(make):
    edge, (server,) = make(speaking_h2(Held(30)))
    assert [status for status, _, _ in at_once(edge, ["/"] * 30)] == [200] * 30
    assert server.connections == 1
    assert edge.metric("meridian_edge_h2_upstream_connections_total") == 1
    meridian.wait_until(lambda: edge.metric("meridian_edge_h2_upstream_streams_total") == 30, "streams are counted")


@pytest.mark.parametrize("ours, theirs, expected", [(4, (), 3), (100, ((MAX_CONCURRENT_STREAMS, 5),), 2), (100, ((MAX_CONCURRENT_STREAMS, 1),), 10)])
def test_a_further_connection_is_made_when_those_that_stand_are_full(make, ours, theirs, expected):
    edge, (server,) = make(speaking_h2(Held(10), settings=theirs), pool={"http2": {"max_streams": ours}})
    assert [status for status, _, _ in at_once(edge, ["/"] * 10)] == [200] * 10
    assert server.connections == expected
    assert max(len(peer.requests) for peer in server.peers) <= min(ours, dict(theirs).get(MAX_CONCURRENT_STREAMS, 100))


def test_a_server_that_takes_no_stream_at_all_is_given_up(make):
    edge, (server,) = make(speaking_h2(echo, settings=((MAX_CONCURRENT_STREAMS, 0),)))
    status, _, _ = edge.get("/")
    assert status == 502 and server.connections < 20
    assert not server.heads


def test_trailers_pass_both_ways(make):
    def answer(peer, request):
        peer.respond(request.stream, 200, json.dumps(request.trailers).encode(), [("trailer", "server-timing")],
                     trailers=[("server-timing", "x;dur=1"), ("x-not-allowed", "1")])
    edge, (server,) = make(speaking_h2(answer))
    with H2(edge.host) as client:
        got = client.until_over(client.post("/", b"abc", trailers=[("x-checksum", "7"), ("authorization", "no")]))
        assert json.loads(got.body) == [["x-checksum", "7"]] and got.trailers == [("server-timing", "x;dur=1")]
    with edge.raw() as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: lone.example\r\nTE: trailers\r\nConnection: TE, close\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"3\r\nabc\r\n0\r\nX-Checksum: 9\r\n\r\n")
        received = b""
        while chunk := raw.recv(65536):
            received += chunk
    assert b'[["x-checksum", "9"]]' in received and received.endswith(b"0\r\nserver-timing: x;dur=1\r\n\r\n")


def test_both_directions_stream_at_once(make):
    """The answer begins before the request has ended, and each piece of the one brings a piece of the other."""
    def begun(peer, request):
        peer.head(request.stream, 200)

    edge, (server,) = make(speaking_h2(None, begun))
    with H2(edge.host) as client:
        stream = client.request(client.head("/", "POST"), end=False)
        client.until(lambda: client.streams[stream].head, "the head of the answer comes first")
        peer = server.peers[0]
        for n in range(5):
            client.data(stream, b"ping%d" % n)
            meridian.wait_until(lambda: peer.requests[1].body.endswith(b"ping%d" % n), "the piece has come")
            peer.data(1, b"pong%d" % n)
            client.until(lambda: client.streams[stream].body.endswith(b"pong%d" % n), "the piece has come back")
        client.data(stream, b"", end=True)
        meridian.wait_until(lambda: peer.requests[1].ended, "the request ends")
        peer.data(1, b"", end=True)
        assert client.until_over(stream).ended


def test_interim_answers_pass_and_are_bounded(make):
    def answer(peer, request):
        for _ in range(1 if request.path == "/one" else 200):
            peer.head(request.stream, 103, [("link", "</style.css>")])
        peer.respond(request.stream, 200, b"done")
    edge, (server,) = make(speaking_h2(answer))
    with H2(edge.host) as client:
        got = client.fetch("/one")
        assert got.status == 200 and [dict(head)["link"] for head in got.interims] == ["</style.css>"]
        got = client.until_over(client.get("/many"))
        assert got.status == 502 or got.reset is not None
        assert len(got.interims) <= 100
        assert client.fetch("/one").status == 200


def test_head_and_answers_without_a_body(make):
    def answer(peer, request):
        if request.path == "/204":
            return peer.respond(request.stream, 204)
        peer.head(request.stream, 200, [("content-length", "77")], end=True)
    edge, _ = make(speaking_h2(answer))
    status, fields, body = edge.get("/", method="HEAD")
    assert (status, fields["content-length"], body) == (200, "77", b"")
    assert edge.get("/204")[0] == 204
    assert edge.get("/", method="GET")[0] == 502, "a length that no body follows"


# What is sent again.


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_stream_is_sent_to_another_server_whatever_the_method(make, method):
    def refuse(peer, request):
        peer.reset(request.stream, h2.REFUSED_STREAM)
    edge, servers = make(speaking_h2(refuse), speaking_h2(echo))
    for _ in range(4):
        status, _, body = edge.get("/", method=method, body=b"abc" if method == "POST" else None)
        assert status == 200 and json.loads(body)["method"] == method
    assert servers[0].heads, "it was asked first sometimes"
    assert edge.metric("meridian_edge_h2_upstream_unprocessed_total") == len(servers[0].heads)


def test_what_came_behind_the_last_stream_of_a_goaway_is_sent_again_and_what_came_before_ends_there(make):
    """On one server: the requests behind it go on a connection of their own."""
    lock = threading.Lock()

    def answer(peer, request):
        if peer.number > 0:
            return peer.respond(request.stream, 200, b"second")
        with lock:
            if len(peer.requests) < 5:
                return
        peer.goaway(3)
        for stream in (1, 3):
            peer.respond(stream, 200, b"first")

    edge, (server,) = make(speaking_h2(answer))
    warm = threading.Thread(target=edge.get, args=("/warm",))  # so that the others find the connection standing
    warm.start()
    meridian.wait_until(lambda: server.heads, "the first has come")
    got = at_once(edge, ["/"] * 4, method="POST", body=b"abc")
    warm.join()
    assert [status for status, _, _ in got] == [200] * 4
    assert sorted(body for _, _, body in got) == [b"first"] + [b"second"] * 3
    assert server.connections == 2


def test_a_goaway_ends_a_connection_gently(make):
    edge, (server,) = make(speaking_h2(Held(1)))
    assert edge.get("/")[0] == 200
    server.peers[0].goaway(0x7FFFFFFF)
    meridian.wait_until(lambda: edge.metric("meridian_edge_h2_upstream_connections") == 0, "the edge closes it")
    assert edge.get("/")[0] == 200 and server.connections == 2


def test_a_reset_that_is_no_refusal_is_the_servers_failure(make):
    def reset(peer, request):
        peer.reset(request.stream, h2.INTERNAL_ERROR)
    edge, servers = make(speaking_h2(reset), speaking_h2(echo))
    got = [edge.get("/", method="POST", body=b"abc")[0] for _ in range(4)]
    assert sorted(got) == [200, 200, 502, 502], "a POST is not sent twice"
    before = len(servers[0].heads)
    assert [edge.get("/")[0] for _ in range(4)] == [200] * 4
    assert len(servers[0].heads) > before, "a GET is"


def test_a_dead_connection_costs_its_requests_nothing_where_they_may_be_sent_again(make):
    def answer(peer, request):
        if request.path == "/die":
            return peer.close()
        if peer.number > 0 or request.path == "/warm":
            peer.respond(request.stream, 200, b"well")
    edge, (server,) = make(speaking_h2(answer))
    assert edge.get("/warm")[0] == 200
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(edge.get, "/") for _ in range(8)]
        meridian.wait_until(lambda: len(server.peers[0].requests) == 9, "all wait")
        server.peers[0].close()
        assert [one.result()[0] for one in waiting] == [200] * 8
    status, _, _ = edge.get("/die", method="POST", body=b"abc")
    assert status == 502, "it may have been done"


def test_an_answer_that_is_cut_looks_cut(make):
    def answer(peer, request):
        peer.head(request.stream, 200)
        peer.data(request.stream, b"abc")
        peer.reset(request.stream, h2.INTERNAL_ERROR)
    edge, _ = make(speaking_h2(answer))
    with H2(edge.host) as client:
        got = client.until_over(client.get("/"))
        assert got.reset == h2.INTERNAL_ERROR and not got.ended
    with edge.raw() as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\n\r\n")
        received = b""
        with contextlib.suppress(ConnectionError):
            while chunk := raw.recv(65536):
                received += chunk
    assert b"3\r\nabc\r\n" in received and not received.endswith(b"0\r\n\r\n")


def test_an_answer_before_the_end_of_the_request_is_whole(make):
    """RFC 9113 8.1: END_STREAM, then RST_STREAM with NO_ERROR."""
    def begun(peer, request):
        peer.respond(request.stream, 413, b"too large")
        peer.reset(request.stream, h2.NO_ERROR)
    edge, _ = make(speaking_h2(None, begun))
    status, _, body = edge.get("/", method="POST", body=b"x" * 500_000)
    assert (status, body) == (413, b"too large")


# Flow control.


def test_who_reads_slowly_stops_its_own_stream_only(make):
    def answer(peer, request):
        def send():
            if request.path == "/fast":
                return peer.respond(request.stream, 200, b"fast")
            peer.head(request.stream, 200)
            with contextlib.suppress(OSError):
                while request.reset is None:  # as far as the window of its stream goes
                    allowed = 65536 + peer.windows.get(request.stream, 0) - peer.server.sent
                    if allowed <= 0:
                        time.sleep(0.01)
                        continue
                    peer.data(request.stream, b"s" * min(allowed, 16384))
                    peer.server.sent += min(allowed, 16384)
        threading.Thread(target=send, daemon=True).start()

    edge, (server,) = make(speaking_h2(answer), pool={"http2": {"stream_buffer": "64KiB"}}, sent=0)
    with H2(edge.host, receive_buffer=4096) as slow:
        slow.auto_window = False
        slow.get("/slow")

        def stands_still():
            before = server.sent
            time.sleep(0.5)
            return before > 0 and server.sent == before
        meridian.wait_until(stands_still, "nobody takes more")
        assert server.sent < 2_000_000
        for _ in range(5):
            assert edge.get("/fast")[2] == b"fast"
        assert server.connections == 1, "the same connection"
    peer = server.peers[0]
    meridian.wait_until(lambda: (1, h2.CANCEL) in peer.resets, "the server hears that its client has left")


def test_a_server_that_takes_nothing_stops_its_own_stream_only(make):
    edge, (server,) = make(speaking_h2(echo, settings=((INITIAL_WINDOW_SIZE, 0),)), route={"timeout": {"send": "1s"}})
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(edge.get, "/stuck", None, "POST", b"x" * 200_000)
        meridian.wait_until(lambda: server.heads, "its head has come")
        assert edge.get("/free")[0] == 200
        assert stuck.result()[0] == 504
    assert time.monotonic() - began < 30


def test_settings_that_change_in_flight_are_obeyed(make):
    def begun(peer, request):
        if request.path == "/stuck":  # a window for the whole body, later
            peer.frame(h2.SETTINGS, payload=struct.pack("!HIHI", INITIAL_WINDOW_SIZE, 1_000_000, MAX_CONCURRENT_STREAMS, 1))
    edge, (server,) = make(speaking_h2(echo, begun, settings=((INITIAL_WINDOW_SIZE, 10),)))
    status, _, body = edge.get("/stuck", method="POST", body=b"x" * 200_000)
    assert status == 200 and len(json.loads(body)["body"]) == 200_000
    server.script = speaking_h2(Held(3), settings=((MAX_CONCURRENT_STREAMS, 1),))
    server.peers[0].goaway(0x7FFFFFFF)
    meridian.wait_until(lambda: edge.metric("meridian_edge_h2_upstream_connections") == 0, "the edge closes it")
    assert [status for status, _, _ in at_once(edge, ["/"] * 3)] == [200] * 3


def test_large_bodies_pass_both_ways(make):
    edge, _ = make(speaking_h2(lambda peer, request: threading.Thread(target=reflect, args=(peer, request)).start()))
    body = bytes(range(256)) * 8000
    status, _, got = edge.get("/", method="PUT", body=body)
    assert status == 200 and got == body


def reflect(peer, request):
    """The body that came, within the windows that the edge gives."""
    peer.head(request.stream, 200)
    rest, sent = request.body, 0
    while rest:
        allowed = min(peer.settings.get(4, 65535) + peer.windows.get(request.stream, 0) - sent, 16384)
        if allowed <= 0:
            time.sleep(0.001)
            continue
        peer.frame(h2.DATA, h2.END_STREAM if allowed >= len(rest) else 0, request.stream, rest[:allowed])
        rest, sent = rest[allowed:], sent + min(allowed, len(rest))


# Time.


@pytest.mark.parametrize("limit", ["try", "read"])
@pytest.mark.parametrize("size", [0, 3, 300_000])
def test_a_server_that_does_not_answer_costs_the_time_of_the_route_and_no_more(make, limit, size):
    """Counted from the end of the request, and a body that is out is at its end: what is left is not the time for sending."""
    edge, (server,) = make(speaking_h2(lambda peer, request: None, settings=((INITIAL_WINDOW_SIZE, 1_000_000),)), route={"timeout": {limit: "500ms"}})
    began = time.monotonic()
    assert edge.get("/", method="POST", body=b"x" * size)[0] == 504
    assert 0.5 <= time.monotonic() - began < 30 and len(server.heads) == 1
    wanted = {"try": "no answer within the time of a try", "read": "no byte from the upstream in time"}[limit]
    meridian.wait_until(lambda: wanted in edge.log.read_text(), "the access log says why")


def test_a_connection_that_says_nothing_is_not_used_for_the_next_request(make):
    """One that has timed out raises a doubt; a PING that is not answered ends the connection."""
    def answer(peer, request):
        peer.answers_pings = peer.number > 0
        if peer.number > 0:
            peer.respond(request.stream, 200, b"well")
    edge, (server,) = make(speaking_h2(answer), route={"timeout": {"try": "500ms", "connect": "1s"}})
    assert edge.get("/", method="POST", body=b"abc")[0] == 504
    assert edge.get("/")[0] == 200 and server.connections == 2
    meridian.wait_until(lambda: edge.metric("meridian_edge_h2_upstream_connections") == 1, "the dead one is closed")


def test_a_slow_answer_leaves_a_connection_that_lives_in_use(make):
    def answer(peer, request):
        if request.path != "/slow":
            peer.respond(request.stream, 200, b"well")
    edge, (server,) = make(speaking_h2(answer), route={"timeout": {"try": "500ms"}})
    assert edge.get("/slow", method="POST", body=b"abc")[0] == 504
    meridian.wait_until(lambda: (1, h2.CANCEL) in server.peers[0].resets, "the stream is reset")
    meridian.wait_until(lambda: edge.get("/")[0] == 200 and server.connections in (1, 2), "it goes on")


def test_pings_where_they_are_wanted(make):
    def answer(peer, request):
        threading.Timer(1.0, peer.respond, (request.stream, 200, b"late")).start()
    edge, (server,) = make(speaking_h2(answer), pool={"http2": {"ping": "200ms"}})
    assert edge.get("/")[2] == b"late"
    assert 1 <= server.peers[0].pings <= 5


def test_an_idle_connection_ends_in_time(make):
    edge, (server,) = make(speaking_h2(echo), pool={"idle": {"timeout": "300ms"}})
    assert edge.get("/")[0] == 200
    meridian.wait_until(lambda: server.peers[0].goaways, "it says GOAWAY")
    assert server.peers[0].goaways[0][1] == h2.NO_ERROR
    meridian.wait_until(lambda: not server.open, "and closes")


def test_a_client_that_leaves_is_told_to_the_server(make):
    edge, (server,) = make(speaking_h2(lambda peer, request: None))
    with edge.raw() as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\n\r\n")
        meridian.wait_until(lambda: server.heads, "it has come")
    meridian.wait_until(lambda: server.peers[0].resets == [(1, h2.CANCEL)], "the stream is reset")


# Servers that misbehave.


def test_a_client_that_leaves_a_server_that_reads_nothing_leaves_its_connection_whole(make):
    """What the kernel has not taken yet still goes out, a half of a frame before all, or what follows would be taken for the rest of it."""
    go_on, most = threading.Event(), 2**31 - 1

    def begun(peer, request):
        if request.path == "/upload":
            peer.window(0, most - 65535)
            go_on.wait(30)

    def answer(peer, request):
        peer.respond(request.stream, 200, b"whole")

    edge, (server,) = make(speaking_h2(answer, begun, settings=((INITIAL_WINDOW_SIZE, most),)))
    with edge.raw(timeout=1) as client:
        client.sendall(b"POST /upload HTTP/1.1\r\nHost: lone.example\r\nContent-Length: 1000000000\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            while True:
                client.sendall(b"x" * 65536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    meridian.wait_until(lambda: edge.metric("meridian_edge_connections") == 0, "the edge has seen it go")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(edge.get, "/other")
        meridian.wait_until(lambda: edge.metric("meridian_edge_connections") == 1, "the next request has come")
        go_on.set()
        assert other.result(30)[::2] == (200, b"whole")
    assert server.connections == 1
    upload = next(request for request in server.peers[0].requests.values() if request.path == "/upload")
    assert set(upload.body) == {ord("x")} and upload.reset == h2.CANCEL


def test_a_server_of_http_1_is_told_as_that(make):
    def script(exchange):
        exchange.sock.recv(100)
        exchange.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    edge, _ = make(script)
    assert edge.get("/")[0] == 502
    meridian.wait_until(lambda: "does not speak HTTP/2" in edge.log.read_text(), "the log says it")


def test_a_silent_server_is_a_connect_that_took_too_long(make):
    edge, _ = make(lambda exchange: exchange.sock.recv(1000) and exchange.sock.recv(1000), route={"timeout": {"connect": "300ms"}})
    assert edge.get("/")[0] == 504


def test_a_head_over_the_limit_is_a_bad_answer_and_the_connection_goes_on(make):
    def answer(peer, request):
        if request.path == "/bomb":
            peer.head(request.stream, 200, [("x-large", "a" * 4000)] * 12)
            return peer.data(request.stream, b"x", end=True)
        if request.path == "/many":
            return peer.head(request.stream, 200, [("a", "b")] * 150, end=True)
        peer.respond(request.stream, 200, b"well")
    edge, (server,) = make(speaking_h2(answer))
    for path in ("/bomb", "/many"):
        assert edge.get(path)[0] == 502
        assert edge.get("/")[0] == 200
    assert server.connections == 1


def flood(peer, frame, count=20_000):
    with contextlib.suppress(OSError):
        for _ in range(count // 100):
            peer.raw(frame * 100)


@pytest.mark.parametrize("frame", [
    h2.H2.make(h2.PING, 0, 0, b"12345678"), h2.H2.make(h2.SETTINGS), h2.H2.make(h2.RST_STREAM, 0, 1, b"\0\0\0\2"), h2.H2.make(h2.WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
    h2.H2.make(h2.DATA, 0, 1)], ids=["ping", "settings", "reset", "window_update", "empty_data"])
def test_a_flood_ends_the_connection_and_nothing_else(make, frame):
    def answer(peer, request):
        if peer.number == 0:
            peer.head(request.stream, 200)
            threading.Thread(target=flood, args=(peer, frame), daemon=True).start()
        else:
            peer.respond(request.stream, 200, b"well")
    edge, (server,) = make(speaking_h2(answer))
    with contextlib.suppress(Exception):
        edge.get("/flooded")
    meridian.wait_until(lambda: 0 not in server.open, "the flooded connection is closed")
    assert edge.get("/")[2] == b"well"
    assert edge.process.running()


@pytest.mark.parametrize("frame", [
    h2.H2.make(h2.DATA, 0, 3, b"x"), h2.H2.make(h2.PUSH_PROMISE, h2.END_HEADERS, 1, b"\0\0\0\2\x82"), h2.H2.make(h2.HEADERS, h2.END_HEADERS, 1, b"\xff" * 20),
    h2.H2.make(h2.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), b"\xff" * 30], ids=["idle_stream", "push", "hpack", "zero_update", "noise"])
def test_a_broken_rule_is_a_bad_answer(make, frame):
    def answer(peer, request):
        if request.path == "/broken":
            return peer.raw(frame)
        peer.respond(request.stream, 200, b"well")
    edge, (server,) = make(speaking_h2(answer), pool={"retry": {"attempts": 1}})
    assert edge.get("/broken")[0] == 502
    assert edge.get("/")[0] == 200


@pytest.mark.parametrize("fields", [[("connection", "close")], [("transfer-encoding", "chunked")], [("X-Upper", "1")], [("content-length", "5")]],
                         ids=["connection", "transfer-encoding", "upper", "length"])
def test_a_malformed_head_is_a_bad_answer(make, fields):
    def answer(peer, request):
        if request.path == "/":
            return peer.respond(request.stream, 200, b"well")
        with peer.lock:
            block = hpack_raw([(":status", "200"), *fields])
            peer.frame(h2.HEADERS, h2.END_HEADERS, request.stream, block)
            peer.data(request.stream, b"abc", end=True)
    edge, (server,) = make(speaking_h2(answer), pool={"retry": {"attempts": 1}})
    if fields[0][0] != "content-length":
        assert edge.get("/malformed")[0] == 502
    else:
        with contextlib.suppress(Exception):
            assert len(edge.get("/malformed")[2]) < 5, "cut"
    assert edge.get("/")[0] == 200


def hpack_raw(fields):
    """Literals without indexing, in any case."""
    return b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in fields)


# Real servers.


def nghttpd(directory, address):
    (directory / "www").mkdir()
    (directory / "www" / "file").write_bytes(b"n" * 300_000)
    return ["/usr/sbin/nghttpd", "--no-tls", "-a", address, "-d", directory / "www", "9000"]


def nginx(directory, address):
    (directory / "www").mkdir()
    (directory / "www" / "file").write_bytes(b"n" * 300_000)
    (directory / "nginx.conf").write_text(
        f"user root; daemon off; pid {directory}/nginx.pid; error_log stderr; worker_processes 1;\nevents {{}}\nhttp {{ access_log off; root {directory}/www;\n"
        f"server {{ listen {address}:9000 http2; }} }}\n")
    return ["/usr/sbin/nginx", "-p", directory, "-c", directory / "nginx.conf"]


def h2o(directory, address):
    (directory / "www").mkdir()
    (directory / "www" / "file").write_bytes(b"n" * 300_000)
    (directory / "h2o.conf").write_text(f"user: root\nnum-threads: 1\nlisten: {{host: {address}, port: 9000}}\nhosts:\n  default:\n    paths:\n"
                                        f"      /: {{file.dir: {directory}/www}}\n")
    return ["/usr/bin/h2o", "-m", "worker", "-c", directory / "h2o.conf"]


@pytest.mark.parametrize("real", [nghttpd, nginx, h2o], ids=["nghttpd", "nginx", "h2o"])
def test_real_servers(slot, tmp_path, real):
    address = slot_address(slot, "2.1")
    (tmp_path / "real").mkdir()
    process = meridian.Process(real(tmp_path / "real", address), tmp_path / "real.log")
    try:
        meridian.wait_until(lambda: accepts(address), "it listens")
        with LoneEdge(tmp_path, slot, [f"{address}:9000"], pool={"protocol": "h2"}) as edge:
            for status, _, body in at_once(edge, ["/file"] * 20):
                assert status == 200 and body == b"n" * 300_000
            assert edge.get("/absent")[0] == 404
            assert edge.get("/file", method="HEAD")[1]["content-length"] == "300000"
            assert edge.metric("meridian_edge_h2_upstream_connections_total") <= 2
    finally:
        process.kill()


def accepts(address):
    with contextlib.suppress(OSError), socket.create_connection((address, 9000), timeout=1):
        return True
    return False
