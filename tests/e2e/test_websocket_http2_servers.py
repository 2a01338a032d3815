"""WebSockets to servers that speak HTTP/2 (`protocol: h2`, RFC 8441): the handshake, each way to an end, and servers that misbehave; of
clients over HTTP/1.1 and over HTTP/2, by the same words."""
import contextlib
import signal
import threading
import time

import pytest

import meridian
from certificates import Authority
from h2_client import CANCEL, INTERNAL_ERROR, PROTOCOL_ERROR, REFUSED_STREAM
from h2_server import INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, speaking_h2
from lone_edge import LoneEdge, Scripted, slot_address
from test_backend_tls import NAME, an_edge, server_context, trusting
from test_websocket import AWAY, FAST_STOP, Echo, ends, lines, said_away
from websocket_clients import OVER, OverHttp1, accept_of, haproxy, nghttpx
from websockets.frames import Opcode

ENABLE_CONNECT_PROTOCOL = 8
TAKES = ((ENABLE_CONNECT_PROTOCOL, 1),)
both = pytest.mark.parametrize("over", OVER)


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def make(slot, tmp_path):
    """make(script, ...) -> (edge, servers): an edge of a pool of servers that speak HTTP/2, each with its script."""
    with contextlib.ExitStack() as stack:
        def made(*scripts, pool=None, edge=None, **more):
            servers = [stack.enter_context(Scripted(slot_address(slot, f"2.{n + 1}"), script)) for n, script in enumerate(scripts)]
            running = stack.enter_context(LoneEdge(tmp_path, slot, [server.name for server in servers], pool={"protocol": "h2", **(pool or {})},
                                                   edge={"access_log": str(tmp_path / "access.log"), **(edge or {})}, **more))
            running.log = tmp_path / "access.log"
            return running, servers
        yield made


def tunnels(then=None, status=200, fields=(), settings=TAKES, windows=True):
    """Answers each CONNECT so, and has then(peer, request) go on, on a thread of its own; a GET gets a page."""
    def begun(peer, request):
        if request.fields[":method"] != "CONNECT":
            return peer.respond(request.stream, 200, b"page")
        peer.auto_window = windows
        peer.head(request.stream, status, fields)

        def go_on():
            with contextlib.suppress(OSError):
                then(peer, request)
        if then:
            threading.Thread(target=go_on, daemon=True).start()
    return speaking_h2(None, begun, settings)


def tunnel_of(server, number=0):
    """(peer, request) of the tunnel with this number, in the order in which they came."""
    def found():
        return [(peer, request) for peer in getattr(server, "peers", []) for request in list(peer.requests.values()) if request.fields[":method"] == "CONNECT"]
    meridian.wait_until(lambda: len(found()) > number, "the CONNECT has come")
    return found()[number]


def say_back(peer, request):
    """Octets as they come, and behind the last of them the end; fewer than the edge has room for (`stream_buffer`)."""
    said = 0
    while True:
        meridian.wait_until(lambda: len(request.body) > said or request.ended or request.reset is not None, "more comes")
        if len(request.body) > said:
            octets = request.body[said:]
            peer.data(request.stream, octets)
            said += len(octets)
        elif request.reset is not None:
            return
        else:
            return peer.data(request.stream, b"", end=True)


@both
@pytest.mark.parametrize("real", [haproxy, nghttpx], ids=["haproxy", "nghttpx"])
def test_messages_of_every_size_by_real_servers(slot, tmp_path, real, over):
    log = tmp_path / "access.log"
    address = slot_address(slot, "2.1")
    with Echo(address) as echo, real(tmp_path, address, echo.name) as server, \
            LoneEdge(tmp_path, slot, [server], pool={"protocol": "h2"}, edge={"access_log": str(log)}) as edge:
        with OVER[over](edge.host, "/chat", ("Sec-WebSocket-Protocol" if over == "h1" else "sec-websocket-protocol", "chat")) as client:
            assert client.status == client.switched and client.fields["sec-websocket-protocol"] == "chat"
            for size in (0, 1, 125, 126, 65535, 65536, 300_000):
                message = b"\x88" * size
                client.send(message)
                assert client.receive() == (Opcode.BINARY, message)
            client.send(b"ping", Opcode.PING)
            assert client.receive() == (Opcode.PONG, b"ping")
            assert edge.metric("meridian_edge_tunnels") == 1
            client.close()
            assert client.receive() == (Opcode.CLOSE, b"\x03\xe8")
            client.until_over()
            assert client.ended and not client.broken
        meridian.wait_until(lambda: ends(edge) == {"client": 1}, "the tunnel is counted")
        line = lines(log, 1)[0]
        assert (line["status"], line["end"], line["tunnel"], line["method"]) == (101, "-", "client", "GET")
        assert edge.metric("meridian_edge_tunnel_bytes_total", '"in"') == line["octets_in"] > 300_000
        with contextlib.ExitStack() as stack:
            chats = [stack.enter_context(OVER[over](edge.host, f"/{n}")) for n in range(20)]
            for n, chat in enumerate(chats):
                chat.send(f"message {n}")
            assert [chat.receive()[1] for chat in chats] == [b"message %d" % n for n in range(20)]
            assert edge.metric("meridian_edge_h2_upstream_connections_total") <= 2, "they share a connection"
            for chat in chats:
                chat.close()
                assert chat.receive() == (Opcode.CLOSE, b"\x03\xe8")
        meridian.wait_until(lambda: echo.closes == [1000] * 21, "the server has seen each close")


