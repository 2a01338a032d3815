"""What is known of attacks on HTTP/2 servers, each made once: the attacker is told to calm down and closed, and costs bounded memory;
others are served meanwhile."""
import random
import struct
import threading
import time

import pytest

import h2_client as h2
import meridian
from h2_client import H2
from lone_edge import LoneEdge, Scripted, ok, slot_address

BIG = b"b" * 3_000_000


@pytest.fixture(scope="module")
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def script(exchange):
    while head := exchange.read_head():
        exchange.read_body(head)
        if b" /slow " in head:
            exchange.server.waiting += 1
            exchange.server.peak = max(exchange.server.peak, exchange.server.waiting)
            exchange.sock.recv(1)  # until the edge closes
            exchange.server.waiting -= 1
            return
        if b" /hints-" in head:  # each is passed on in a turn of its own
            exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 12)
        exchange.send(ok(BIG if b" /big " in head else b"small"))


@pytest.fixture(scope="module")
def server(slot):
    with Scripted(slot_address(slot, "2.1"), script, waiting=0, peak=0) as running:
        yield running


@pytest.fixture(scope="module")
def edge(slot, server, tmp_path_factory):
    client = {"head_timeout": "2s", "send_timeout": "2s", "body_timeout": "2s"}
    routes = [{"path": "/slow", "pool": "web", "timeout": {"read": "5s"}}, {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path_factory.mktemp("attacks"), slot, [server.name], edge={"client": client}, routes=routes) as running:
        yield running


@pytest.fixture(autouse=True)
def others(edge):
    """Other clients, of both protocols, who must not notice."""
    stop, failed, served = threading.Event(), [], []

    def ask():
        with H2(edge.host) as kept:
            while not stop.is_set():
                for answer in (kept.fetch().status, edge.get()[0]):
                    (served if answer == 200 else failed).append(answer)
                time.sleep(0.02)

    def guarded():
        try:
            ask()
        except BaseException as error:  # told below
            failed.append(error)

    memory = edge.process.memory_kib()
    thread = threading.Thread(target=guarded)
    thread.start()
    yield
    before = len(served)
    meridian.wait_until(lambda: failed or len(served) > before + 4, "others are served")
    stop.set()
    thread.join()
    assert not failed
    assert edge.process.memory_kib() - memory < 64 * 1024


def flood(client, make, most=400_000):
    """Sends what `make(n)` gives until the edge ends the connection."""
    for n in range(most):
        if not client.raw(make(n)):
            return
        if n % 64 == 0:
            drain(client)
        if client.closed:
            return
    client.until_closed()


def drain(client):
    client.sock.setblocking(False)
    try:
        while octets := client.sock.recv(65536):
            client.buffer += octets
    except OSError:
        pass
    else:
        client.closed = True
    client.sock.settimeout(h2.PATIENCE)


def calmed(edge):
    return edge.metric("meridian_edge_h2_goaways_total", 'reason="calm"') + edge.metric("meridian_edge_h2_abusers_total") + \
        edge.metric("meridian_edge_h2_goaways_total", 'reason="error"')


@pytest.fixture
def attacker(edge):
    before = calmed(edge)
    with H2(edge.host) as client:
        client.fetch()
        client.auto_window = False
        yield client
    meridian.wait_until(lambda: calmed(edge) > before, "it is counted")


def test_rapid_reset(server, attacker):
    server.peak = 0
    block = attacker.encoder.encode(attacker.head("/slow"))
    indexed = attacker.encoder.encode(attacker.head("/slow"))

    def one(n):
        stream = attacker.next
        attacker.next += 2
        head = block if n == 0 else indexed
        return attacker.make(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, head) + attacker.make(h2.RST_STREAM, 0, stream, struct.pack("!I", h2.CANCEL))
    flood(attacker, one)
    assert server.peak <= 128, "a stream that was reset counts until its work at the server is over"
    meridian.wait_until(lambda: server.waiting == 0, "nothing is left at the server")


# Ways to make the edge reset a stream whose request is at work (CVE-2025-8671). Some are errors of the whole connection, which ends too.
MADE = {
    "WINDOW_UPDATE of 0": lambda c, s: c.make(h2.WINDOW_UPDATE, 0, s, struct.pack("!I", 0)),
    "a window over its limit": lambda c, s: c.make(h2.WINDOW_UPDATE, 0, s, struct.pack("!I", 0x7FFFFFFF)),
    "DATA behind the end": lambda c, s: c.make(h2.DATA, h2.END_STREAM, s, b"x"),
    "HEADERS behind the end": lambda c, s: c.make(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, s, b"\x82"),
    "PRIORITY of a wrong size": lambda c, s: c.make(h2.PRIORITY, 0, s, b"\0" * 4),
    "PRIORITY on itself": lambda c, s: c.make(h2.PRIORITY, 0, s, struct.pack("!IB", s, 1)),
    "more DATA than the length": lambda c, s: c.make(h2.DATA, h2.END_STREAM, s, b"12345"),
}


@pytest.mark.parametrize("way", MADE)
def test_made_you_reset(server, edge, way):
    server.peak = 0
    resets = edge.metric("meridian_edge_h2_resets_total", 'by="edge"')
    with H2(edge.host) as client:
        client.fetch()
        longer = way == "more DATA than the length"
        head = client.head("/slow", "POST" if longer else "GET", [("content-length", "3")] if longer else [])
        client.encoder.encode(head)
        block = client.encoder.encode(head)

        def one(_):
            stream, client.next = client.next, client.next + 2
            return client.make(h2.HEADERS, h2.END_HEADERS | (0 if longer else h2.END_STREAM), stream, block) + MADE[way](client, stream)
        flood(client, one)
    assert server.peak <= 128
    meridian.wait_until(lambda: server.waiting == 0, "nothing is left at the server")
    assert edge.metric("meridian_edge_h2_resets_total", 'by="edge"') >= resets


def test_continuation_flood(edge, attacker):
    stream = attacker.new_stream()
    attacker.frame(h2.HEADERS, 0, stream, attacker.encoder.encode(attacker.head()))
    flood(attacker, lambda _: attacker.make(h2.CONTINUATION, 0, stream, b"\x00\x01x\x01y" * 10))


def test_empty_continuations(edge, attacker):
    stream = attacker.new_stream()
    attacker.frame(h2.HEADERS, 0, stream, b"")
    flood(attacker, lambda _: attacker.make(h2.CONTINUATION, 0, stream, b""))


def test_a_head_that_never_ends_has_a_deadline(edge, attacker):
    stream = attacker.new_stream()
    attacker.frame(h2.HEADERS, 0, stream, attacker.encoder.encode(attacker.head()))
    began = time.monotonic()
    attacker.until_closed()
    assert 1.5 < time.monotonic() - began < 20 and attacker.goaways[-1][1] == h2.ENHANCE_YOUR_CALM


def test_header_bomb_by_indexed_references(edge, attacker):
    """One field of 4,000 octets in the table, referred to by one octet each, 16,000 times: 64 MB."""
    attacker.fetch("/", ("x-bomb", "b" * 3900))
    stream = attacker.new_stream()
    block = attacker.encoder.encode(attacker.head())
    attacker.raw(attacker.make(h2.HEADERS, h2.END_STREAM, stream, block + b"\xbe" * (16384 - len(block))))
    attacker.until_closed()
    assert attacker.goaways[-1][1] == h2.ENHANCE_YOUR_CALM


def test_many_bombs_within_the_limits_are_bounded_in_memory(edge):
    """128 streams with heads of 32 KiB each that are never finished would be 4 MiB: no more than max_buffer is kept, and a stream more is refused."""
    with H2(edge.host) as client:
        client.fetch("/", ("x-bomb", "b" * 3700))
        fields = [*client.head("/", "POST"), *[("x-bomb", "b" * 3700)] * 8]
        client.request(fields)
        block = client.encoder.encode(fields)  # all of it is in the table now
        streams = []
        for _ in range(120):
            streams.append(client.new_stream())
            client.frame(h2.HEADERS, h2.END_HEADERS, streams[-1], block)
        client.until(lambda: sum(client.streams[stream].reset == h2.REFUSED_STREAM for stream in streams) > 60, "streams are refused")
        assert edge.metric("meridian_edge_h2_streams_refused_total") > 60


@pytest.mark.parametrize("kind", ["DATA", "padding alone", "SETTINGS", "PING", "PRIORITY", "PRIORITY_UPDATE", "WINDOW_UPDATE"])
def test_floods_of_frames(edge, attacker, kind):
    stream = attacker.request(attacker.head("/", "POST"), end=False)
    frames = {
        "DATA": attacker.make(h2.DATA, 0, stream, b""),
        "padding alone": attacker.make(h2.DATA, h2.PADDED, stream, b"\x05" + b"\0" * 5),
        "SETTINGS": attacker.make(h2.SETTINGS, 0, 0, struct.pack("!HI", 3, 100)),
        "PING": attacker.make(h2.PING, 0, 0, b"12345678"),
        "PRIORITY": attacker.make(h2.PRIORITY, 0, stream, struct.pack("!IB", 0, 1)),
        "PRIORITY_UPDATE": attacker.make(h2.PRIORITY_UPDATE, 0, 0, struct.pack("!I", stream) + b"u=1"),
        "WINDOW_UPDATE": attacker.make(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
    }
    flood(attacker, lambda _: frames[kind])


def test_a_window_that_stays_at_0_is_timed_out(edge):
    with H2(edge.host, settings=[(4, 0)]) as client:
        streams = [client.get("/big") for _ in range(100)]
        client.until_over(*streams)
        assert {client.streams[stream].reset for stream in streams} == {h2.INTERNAL_ERROR}
        client.round_trip()


def test_a_client_that_takes_nothing_is_closed(edge):
    with H2(edge.host, settings=[(4, 0x7FFFFFFF)], receive_buffer=4096) as client:
        client.window(0, 0x7FFFFFFF - 65535)
        for _ in range(100):
            client.get("/big")
        meridian.wait_until(lambda: edge.metric("meridian_edge_h2_streams") >= 90, "they are at work")
        meridian.wait_until(lambda: edge.metric("meridian_edge_h2_streams") <= 3, "they are over")


def test_slow_readers_of_many_streams_cost_bounded_memory(edge):
    before = edge.process.memory_kib()
    clients = [H2(edge.host, settings=[(4, 16)]) for _ in range(10)]
    for client in clients:
        for _ in range(100):
            client.get("/big")
    meridian.wait_until(lambda: edge.metric("meridian_edge_h2_streams") >= 900, "they are at work")
    # 1,000 requests at work, 3 MB each; what a connection may queue is 1 MiB.
    assert edge.process.memory_kib() - before < 1000 * 64
    for client in clients:
        client.sock.close()
    meridian.wait_until(lambda: edge.metric("meridian_edge_h2_streams") <= 2, "they are over")


def test_more_streams_than_may_be_are_refused_and_too_many_of_them_end_the_connection(server, edge):
    server.peak = 0
    with H2(edge.host) as client:
        client.fetch()
        streams = [client.get("/slow") for _ in range(130)]
        for stream in streams[128:]:
            assert client.until_over(stream).reset == h2.REFUSED_STREAM
        assert not client.goaways
        while not client.closed and client.next < 20_000:
            client.get("/slow")
        client.until_closed()
        assert not client.goaways or client.goaways[-1][1] == h2.ENHANCE_YOUR_CALM
    assert server.peak <= 128


def test_a_preface_that_stops_has_a_deadline(edge):
    with H2(edge.host, hello=False) as client:
        client.raw(h2.PREFACE[:10])
        began = time.monotonic()
        client.sock.settimeout(30)
        assert client.sock.recv(100).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 20
    with H2(edge.host, hello=False) as client:
        client.raw(h2.PREFACE)
        client.until_closed()


@pytest.mark.parametrize("octets", [b"x" * 100, H2.make(h2.HEADERS, 5, 1, b"\x82"), H2.make(h2.SETTINGS, 0, 0, b"12345"), H2.make(h2.SETTINGS, 0, 1, b"")])
def test_what_is_no_beginning_ends_the_connection(edge, octets):
    with H2(edge.host, hello=False) as client:
        client.raw(h2.PREFACE + octets)
        client.until_closed()
        assert client.goaways and client.goaways[-1][1] in (h2.PROTOCOL_ERROR, h2.FRAME_SIZE_ERROR)


def test_streams_that_end_together_are_gone_together(edge, server):
    """Some by themselves, some reset by their client, all while they are in the middle of a turn."""
    draw = random.Random(1)
    for _ in range(60):
        with H2(edge.host) as client:
            streams = [client.get(f"/hints-{n % 3}") for n in range(12)]
            client.read_for(draw.choice([0, 0.001, 0.003]))
            at_once = draw.sample(streams, 6)
            client.raw(b"".join(H2.make(h2.RST_STREAM, 0, stream, struct.pack("!I", h2.CANCEL)) for stream in at_once[:3]))
            client.raw(b"".join(H2.make(h2.RST_STREAM, 0, stream, struct.pack("!I", h2.CANCEL)) for stream in at_once[3:]))
            rest = [stream for stream in streams if stream not in at_once]
            client.until_over(*rest)
            assert {client.streams[stream].status for stream in rest} == {200}
    assert edge.process.running()
