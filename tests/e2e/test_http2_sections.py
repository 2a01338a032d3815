"""RFC 9113 and RFC 7541 line by line against a client that makes every frame by hand: the sections of h2spec, and more.

Each case is a section, what is done, and what has to come of it:
  serves       the request is answered, and so is another one behind it
  stream(code) the stream is reset with that error, and the connection goes on (RFC 9113 5.4.2)
  ends(code)   GOAWAY with that error, then the end of the connection (5.4.1)
  refused(status) the request is answered with that status, and the connection goes on
"""
import struct

import pytest

import h2_client as h2
import meridian
from h2_client import COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, H2, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, STREAM_CLOSED
from lone_edge import LoneEdge, Scripted, ok, slot_address

ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, UNKNOWN = 2, 3, 4, 5, 0xFFF
ALL = 2**31 - 1


def echo(exchange):
    """Reads bodies with a length; answers with as many octets as the path says, or with the request."""
    while head := exchange.read_head():
        path = head.split(b" ")[1]
        if path == b"/hold":
            exchange.sock.recv(1)
            return
        body = b""
        if b"chunked" in head.lower():
            while not body.endswith(b"0\r\n\r\n") and not exchange.buffer.endswith(b"0\r\n\r\n"):
                exchange.buffer += exchange.sock.recv(65536)
            body, exchange.buffer = exchange.buffer, b""
        else:
            body = exchange.read_body(head)
        size = int(path[2:]) if path.startswith(b"/b") else None
        exchange.send(ok(b"x" * size if size else head + body))


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    with meridian.Lease() as slot, Scripted(slot_address(slot, "2.1"), echo) as server, LoneEdge(tmp_path_factory.mktemp("sections"), slot, [server.name]) as running:
        yield running


# What has to come of it.

def serves(client, stream):
    answer = client.until_over(stream)
    assert answer.status == 200 and answer.ended and answer.reset in (None, h2.NO_ERROR), (answer.status, answer.reset)
    assert client.fetch("/after").status == 200
    assert not client.goaways
    return answer


def answers(client, number):
    assert client.until_over(number).status == 200


def refuses(client, number):
    assert client.until_over(number).reset == REFUSED_STREAM
    assert not client.goaways


def stream(*codes):
    def check(client, number):
        answer = client.until_over(number)
        assert answer.reset in codes, (answer.reset, answer.status, client.goaways)
        assert client.fetch("/after").status == 200, "the connection goes on"
        assert not client.goaways
    return check


def ends(*codes):
    def check(client, _):
        client.until_closed()
        assert client.goaways and client.goaways[-1][1] in codes, client.goaways
    return check


def refused(status):
    def check(client, number):
        answer = client.until_over(number)
        assert answer.status == status, (answer.status, answer.reset)
        assert client.fetch("/after").status == 200
    return check


def either(*checks):
    """Of two that the RFC allows."""
    def check(client, number):
        errors = []
        for one in checks:
            try:
                return one(client, number)
            except AssertionError as error:
                errors.append(str(error))
        raise AssertionError(errors)
    return check


# What is done. Each returns the stream that it is about.

def block(client, head=None):
    return client.encoder.encode(head or client.head())


def opened(client, method="POST", path="/"):
    """A request that has not ended."""
    return client.request(client.head(path, method), end=False)


def half_closed(client):
    """One that waits for its answer, so that it is half-closed (remote) for as long as the test wants."""
    return client.get("/hold")


def closed(client):
    number = client.get()
    client.until_over(number)
    return number


def reset(client):
    number = client.get("/hold")
    client.reset(number)
    return number


def reset_open(client):
    number = opened(client, path="/hold")
    client.reset(number)
    return number


def raw(kind, flags=0, on=0, payload=b""):
    """A frame, on a stream of that number or on the one that `on` makes."""
    def do(client):
        number = on(client) if callable(on) else on
        data = payload(client) if callable(payload) else payload
        client.frame(kind, flags(client) if callable(flags) else flags, number, data)
        return number
    return do


def with_head(*pairs, replace=True, end=True, method="GET"):
    """A request with those fields, pseudo-fields first as they are given."""
    def do(client):
        head = list(pairs) if replace else [*client.head(method=method), *pairs]
        return client.request(head, end=end)
    return do


def spelled(octets, flags=h2.END_HEADERS | h2.END_STREAM):
    """A field block by hand, behind the pseudo-fields."""
    def do(client):
        number = client.new_stream()
        client.frame(h2.HEADERS, flags, number, block(client) + octets)
        return number
    return do


def spelled_first(octets):
    """Likewise, before them."""
    def do(client):
        number = client.new_stream()
        client.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, number, octets + block(client))
        return number
    return do