def test_every_path_is_one_and_the_log_cannot_tell_them_apart(slot, tmp_path):
    """Clients over either version, servers of either: the same words both ways, the same line."""
    address, log = slot_address(slot, "2.1"), tmp_path / "access.log"
    with Echo(address) as echo, haproxy(tmp_path, address, echo.name) as server:
        pools = {"new": {"protocol": "h2", "servers": [server]}}
        routes = [{"path": "/old/", "pool": "web"}, {"path": "/new/", "pool": "new"}]
        with LoneEdge(tmp_path, slot, [echo.name], pools=pools, routes=routes, edge={"access_log": str(log)}) as edge:
            heard = {}
            for over in OVER:
                for path in ("/old/x", "/new/x"):
                    with OVER[over](edge.host, path, ("sec-websocket-protocol", "chat")) as client:
                        assert client.status == client.switched and client.fields["sec-websocket-protocol"] == "chat"
                        for message in ("word", b"\x88" * 70_000):
                            client.send(message)
                        heard[over, path] = [client.receive(), client.receive()]
                        client.close()
                        heard[over, path].append(client.receive())
                        client.until_over()
                        assert client.ended and not client.broken
            assert len({str(words) for words in heard.values()}) == 1 and len(heard) == 4
            meridian.wait_until(lambda: ends(edge) == {"client": 4}, "all are counted")
            told = lines(log, 4)
            for name in ("method", "status", "end", "tunnel", "octets_in"):
                assert len({line[name] for line in told}) == 1, (name, told)
            assert len({frozenset(line) for line in told}) == 1, "the same words"


@both
def test_the_handshake_is_the_one_of_rfc_8441_and_each_client_gets_its_own(make, over):
    told = (("sec-websocket-protocol", "chat"), ("sec-websocket-accept", "bWluZQ=="), ("x-kept", "yes"))
    edge, (server,) = make(tunnels(say_back, fields=told))
    names = ("origin", "sec-websocket-protocol", "sec-websocket-extensions")
    fields = [(name, f"{name}-value") for name in names]
    length = [("Content-Length", "0")] if over == "h1" else []
    with OVER[over](edge.host, "/chat?x=1", *fields, *length) as client:
        peer, request = tunnel_of(server)
        assert [pair for pair in request.list if pair[0].startswith(":")] == [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "lone.example"), (":path", "/chat?x=1")]
        assert {name: request.fields[name] for name in names} == dict(fields) and request.fields["sec-websocket-version"] == "13"
        assert not {"sec-websocket-key", "upgrade", "connection", "host", "content-length"} & set(request.fields)
        assert "x-request-id" in request.fields and not request.ended
        assert client.status == client.switched and client.fields["x-kept"] == "yes" and client.fields["sec-websocket-protocol"] == "chat"
        accepts = [value for name, value in client.list if name == "sec-websocket-accept"]
        if over == "h1":
            assert accepts == [accept_of(client.key)]
            assert client.fields["upgrade"] == "websocket" and client.fields["connection"] == "Upgrade"
        else:
            assert not {"sec-websocket-accept", "upgrade", "connection"} & set(client.fields)
        say_and_hear(client, b"octets")
        assert edge.get("/page")[2] == b"page" and server.connections == 1, "requests go beside it"
        assert peer.requests[request.stream].reset is None