def settings(*pairs):
    return raw(h2.SETTINGS, 0, 0, b"".join(struct.pack("!HI", *pair) for pair in pairs))


def then(*steps):
    """One after another; the stream of the last that has one."""
    def do(client):
        number = None
        for step in steps:
            number = step(client) or number
        return number
    return do


def get(client):
    return client.get()


def post(client):
    return client.post("/", b"abc", ("content-length", "3"))


def in_pieces(count):
    def do(client):
        number, octets = client.new_stream(), block(client)
        client.frame(h2.HEADERS, h2.END_STREAM, number, octets[:2])
        for n in range(count - 1):
            client.frame(h2.CONTINUATION, 0, number, octets[2 + n:3 + n])
        client.frame(h2.CONTINUATION, h2.END_HEADERS, number, octets[1 + count:])
        return number
    return do


def begun(client):
    """A HEADERS without its end."""
    number = client.new_stream()
    client.frame(h2.HEADERS, h2.END_STREAM, number, block(client))
    return number


def data_of(size, end=True, padding=None, length=None):
    def do(client):
        number = client.request(client.head(method="POST", fields=[("content-length", str(length))] if length is not None else []), end=False)
        payload = b"d" * size
        flags = h2.END_STREAM if end else 0
        if padding is not None:
            payload, flags = bytes([padding]) + payload + bytes(padding), flags | h2.PADDED
        client.frame(h2.DATA, flags, number, payload)
        return number
    return do


def trailers(*fields, end=True):
    def do(client):
        number = opened(client)
        client.data(number, b"abc")
        client.frame(h2.HEADERS, h2.END_HEADERS | (h2.END_STREAM if end else 0), number, client.encoder.encode(fields))
        return number
    return do


def self_dependent(client):
    number = client.new_stream()
    client.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM | 0x20, number, struct.pack("!IB", number, 15) + block(client))
    return number


def many(count):
    def do(client):
        streams = [client.get("/hold") for _ in range(count)]
        return streams[-1]
    return do


def next_number(client):
    """A stream that is idle."""
    return client.next + 100


FIELD = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "lone.example")]


def without(name):
    return [pair for pair in FIELD if pair[0] != name]