@both
def test_under_tls_it_is_the_same_and_its_scheme_https(tmp_path, over):
    authority = Authority(tmp_path)
    context = server_context(authority.issue(NAME), alpn=("h2",))
    with an_edge(tmp_path, [context], trusting(authority), {"protocol": "h2"}, tunnels(say_back)) as (edge, [server]), OVER[over](edge.host) as client:
        assert client.status == client.switched
        _, request = tunnel_of(server)
        assert request.fields[":scheme"] == "https" and request.fields[":protocol"] == "websocket"
        client.raw(b"octets" * 20_000)
        client.end()
        client.until_over()
        assert client.body == b"octets" * 20_000 and client.ended
    assert request.ended and request.reset is None


@both
def test_a_server_that_takes_none_is_told_as_that(make, over):
    edge, (server,) = make(tunnels(say_back, settings=()), pool={"breaker": {"failures": 1}})
    with OVER[over](edge.host) as client:
        assert client.status == 502
    line = lines(edge.log, 1)[0]
    assert (line["status"], line["end"], line["reason"]) == (502, "w", "upstream takes no WebSocket in HTTP/2")
    meridian.wait_until(lambda: edge.metric("meridian_edge_errors_total", 'kind="no_websocket"') == 1, "it is counted as what it is")
    assert edge.metric("meridian_edge_errors_total", 'kind="bad_response"') == 0
    assert edge.metric("meridian_edge_server_failures_total") == 0 and not server.heads
    assert edge.get("/page")[2] == b"page", "it is good for everything else"


@both
def test_of_two_servers_the_one_that_takes_them_gets_it(make, over):
    edge, (_, takes) = make(tunnels(settings=()), tunnels(say_back))
    for _ in range(4):
        with OVER[over](edge.host) as client:
            assert client.status == client.switched
    assert len(takes.heads) == 4