PRIORITY = struct.pack("!IB", 0, 15)
CASES = [
    # Streams and frames as they are meant (h2spec generic 1 to 4).
    ("2-priority-idle", then(raw(h2.PRIORITY, 0, 9, PRIORITY), get), serves),
    ("2-priority-half-closed", then(raw(h2.PRIORITY, 0, get, PRIORITY)), serves),
    ("2-priority-closed", then(raw(h2.PRIORITY, 0, closed, PRIORITY), get), serves),
    ("2-window-update-half-closed", raw(h2.WINDOW_UPDATE, 0, get, struct.pack("!I", 100)), serves),
    ("2-window-update-closed", then(raw(h2.WINDOW_UPDATE, 0, closed, struct.pack("!I", 100)), get), serves),
    ("2-reset-half-closed", then(raw(h2.RST_STREAM, 0, half_closed, struct.pack("!I", 8)), get), serves),
    ("2-reset-closed", then(raw(h2.RST_STREAM, 0, closed, struct.pack("!I", 8)), get), serves),
    ("3.1-data", post, serves),
    ("3.1-data-in-frames", lambda client: client.post("/", b"x" * 40_000), serves),
    ("3.1-data-padded", data_of(10, padding=255), serves),
    ("3.1-data-empty", data_of(0), serves),
    ("3.2-headers-padded", lambda client: (n := client.new_stream(), client.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM | h2.PADDED, n, b"\x20" + block(client) + bytes(32)))[0], serves),
    ("3.2-headers-priority", lambda client: (n := client.new_stream(), client.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM | 0x20, n, PRIORITY + block(client)))[0], serves),
    ("3.3-priority-exclusive", then(raw(h2.PRIORITY, 0, 3, struct.pack("!IB", 0x80000001, 255)), get), serves),
    ("3.3-priority-least", then(raw(h2.PRIORITY, 0, 3, struct.pack("!IB", 0, 0)), get), serves),
    ("3.3-priority-most", then(raw(h2.PRIORITY, 0, 3, struct.pack("!IB", 0, 255)), get), serves),
    ("3.3-priority-dependent", then(raw(h2.PRIORITY, 0, 5, struct.pack("!IB", 3, 15)), get), serves),
    ("3.5-settings", then(settings((ENABLE_PUSH, 0), (MAX_STREAMS, 1)), get), serves),
    ("3.8-goaway-then-the-answer", lambda client: (get(client), client.frame(h2.GOAWAY, 0, 0, bytes(8)))[0], answers),
    ("3.9-window-update", then(raw(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)), get), serves),
    ("3.9-window-update-stream", lambda client: (n := opened(client), client.window(n, 1), client.data(n, b"x", end=True))[0], serves),
    ("3.10-continuation", in_pieces(1), serves),
    ("4-get", get, serves),
    ("4-head", lambda client: client.request(client.head(method="HEAD")), serves),
    ("4-post-trailers", trailers(("x-sum", "1")), serves),
    # RFC 9113 3.4, 4.1 to 4.3.
    ("4.1-unknown-frame", then(raw(0xBE, 0xFF, 0, b"12345678"), get), serves),
    ("4.1-undefined-flags", then(raw(h2.PING, 0xFE & ~h2.ACK, 0, b"12345678"), get), serves),
    ("4.1-reserved-bit", then(raw(h2.PING, 0, 0x80000000, b"12345678"), get), serves),
    ("4.2-frame-of-16384", data_of(16384), serves),
    ("4.2-data-too-large", data_of(16385), either(stream(FRAME_SIZE_ERROR), ends(FRAME_SIZE_ERROR))),
    ("4.2-headers-too-large", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, bytes(16385)), ends(FRAME_SIZE_ERROR)),
    ("4.2-settings-too-large", raw(h2.SETTINGS, 0, 0, bytes(16386)), ends(FRAME_SIZE_ERROR)),
    ("4.3-invalid-block", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, b"\x00\x00\x01" * 5 + b"\xff"), ends(COMPRESSION_ERROR)),
    ("4.3-priority-inside-a-block", then(begun, raw(h2.PRIORITY, 0, 1, PRIORITY)), ends(PROTOCOL_ERROR)),
    ("4.3-other-stream-inside-a-block", then(begun, raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 3, block)), ends(PROTOCOL_ERROR)),
    # 5.1: states.
    ("5.1-idle-data", raw(h2.DATA, h2.END_STREAM, next_number, b"x"), ends(PROTOCOL_ERROR)),
    ("5.1-idle-reset", raw(h2.RST_STREAM, 0, next_number, struct.pack("!I", 8)), ends(PROTOCOL_ERROR)),
    ("5.1-idle-window-update", raw(h2.WINDOW_UPDATE, 0, next_number, struct.pack("!I", 8)), ends(PROTOCOL_ERROR)),
    ("5.1-idle-continuation", raw(h2.CONTINUATION, h2.END_HEADERS, next_number, block), ends(PROTOCOL_ERROR)),
    ("5.1-half-closed-data", raw(h2.DATA, h2.END_STREAM, half_closed, b"x"), either(stream(STREAM_CLOSED), ends(STREAM_CLOSED))),
    ("5.1-half-closed-headers", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, half_closed, block), either(stream(STREAM_CLOSED), ends(STREAM_CLOSED))),
    ("5.1-half-closed-continuation", raw(h2.CONTINUATION, h2.END_HEADERS, half_closed, block), ends(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1-closed-data", raw(h2.DATA, h2.END_STREAM, closed, b"x"), ends(STREAM_CLOSED)),
    ("5.1-closed-headers", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, closed, block), ends(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1-closed-continuation", raw(h2.CONTINUATION, h2.END_HEADERS, closed, block), ends(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1-reset-continuation", raw(h2.CONTINUATION, h2.END_HEADERS, reset, block), ends(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1-reset-data", raw(h2.DATA, h2.END_STREAM, reset, b"x"), either(stream(STREAM_CLOSED), ends(STREAM_CLOSED))),
    ("5.1-reset-headers", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, reset, block), either(stream(STREAM_CLOSED), ends(STREAM_CLOSED))),
    ("5.1-reset-with-its-body-to-come-data", raw(h2.DATA, h2.END_STREAM, reset_open, b"x"), either(stream(STREAM_CLOSED), ends(STREAM_CLOSED))),
    ("5.1-reset-with-its-body-to-come-headers", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, reset_open, block), either(stream(STREAM_CLOSED), ends(STREAM_CLOSED))),
    ("5.1.1-even", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 2, block), ends(PROTOCOL_ERROR)),
    ("5.1.1-smaller", then(raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 5, block), raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 3, block)), ends(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1.2-one-too-many", many(129), refuses),
    ("5.1.2-one-too-many-with-bodies-to-come", lambda client: [opened(client) for _ in range(129)][-1], refuses),
    ("5.3.1-headers-on-itself", self_dependent, either(stream(PROTOCOL_ERROR), ends(PROTOCOL_ERROR))),
    ("5.3.1-priority-on-itself", then(get, raw(h2.PRIORITY, 0, 1, struct.pack("!IB", 1, 1))), either(stream(PROTOCOL_ERROR), ends(PROTOCOL_ERROR))),
    ("5.5-extension-inside-a-block", then(begun, raw(0xBE, 0, 1, b"x")), ends(PROTOCOL_ERROR)),
    # 6: frames.
    ("6.1-data-on-0", raw(h2.DATA, 0, 0, b"x"), ends(PROTOCOL_ERROR)),
    ("6.1-padding-too-long", raw(h2.DATA, h2.PADDED | h2.END_STREAM, opened, b"\x09x"), ends(PROTOCOL_ERROR)),
    ("6.1-padding-as-long-as-the-rest", raw(h2.DATA, h2.PADDED | h2.END_STREAM, opened, b"\x05\0\0\0\0\0"), serves),
    ("6.2-headers-on-0", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 0, block), ends(PROTOCOL_ERROR)),
    ("6.2-padding-too-long", raw(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM | h2.PADDED, 1, lambda client: b"\xff" + block(client)), ends(PROTOCOL_ERROR)),
    ("6.3-priority-on-0", raw(h2.PRIORITY, 0, 0, PRIORITY), ends(PROTOCOL_ERROR)),
    ("6.3-priority-of-4", raw(h2.PRIORITY, 0, half_closed, PRIORITY[:4]), either(stream(FRAME_SIZE_ERROR), ends(FRAME_SIZE_ERROR))),
    ("6.4-reset-on-0", raw(h2.RST_STREAM, 0, 0, bytes(4)), ends(PROTOCOL_ERROR)),
    ("6.4-reset-of-3", raw(h2.RST_STREAM, 0, half_closed, bytes(3)), ends(FRAME_SIZE_ERROR)),
    ("6.5-ack-with-payload", raw(h2.SETTINGS, h2.ACK, 0, bytes(6)), ends(FRAME_SIZE_ERROR)),
    ("6.5-on-a-stream", raw(h2.SETTINGS, 0, half_closed, bytes(6)), ends(PROTOCOL_ERROR)),
    ("6.5-of-3", raw(h2.SETTINGS, 0, 0, bytes(3)), ends(FRAME_SIZE_ERROR)),
    ("6.5.2-enable-push-2", settings((ENABLE_PUSH, 2)), ends(PROTOCOL_ERROR)),
    ("6.5.2-window-too-large", settings((INITIAL_WINDOW, 2**31)), ends(FLOW_CONTROL_ERROR)),
    ("6.5.2-frame-too-small", settings((MAX_FRAME, 16383)), ends(PROTOCOL_ERROR)),
    ("6.5.2-frame-too-large", settings((MAX_FRAME, 2**24)), ends(PROTOCOL_ERROR)),
    ("6.5.2-unknown", then(settings((UNKNOWN, 7)), get), serves),
    ("8441-3-connect-protocol-2", settings((8, 2)), ends(PROTOCOL_ERROR)),
    ("9218-2.1-priorities-2", settings((9, 2)), ends(PROTOCOL_ERROR)),
    ("6.6-push-promise", raw(h2.PUSH_PROMISE, h2.END_HEADERS, half_closed, lambda client: struct.pack("!I", 2) + block(client)), ends(PROTOCOL_ERROR)),
    ("6.7-ping-on-a-stream", raw(h2.PING, 0, half_closed, bytes(8)), ends(PROTOCOL_ERROR)),
    ("6.7-ping-of-6", raw(h2.PING, 0, 0, bytes(6)), ends(FRAME_SIZE_ERROR)),
    ("6.7-ack-that-nobody-waits-for", then(raw(h2.PING, h2.ACK, 0, bytes(8)), get), serves),
    ("6.8-goaway-on-a-stream", raw(h2.GOAWAY, 0, half_closed, bytes(8)), ends(PROTOCOL_ERROR)),
    ("6.8-goaway-of-7", raw(h2.GOAWAY, 0, 0, bytes(7)), ends(FRAME_SIZE_ERROR)),
    ("6.9-increment-0-connection", raw(h2.WINDOW_UPDATE, 0, 0, bytes(4)), ends(PROTOCOL_ERROR)),
    ("6.9-increment-0-stream", raw(h2.WINDOW_UPDATE, 0, half_closed, bytes(4)), either(stream(PROTOCOL_ERROR), ends(PROTOCOL_ERROR))),
    ("6.9-of-3", raw(h2.WINDOW_UPDATE, 0, 0, bytes(3)), ends(FRAME_SIZE_ERROR)),
    ("6.9.1-connection-over-the-most", then(raw(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", ALL)), raw(h2.WINDOW_UPDATE, 0, 0, struct.pack("!I", ALL))), ends(FLOW_CONTROL_ERROR)),
    ("6.9.1-stream-over-the-most", lambda client: (n := half_closed(client), client.window(n, ALL), client.window(n, ALL))[0], stream(FLOW_CONTROL_ERROR)),
    ("6.10-three-continuations", in_pieces(3), serves),
    ("6.10-data-inside-a-block", then(begun, raw(h2.DATA, h2.END_STREAM, 1, b"x")), ends(PROTOCOL_ERROR)),
    ("6.10-on-0", then(begun, raw(h2.CONTINUATION, h2.END_HEADERS, 0, b"")), ends(PROTOCOL_ERROR)),
    ("6.10-behind-a-whole-block", raw(h2.CONTINUATION, h2.END_HEADERS, opened, block), ends(PROTOCOL_ERROR)),
    ("6.10-behind-a-whole-continuation", then(in_pieces(1), raw(h2.CONTINUATION, h2.END_HEADERS, 1, b"")), ends(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("6.10-behind-data", lambda client: (n := opened(client), client.data(n, b"x"), client.frame(h2.CONTINUATION, h2.END_HEADERS, n, block(client)))[0], ends(PROTOCOL_ERROR)),
    ("7-goaway-of-unknown-error", lambda client: (get(client), client.frame(h2.GOAWAY, 0, 0, struct.pack("!II", 0, 0xFF)))[0], answers),
    ("7-reset-of-unknown-error", then(raw(h2.RST_STREAM, 0, half_closed, struct.pack("!I", 0xFF)), get), serves),
    # 8: messages.
    ("8.1-second-head-without-end", trailers(("x-sum", "1"), end=False), either(stream(PROTOCOL_ERROR), ends(PROTOCOL_ERROR))),
    ("8.2.1-upper-case", with_head(*FIELD, ("X-Upper", "1")), stream(PROTOCOL_ERROR)),
    ("8.2.1-colon-inside", with_head(*FIELD, ("x:y", "1")), stream(PROTOCOL_ERROR)),
    ("8.2.1-space-in-a-name", with_head(*FIELD, ("x y", "1")), stream(PROTOCOL_ERROR)),
    ("8.2.1-empty-name", with_head(*FIELD, ("", "1")), stream(PROTOCOL_ERROR)),
    ("8.2.1-newline-in-a-value", with_head(*FIELD, ("x-y", "1\r\nx-z: 2")), stream(PROTOCOL_ERROR)),
    ("8.2.1-nul-in-a-value", with_head(*FIELD, ("x-y", "1\0")), stream(PROTOCOL_ERROR)),
    ("8.2.2-connection", with_head(*FIELD, ("connection", "keep-alive")), stream(PROTOCOL_ERROR)),
    ("8.2.2-keep-alive", with_head(*FIELD, ("keep-alive", "5")), stream(PROTOCOL_ERROR)),
    ("8.2.2-proxy-connection", with_head(*FIELD, ("proxy-connection", "x")), stream(PROTOCOL_ERROR)),
    ("8.2.2-transfer-encoding", with_head(*FIELD, ("transfer-encoding", "chunked")), stream(PROTOCOL_ERROR)),
    ("8.2.2-upgrade", with_head(*FIELD, ("upgrade", "h2c")), stream(PROTOCOL_ERROR)),
    ("8.2.2-te-gzip", with_head(*FIELD, ("te", "trailers, deflate")), stream(PROTOCOL_ERROR)),
    ("8.2.2-te-trailers", with_head(*FIELD, ("te", "trailers")), serves),
    ("8.2.3-cookie-crumbs", with_head(*FIELD, ("cookie", "a=1"), ("cookie", "b=2")), lambda client, n: b"a=1; b=2" in serves(client, n).body or pytest.fail("not one cookie")),
    ("8.3-unknown-pseudo", with_head(*FIELD, (":test", "1")), stream(PROTOCOL_ERROR)),
    ("8.3-status-in-a-request", with_head(*FIELD, (":status", "200")), stream(PROTOCOL_ERROR)),
    ("8.3-pseudo-in-trailers", trailers((":method", "GET")), stream(PROTOCOL_ERROR)),
    ("8.3-pseudo-behind-a-field", with_head(("x-y", "1"), *FIELD), stream(PROTOCOL_ERROR)),
    ("8.3.1-empty-path", with_head(*without(":path"), (":path", "")), stream(PROTOCOL_ERROR)),
    ("8.3.1-path-without-slash", with_head(*without(":path"), (":path", "x")), either(stream(PROTOCOL_ERROR), refused(400))),
    ("8.3.1-no-method", with_head(*without(":method")), stream(PROTOCOL_ERROR)),
    ("8.3.1-no-scheme", with_head(*without(":scheme")), stream(PROTOCOL_ERROR)),
    ("8.3.1-no-path", with_head(*without(":path")), stream(PROTOCOL_ERROR)),
    ("8.3.1-two-methods", with_head(*FIELD, (":method", "GET")), stream(PROTOCOL_ERROR)),
    ("8.3.1-two-schemes", with_head(*FIELD, (":scheme", "http")), stream(PROTOCOL_ERROR)),
    ("8.3.1-two-paths", with_head(*FIELD, (":path", "/")), stream(PROTOCOL_ERROR)),
    ("8.3.1-two-authorities", with_head(*FIELD, (":authority", "lone.example")), stream(PROTOCOL_ERROR)),
    ("8.3.1-host-alone", with_head(*without(":authority"), ("host", "lone.example")), serves),
    ("8.3.1-neither-authority-nor-host", with_head(*without(":authority")), either(stream(PROTOCOL_ERROR), refused(400))),
    ("8.1.1-length-over", data_of(2, length=3), stream(PROTOCOL_ERROR)),
    ("8.1.1-length-under", data_of(4, length=3), stream(PROTOCOL_ERROR)),
    ("8.1.1-length-of-two-frames", lambda client: (n := client.request(client.head(method="POST", fields=[("content-length", "5")]), end=False), client.data(n, b"ab"),
                                                   client.data(n, b"ab", end=True))[0], stream(PROTOCOL_ERROR)),
    ("8.1.1-length-and-no-data", with_head(*FIELD, ("content-length", "1")), stream(PROTOCOL_ERROR)),
    ("8.1.1-two-lengths", with_head(*FIELD, ("content-length", "0"), ("content-length", "0")), either(stream(PROTOCOL_ERROR), refused(400))),
    ("8.5-connect-with-path", with_head((":method", "CONNECT"), (":scheme", "http"), (":path", "/"), (":authority", "lone.example:80")), either(stream(PROTOCOL_ERROR), refused(400))),
    # RFC 7541.
    ("7541-2.3.3-index-too-large", spelled(b"\xff\x80\x01"), ends(COMPRESSION_ERROR)),
    ("7541-2.3.3-name-index-too-large", spelled(b"\x7f\x80\x01\x01x"), ends(COMPRESSION_ERROR)),
    ("7541-4.2-size-update-at-the-end", spelled(b"\x20"), ends(COMPRESSION_ERROR)),
    ("7541-4.2-two-size-updates-first", spelled_first(b"\x20\x3f\xe1\x1f"), serves),
    ("7541-5.1-endless-integer", spelled(b"\x7f" + b"\xff" * 12), ends(COMPRESSION_ERROR)),
    ("7541-5.2-string-past-the-end", spelled(b"\x00\x7e" + b"x"), ends(COMPRESSION_ERROR)),
    ("7541-5.2-padding-of-8", spelled(b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"), ends(COMPRESSION_ERROR)),
    ("7541-5.2-padding-not-eos", spelled(b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"), ends(COMPRESSION_ERROR)),
    ("7541-5.2-eos", spelled(b"\x00\x85\xf2\xb2\x4a\x84\xff\x85\x1f\xff\xff\xff\xe3"), ends(COMPRESSION_ERROR)),
    ("7541-6.1-index-0", spelled(b"\x80"), ends(COMPRESSION_ERROR)),
    ("7541-6.1-indexed", spelled(b"\x90"), serves),
    *((f"7541-{kind}-{name}-{coding}", spelled(octets + value), answers if kind == "6.2.1-indexed" else serves)  # the client's table knows nothing of it
      for kind, by_index, anew in (("6.2.1-indexed", b"\x58", b"\x40"), ("6.2.2-literal", b"\x0f\x09", b"\x00"), ("6.2.3-never-indexed", b"\x1f\x09", b"\x10"))
      for name, octets in (("name-of-the-table", by_index), ("new-name", anew + b"\x04x-ab"))
      for coding, value in (("plain", b"\x08no-cache"), ("huffman", b"\x86\xa8\xeb\x10\x64\x9c\xbf"))),
    ("7541-6.3-size", spelled_first(b"\x3f\xe1\x1f"), serves),
    ("7541-6.3-size-over-the-limit", spelled_first(b"\x3f\xe1\xff\x03"), ends(COMPRESSION_ERROR)),
]


# The cases of h2spec by its sections, in its order: which of ours does the same. Some of ours stand for several.
LITERALS = "7541-6.2.{0}-name-of-the-table-plain 7541-6.2.{0}-name-of-the-table-huffman 7541-6.2.{0}-new-name-plain 7541-6.2.{0}-new-name-huffman"
H2SPEC = {
    "generic/1": "test_3_4_settings_come_first",
    "generic/2": "2-priority-idle 2-window-update-half-closed 2-priority-half-closed 2-reset-half-closed 2-priority-closed",
    "generic/3.1": "3.1-data 3.1-data-in-frames 3.1-data-padded",
    "generic/3.2": "4-get 3.2-headers-padded 3.2-headers-priority",
    "generic/3.3": "3.3-priority-least 3.3-priority-most 3.3-priority-dependent 3.3-priority-exclusive 2-priority-idle",
    "generic/3.4-3.8": "2-reset-half-closed 3.5-settings test_6_7_a_ping_comes_back_as_it_was 3.8-goaway-then-the-answer",
    "generic/3.9": "3.9-window-update 3.9-window-update-stream",
    "generic/3.10": "3.10-continuation 6.10-three-continuations",
    "generic/4": "4-get 4-head 3.1-data 4-post-trailers",
    "generic/5": "7541-6.1-indexed " + " ".join(map(LITERALS.format, ("1-indexed", "2-literal", "3-never-indexed"))) + " 7541-6.3-size 7541-4.2-two-size-updates-first",
    "http2/3.5": "test_3_4_settings_come_first test_3_4_a_preface_that_is_none",
    "http2/4.1": "4.1-unknown-frame 4.1-undefined-flags 4.1-reserved-bit",
    "http2/4.2": "4.2-frame-of-16384 4.2-data-too-large 4.2-headers-too-large",
    "http2/4.3": "4.3-invalid-block 4.3-priority-inside-a-block 4.3-other-stream-inside-a-block",
    "http2/5.1": "5.1-idle-data 5.1-idle-reset 5.1-idle-window-update 5.1-idle-continuation 5.1-half-closed-data 5.1-half-closed-headers 5.1-half-closed-continuation "
                 "5.1-reset-data 5.1-reset-headers 5.1-reset-continuation 5.1-closed-data 5.1-closed-headers 5.1-closed-continuation",
    "http2/5.1.1": "5.1.1-even 5.1.1-smaller",
    "http2/5.1.2": "5.1.2-one-too-many-with-bodies-to-come",
    "http2/5.3.1": "5.3.1-headers-on-itself 5.3.1-priority-on-itself",
    "http2/5.4.1": "6.7-ping-on-a-stream 6.7-ping-on-a-stream",
    "http2/5.5": "4.1-unknown-frame 5.5-extension-inside-a-block",
    "http2/6.1": "6.1-data-on-0 5.1-half-closed-data 6.1-padding-too-long",
    "http2/6.2": "4.3-priority-inside-a-block 4.3-other-stream-inside-a-block 6.2-headers-on-0 6.2-padding-too-long",
    "http2/6.3": "6.3-priority-on-0 6.3-priority-of-4",
    "http2/6.4": "6.4-reset-on-0 5.1-idle-reset 6.4-reset-of-3",
    "http2/6.5": "6.5-ack-with-payload 6.5-on-a-stream 6.5-of-3",
    "http2/6.5.2": "6.5.2-enable-push-2 6.5.2-window-too-large 6.5.2-frame-too-small 6.5.2-frame-too-large 6.5.2-unknown",
    "http2/6.5.3": "test_6_5_3_settings_are_acknowledged_once_each test_6_5_3_settings_are_acknowledged_once_each",
    "http2/6.7": "test_6_7_a_ping_comes_back_as_it_was test_6_7_a_ping_comes_back_as_it_was 6.7-ping-on-a-stream 6.7-ping-of-6",
    "http2/6.8": "6.8-goaway-on-a-stream",
    "http2/6.9": "6.9-increment-0-connection 6.9-increment-0-stream 6.9-of-3",
    "http2/6.9.1": "test_6_5_3_settings_are_acknowledged_once_each 6.9.1-connection-over-the-most 6.9.1-stream-over-the-most",
    "http2/6.9.2": "test_6_9_2_windows_follow_the_settings test_6_9_2_windows_follow_the_settings 6.5.2-window-too-large",
    "http2/6.10": "6.10-three-continuations 6.10-data-inside-a-block 6.10-on-0 6.10-behind-a-whole-block 6.10-behind-a-whole-continuation 6.10-behind-data",
    "http2/7": "7-goaway-of-unknown-error 7-reset-of-unknown-error",
    "http2/8.1": "8.1-second-head-without-end",
    "http2/8.1.2": "8.2.1-upper-case",
    "http2/8.1.2.1": "8.3-unknown-pseudo 8.3-status-in-a-request 8.3-pseudo-in-trailers 8.3-pseudo-behind-a-field",
    "http2/8.1.2.2": "8.2.2-connection 8.2.2-te-gzip",
    "http2/8.1.2.3": "8.3.1-empty-path 8.3.1-no-method 8.3.1-no-scheme 8.3.1-no-path 8.3.1-two-methods 8.3.1-two-schemes 8.3.1-two-paths",
    "http2/8.1.2.6": "8.1.1-length-under 8.1.1-length-of-two-frames",
    "http2/8.2": "6.6-push-promise",
    "hpack": "7541-2.3.3-index-too-large 7541-2.3.3-name-index-too-large 7541-4.2-size-update-at-the-end 7541-5.2-padding-of-8 7541-5.2-padding-not-eos 7541-5.2-eos "
             "7541-6.1-index-0 7541-6.3-size-over-the-limit",
}


@pytest.mark.parametrize("do, check", [pytest.param(do, check, id=name) for name, do, check in CASES])
def test_section(edge, do, check):
    with H2(edge.host) as client:
        client.until(lambda: client.settings, "SETTINGS")
        check(client, do(client))


def test_no_two_cases_have_one_name():
    names = [name for name, _, _ in CASES]
    assert len(set(names)) == len(names) > 150


def test_each_case_of_h2spec_is_one_of_ours():
    known = {name for name, _, _ in CASES} | {name for name in globals() if name.startswith("test_")}
    assert [(section, name) for section, names in H2SPEC.items() for name in names.split() if name not in known] == []
    assert sum(len(names.split()) for names in H2SPEC.values()) >= 146


def test_3_4_a_preface_that_is_none(edge):
    for octets in (b"INVALID CONNECTION PREFACE\r\n\r\n", PREFACE[:-2] + b"XX", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"):
        with H2(edge.host, hello=False) as client:
            client.raw(octets)
            got = b""
            while octets := client.sock.recv(65536):
                got += octets
            assert b"\0\0\4" not in got[:3]


def test_3_4_settings_come_first(edge):
    with H2(edge.host) as client:
        assert client.read_frame()[0] == h2.SETTINGS
    with H2(edge.host, hello=False) as client:
        client.raw(PREFACE)
        client.frame(h2.PING, 0, 0, bytes(8))
        client.until_closed()
        assert client.goaways[-1][1] == PROTOCOL_ERROR


def test_6_5_3_settings_are_acknowledged_once_each(edge):
    with H2(edge.host, settings=[(INITIAL_WINDOW, 100), (INITIAL_WINDOW, 1)]) as client:
        acks = 0
        while acks < 1:
            kind, flags, _, _ = client.read_frame()
            acks += kind == h2.SETTINGS and flags & h2.ACK
        client.auto_window = False
        number = client.get("/b10")
        client.until(lambda: client.streams[number].body, "an octet")
        client.round_trip()
        assert client.streams[number].body == b"x", "of two values the last counts"


def test_6_7_a_ping_comes_back_as_it_was(edge):
    with H2(edge.host) as client:
        client.frame(h2.PING, 0, 0, b"h2spec!!")
        client.until(lambda: client.pings, "the answer")
        assert client.pings == [(h2.ACK, b"h2spec!!")]
        client.frame(h2.PING, h2.ACK, 0, b"response")
        client.round_trip()
        assert [payload for _, payload in client.pings] == [b"h2spec!!", b"12345678"], "an ACK is not answered"


def test_6_9_2_windows_follow_the_settings(edge):
    with H2(edge.host, settings=[(INITIAL_WINDOW, 3)]) as client:
        client.auto_window = False
        number = client.get("/b10")
        client.until(lambda: len(client.streams[number].body) == 3, "three octets")
        client.frame(h2.SETTINGS, 0, 0, struct.pack("!HI", INITIAL_WINDOW, 2))  # the window is -1 now
        client.window(number, 2)
        client.until(lambda: len(client.streams[number].body) == 4, "one more")
        client.round_trip()
        assert len(client.streams[number].body) == 4
        client.frame(h2.SETTINGS, 0, 0, struct.pack("!HI", INITIAL_WINDOW, 100))
        assert client.until_over(number).body == b"x" * 10


def test_5_1_2_who_is_refused_may_ask_again(edge):
    with H2(edge.host) as client:
        held = [client.get("/hold") for _ in range(128)]
        refused_ones = [client.get("/again") for _ in range(5)]
        for number in refused_ones:
            assert client.until_over(number).reset == REFUSED_STREAM
        for number in held[:5]:
            client.reset(number)
        client.round_trip()
        meridian.wait_until(lambda: client.fetch("/again").status == 200, "there is room again")
        assert not client.goaways