def test_an_upgrade_without_a_good_key_is_refused(make):
    edge, (server,) = make(tunnels(say_back))
    for key in (b"", b"short", b"AAAAAAAAAAAAAAAAAAAAAAA=", b"?AAAAAAAAAAAAAAAAAAAAA=="):
        with OverHttp1(edge.host, key=key) as client:
            assert client.status == 400
    with OverHttp1(edge.host, "/", ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")) as client:
        assert client.status == 400, "one is enough"
    assert not server.heads


def test_another_protocol_is_left_out(make):
    edge, (server,) = make(tunnels(say_back))
    status, _, body = edge.get("/", Connection="Upgrade", Upgrade="chess")
    assert (status, body) == (200, b"page")
    assert edge.get("/", method="POST", Connection="Upgrade", Upgrade="websocket")[0] == 200
    assert [head.split(b" ")[0] for _, head in server.heads] == [b"GET", b"POST"]


@both
def test_a_refusal_of_the_server_passes_as_it_is(make, over):
    def refuse(peer, request):
        peer.data(request.stream, b"not today", end=True)

    edge, (server,) = make(tunnels(refuse, status=403, fields=(("content-length", "9"), ("x-why", "closed"))))
    with OVER[over](edge.host) as client:
        assert client.status == 403 and client.fields["x-why"] == "closed"
        while len(client.body) < 9:
            client.more()
        assert client.body == b"not today"
    peer, request = tunnel_of(server)
    meridian.wait_until(lambda: request.ended, "and its stream ends as it should")
    assert request.reset is None and edge.metric("meridian_edge_tunnels_total") == 0
    assert edge.get("/page")[2] == b"page" and server.connections == 1


@both
@pytest.mark.parametrize("body", [b"three HTTP/1.1 200 OK\r\n\r\n", b"two", b""], ids=["longer", "shorter", "none"])
def test_a_refusal_of_another_length_than_it_says_is_cut(make, over, body):
    """Behind it a client would take what is left, or what comes next, for something else."""
    def begun(peer, request):
        peer.head(request.stream, 403, [("content-length", "5")])
        peer.data(request.stream, body, end=True)
    edge, (server,) = make(speaking_h2(None, begun, TAKES))
    with OVER[over](edge.host) as client:
        assert client.status in (403, 502)
        client.until_over()
        assert client.body in (b"", body[:5]) if client.status == 403 else b"200" not in client.body
        assert client.ended == (over == "h1") and client.broken == (over == "h2")
    peer, request = tunnel_of(server)
    meridian.wait_until(lambda: request.reset == PROTOCOL_ERROR, "the server hears what was wrong")
    assert lines(edge.log, 1)[0]["reason"] == "response body of another length than announced"


@both
def test_ends_of_either_side_are_ends_of_the_stream(make, over):
    def bye(peer, request):
        peer.data(request.stream, b"bye", end=True)

    edge, (server,) = make(tunnels(bye))
    with OVER[over](edge.host) as client:
        client.until_over()
        assert client.body == b"bye" and client.ended
    _, request = tunnel_of(server)
    meridian.wait_until(lambda: request.ended, "the server hears of the end")
    assert request.reset is None
    assert ends(edge) == {"server": 1}

    def last_word(peer, request):
        meridian.wait_until(lambda: request.ended, "the client's end")
        peer.data(request.stream, b"last", end=True)

    server.script = tunnels(last_word)
    server.peers[0].close()
    with OVER[over](edge.host) as client:
        client.raw(b"words")
        client.end()
        client.until_over()
        assert client.body == b"last" and client.ended
    _, request = tunnel_of(server, 1)
    assert request.body == b"words" and request.reset is None


@both
def test_a_reset_of_either_side_is_one_for_the_other(make, over):
    edge, (server,) = make(tunnels())
    with OVER[over](edge.host) as client:
        _, request = tunnel_of(server)
        client.leave()
        meridian.wait_until(lambda: request.reset is not None, "the server hears of it")
        assert request.reset == CANCEL, "RFC 8441 5"
    meridian.wait_until(lambda: edge.metric("meridian_edge_tunnels") == 0, "the tunnel has ended")
    server.peers[0].close()
    server.script = tunnels(lambda peer, request: peer.reset(request.stream, INTERNAL_ERROR))
    with OVER[over](edge.host) as client:
        assert client.status == client.switched
        client.until_over()
        assert client.broken or over == "h1"
    assert edge.metric("meridian_edge_retries_total") == 0, "after the 101 nothing is tried again"
    meridian.wait_until(lambda: ends(edge) == {"broken": 2}, "both are counted")


@both
@pytest.mark.parametrize("code", [REFUSED_STREAM, INTERNAL_ERROR])
def test_before_the_101_another_server_is_tried(make, over, code):
    refused = []

    def refuse_once(peer, request):
        if not refused:
            refused.append(request)
            return peer.reset(request.stream, code)
        peer.head(request.stream, 200)

    edge, servers = make(*[speaking_h2(None, refuse_once, TAKES)] * 2)
    with OVER[over](edge.host) as client:
        assert client.status == client.switched
    assert sum(len(server.heads) for server in servers) == 2 and len(refused) == 1


@both
def test_a_goaway_leaves_a_tunnel_alone_and_takes_no_other(make, over):
    edge, (server,) = make(tunnels(say_back))
    with OVER[over](edge.host) as client:
        peer, request = tunnel_of(server)
        peer.goaway(request.stream)
        meridian.wait_until(lambda: edge.metric("meridian_edge_h2_upstream_goaways_total") == 1, "it is heard")
        client.send("still here")
        meridian.wait_until(lambda: b"" != request.body, "it arrives")
        while not client.body:
            client.more()
        with OVER[over](edge.host) as other:
            assert other.status == other.switched
            assert [number for number, _ in server.heads] == [0, 1], "on a connection of its own"
        client.end()
        client.until_over()
        assert client.ended


def say_and_hear(client, words):
    before = len(client.body)
    client.raw(words)
    while len(client.body) < before + len(words):
        assert client.more(), "it is over"
    assert client.body[before:] == words


@both
def test_a_reload_leaves_a_tunnel_alone_whatever_becomes_of_its_pool(make, over):
    edge, (server, other) = make(*[tunnels(say_back)] * 2)
    edge.web["servers"] = [server.name]
    edge.reload()
    with OVER[over](edge.host) as client:
        tunnel_of(server)
        for n in range(10):
            edge.web["http2"] = {"max_streams": 10 + n}
            edge.reload()
            say_and_hear(client, b"word %d" % n)
        edge.web["servers"] = [other.name]
        edge.reload()
        say_and_hear(client, b"its server has gone from the pool")
        with OVER[over](edge.host) as late:
            say_and_hear(late, b"elsewhere")
        assert len(server.heads) == len(other.heads) == 1
        client.end()
        client.until_over()
        assert client.ended


@both
def test_a_server_that_takes_one_stream_gets_a_connection_for_each(make, over):
    edge, (server,) = make(tunnels(say_back, settings=(*TAKES, (MAX_CONCURRENT_STREAMS, 1))))
    with OVER[over](edge.host) as one, OVER[over](edge.host) as other:
        say_and_hear(one, b"first")
        say_and_hear(other, b"second")
        assert [number for number, _ in server.heads] == [0, 1]
        one.end()
        one.until_over()
    assert edge.get("/page")[2] == b"page"


@both
def test_a_lost_connection_breaks_its_tunnels(make, over):
    edge, (server,) = make(tunnels())
    with OVER[over](edge.host) as one, OVER[over](edge.host) as other:
        peer, _ = tunnel_of(server, 1)
        peer.close()
        for client in (one, other):
            client.until_over()
    meridian.wait_until(lambda: ends(edge) == {"broken": 2}, "both are counted")


@both
def test_a_silent_one_is_closed_with_1001_and_its_connection_lives(make, over):
    edge, (server,) = make(tunnels(say_back), edge={"timeout": {"tunnel": "1s", "read": "200ms"}}, pool={"breaker": {"failures": 1}})
    with OVER[over](edge.host) as client:
        assert client.receive() == (Opcode.CLOSE, b"\x03\xe9")
        client.close(1001)
        client.end()
        client.until_over()
    meridian.wait_until(lambda: ends(edge) == {"idle": 1}, "it is counted")
    assert edge.metric("meridian_edge_server_failures_total") == 0
    assert edge.get("/page")[2] == b"page" and server.connections == 1


@both
def test_a_drain_closes_with_1001_and_the_server_hears_it_from_the_edge_if_need_be(make, over):
    edge, (server,) = make(tunnels(), **FAST_STOP)
    with OVER[over](edge.host) as client:
        _, request = tunnel_of(server)
        edge.process.signal(signal.SIGTERM)
        client.until_over()
        assert client.body == AWAY
    meridian.wait_until(lambda: len(request.body) == 8 and said_away(request.body), "the server has a Close with 1001")
    meridian.wait_until(lambda: not edge.process.running(), "the edge has ended")


@both
def test_who_reads_slowly_stops_the_server_and_loses_nothing(make, over):
    total, sent = 3_000_000, []

    def send(peer, request):
        while len(sent) < total // 1000:
            if 65536 + peer.windows.get(request.stream, 0) < 1000 * (len(sent) + 1):
                time.sleep(0.01)
                continue
            peer.data(request.stream, b"%04d" % len(sent) * 250)
            sent.append(1)
        peer.data(request.stream, b"", end=True)

    edge, (server,) = make(tunnels(send), pool={"http2": {"stream_buffer": "64KiB"}})
    with OVER[over](edge.host, receive_buffer=4096) as client:
        def stands_still():
            before = len(sent)
            time.sleep(0.5)
            return before > 0 and len(sent) == before
        meridian.wait_until(stands_still, "nobody takes more")
        assert len(sent) < total // 1000
        assert edge.get("/page")[2] == b"page" and server.connections == 1, "others go on"
        client.until_over()
        assert client.ended and client.body == b"".join(b"%04d" % n * 250 for n in range(total // 1000))


@both
def test_a_server_that_takes_slowly_stops_its_client_and_loses_nothing(make, over):
    opened = threading.Event()

    def open_late(peer, request):
        opened.wait(60)
        for _ in range(40):
            peer.window(0, 100_000)
            peer.window(request.stream, 100_000)
        meridian.wait_until(lambda: request.ended, "all of it")
        peer.data(request.stream, b"%d" % len(request.body), end=True)

    edge, (server,) = make(tunnels(open_late, settings=(*TAKES, (INITIAL_WINDOW_SIZE, 1000)), windows=False))
    with OVER[over](edge.host) as client:
        _, request = tunnel_of(server)

        def send():
            client.raw(b"m" * 3_000_000)
            client.end()
        if over == "h1":
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            meridian.wait_until(lambda: len(request.body) == 1000, "the window is used")
            assert edge.metric("meridian_edge_tunnel_bytes_total", '"in"') < 3_000_000
            opened.set()
            sender.join(60)
        else:
            client.raw(b"m" * 50_000)
            meridian.wait_until(lambda: len(request.body) == 1000, "the window is used")
            opened.set()
            client.raw(b"m" * 2_950_000)
            client.end()
        client.until_over()
        assert client.body == b"3000000"
