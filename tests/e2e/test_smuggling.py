"""What ambiguous framing, and other ways to write a path, reach behind an edge with every rule switched on: nothing. Each case goes in one
piece, octet by octet, and split where it hurts; the server keeps every octet that comes to it."""
import hashlib
import itertools
import socket

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, read_to_end, slot_address

KEY = b"X-Api-Key: right\r\n"
HOST = b"Host: lone.example\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\n" + HOST + KEY + b"\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"


class Recorder:
    """Keeps what comes, connection by connection, and reads it as strictly as can be: whatever it cannot read ends it."""

    def __init__(self):
        self.octets, self.requests, self.odd = {}, [], []

    def take(self, exchange, size=None):
        chunk = exchange.sock.recv(65536)
        exchange.buffer += chunk
        self.octets[exchange.number] = self.octets.get(exchange.number, b"") + chunk
        return bool(chunk)

    def until(self, exchange, mark):
        while mark not in exchange.buffer:
            if not self.take(exchange):
                return None
        piece, _, exchange.buffer = exchange.buffer.partition(mark)
        return piece

    def exactly(self, exchange, size):
        while len(exchange.buffer) < size:
            if not self.take(exchange):
                return None
        piece, exchange.buffer = exchange.buffer[:size], exchange.buffer[size:]
        return piece

    def chunked(self, exchange):
        body = b""
        while (line := self.until(exchange, b"\r\n")) is not None:
            if not line or any(c not in b"0123456789abcdefABCDEF" for c in line):
                self.odd.append(("chunk size", line))
                return None
            size = int(line, 16)
            if size == 0:
                return body if self.until(exchange, b"\r\n") is not None else None
            data = self.exactly(exchange, size + 2)
            if data is None or data[-2:] != b"\r\n":
                return None
            body += data[:-2]
        return None

    def __call__(self, exchange):
        while (head := self.until(exchange, b"\r\n\r\n")) is not None:
            first, *lines = head.split(b"\r\n")
            fields = [tuple(part.strip() for part in line.split(b":", 1)) for line in lines]
            names = [name.lower() for name, *_ in fields]
            values = {name.lower(): value for name, value in fields}
            if names.count(b"host") != 1 or names.count(b"content-length") + names.count(b"transfer-encoding") > 1:
                self.odd.append(("framing", head))
            if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
                self.odd.append(("control", head))
            body = b""
            if b"transfer-encoding" in values:
                body = self.chunked(exchange)
            elif b"content-length" in values:
                body = self.exactly(exchange, int(values[b"content-length"]))
            self.requests.append((first, fields, body))
            if body is None:
                return
            exchange.send(ANSWER)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """An edge with every rewriting rule, auth and access lists."""
    folder = tmp_path_factory.mktemp("guarded")
    slot = meridian.Lease()
    (folder / "keys.txt").write_text(f"sha256:{hashlib.sha256(b'right').hexdigest()} partner\n")
    recorder = Recorder()
    rules = {"pool": "web", "auth": "partners", "access": "net", "query": {"remove": ["debug"]},
             "request_headers": {"set": {"X-Set": "edge"}, "add": {"X-Add": "edge"}, "remove": ["X-Remove"]}}
    routes = [
        {"name": "admin", "path": "/admin", "pool": "web", "access": "nobody"},
        {"name": "exact", "path": "=/secret", "pool": "web", "access": "nobody"},
        {"name": "strip", "path": "/pub/", "rewrite": {"strip": "/pub", "add": "/r"}, **rules},
        {"name": "template", "path": "/app/", "rewrite": {"from": "/app/{id}/{rest*}", "to": "/r/{id}/{rest}"}, **rules},
        {"name": "all", "path": "/", "cors": {"origins": ["https://page.example"]}, **rules},
    ]
    edge_part = {"auth": {"partners": {"api_keys": str(folder / "keys.txt"), "user_field": "X-Auth-User"}},
                 "access": {"net": {"allow": ["127.0.0.0/8"]}, "nobody": {"allow": ["192.0.2.0/24"]}, "seen": {"deny": ["192.0.2.0/24"], "everywhere": True}},
                 "limits": {"all": {"rate": "10000/s", "burst": 10000, "everywhere": True}}, "trace": {}, "security_headers": "strict"}
    with Scripted(slot_address(slot, "2.1"), recorder) as server:
        with LoneEdge(folder, slot, [server.name], edge=edge_part, routes=routes) as edge:
            edge.recorder = recorder
            yield edge
    slot.release()


def pieces_of(data):
    """The whole; each octet alone; in two, at places where parsers change their state."""
    yield [data]
    yield [bytes([octet]) for octet in data]
    edges = [at for at in range(1, len(data)) if data[at - 1] in b"\r\n: ;" or data[at] in b"\r\n: ;"]
    for at in edges[:: max(1, len(edges) // 6)]:
        yield [data[:at], data[at:]]


def send(edge, pieces, timeout=60):
    with edge.raw(timeout) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before all was said
        return read_to_end(sock)


def statuses(received):
    return [int(part[9:12]) for part in received.split(b"HTTP/1.")[1:] for part in [b"HTTP/1." + part] if part[9:12].isdigit()]


def post(*fields, body=b"hello", version=b"1.1", path=b"/x"):
    return b"POST " + path + b" HTTP/" + version + b"\r\n" + HOST + KEY + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def get(*fields, target=b"/x", version=b"HTTP/1.1", method=b"GET", host=HOST):
    return method + b" " + target + b" " + version + b"\r\n" + host + KEY + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def chunks(body):
    return post(b"Transfer-Encoding: chunked", body=body)


# What is refused by its head: not one octet reaches the server.
HEADS = {
    "length-and-chunked": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked-and-length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    "two-lengths": post(b"Content-Length: 5", b"Content-Length: 5"),
    "two-other-lengths": post(b"Content-Length: 5", b"Content-Length: 6"),
    **{f"length-{value.decode() or 'empty'}": post(b"Content-Length: " + value)
       for value in (b"5, 5", b"+5", b"-5", b"0x5", b"5 5", b"5_0", b"05", b"99999999999999999999", b"", b"5;", b"five", b"5.0")},
    **{f"coding-{value.decode()}": post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n")
       for value in (b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"xchunked", b"chunked;q=1", b"identity", b"chunked,", b"\"chunked\"", b"chun ked")},
    "two-codings": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding-and-identity": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "coding-in-1.0": post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"),
    "twin-of-a-length": post(b"Content_Length: 5"),
    "twin-of-a-coding": post(b"Transfer_Encoding: chunked", body=b"0\r\n\r\n"),
    "space-before-colon": post(b"Content-Length : 5"),
    "space-before-colon-of-coding": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "folded-coding": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "folded-field": get(b"X-A: b\r\n c"),
    "bare-cr-in-value": get(b"X-A: b\rc"),
    "bare-cr-before-field": get(b"X-A: b\rContent-Length: 5"),
    "bare-lf-ends-field": get(b"X-A: b\nContent-Length: 5"),
    "bare-lf-ends-head": b"GET /x HTTP/1.1\n" + HOST.replace(b"\r", b"") + b"\n",
    "nul-in-value": get(b"X-A: b\0c"),
    "control-in-value": get(b"X-A: b\x01c"),
    "no-colon": get(b"X-A"),
    "empty-name": get(b": b"),
    "space-in-name": get(b"X A: b"),
    "leading-space": b"GET /x HTTP/1.1\r\n " + HOST + b"\r\n",
    "control-in-name": get(b"X\x0bA: b"),
    "method-no-token": get(method=b"GE(T"),
    "space-in-target": get(target=b"/x y"),
    "fragment": get(target=b"/x#y"),
    "octet-over-7f": get(target=b"/x\xff"),
    "control-in-target": get(target=b"/x\x7f"),
    "version-2.0": get(version=b"HTTP/2.0"),
    "version-0.9": b"GET /x\r\n\r\n",
    "version-lower": get(version=b"http/1.1"),
    "version-1.10": get(version=b"HTTP/1.10"),
    "no-host": get(host=b""),
    "two-hosts": get(b"Host: other.example"),
    "host-with-user": get(host=b"Host: a@lone.example\r\n"),
    "host-with-path": get(host=b"Host: lone.example/x\r\n"),
    "host-list": get(host=b"Host: lone.example, other.example\r\n"),
    "absolute-form-and-other-host": get(target=b"http://other.example/x"),
    "connection-hides-host": get(b"Content-Length: 5", b"Content-Length: 5", b"Connection: Content-Length"),
}

# What shows only in the body: the head may have gone on, and no second request may.
BODIES = {
    **{f"size-{value.decode()}": chunks(value + b"\r\nhello\r\n0\r\n\r\n")
       for value in (b"0x5", b"+5", b"-5", b"5 ", b" 5", b"5_", b"", b"g", b"00000000000000005", b"5;" + b"e" * 300, b"5\x00")},
    "bare-lf-behind-size": chunks(b"5\nhello\r\n0\r\n\r\n"),
    "bare-cr-behind-size": chunks(b"5\rhello\r\n0\r\n\r\n"),
    "lf-in-extension": chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "data-too-long": chunks(b"5\r\nhelloX\r\n0\r\n\r\n"),
    "data-too-short": chunks(b"6\r\nhello\r\n0\r\n\r\n"),
    "bare-lf-behind-data": chunks(b"5\r\nhello\n0\r\n\r\n"),
    "bare-lf-behind-last": chunks(b"5\r\nhello\r\n0\n\r\n"),
    "trailer-no-colon": chunks(b"5\r\nhello\r\n0\r\nX\r\n\r\n"),
    "trailer-folded": chunks(b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n"),
}


def nothing_is_odd(recorder):
    assert not recorder.odd, recorder.odd
    assert not any(b"/smuggled" in first for first, _, _ in recorder.requests), recorder.requests[-3:]


@pytest.mark.parametrize("case", HEADS)
def test_an_ambiguous_head_is_refused_and_not_one_octet_goes_on(guarded, case):
    for pieces in pieces_of(HEADS[case] + NEXT):
        before = dict(guarded.recorder.octets)
        got = statuses(send(guarded, pieces))
        assert len(got) == 1 and got[0] in (400, 501, 505), (case, pieces[:3], got)
        assert guarded.recorder.octets == before, (case, pieces[:3])


@pytest.mark.parametrize("case", BODIES)
def test_ambiguous_chunks_end_the_connection_and_nothing_follows(guarded, case):
    for pieces in pieces_of(BODIES[case] + NEXT):
        got = statuses(send(guarded, pieces))
        assert len(got) <= 1 and not set(got) & {200}, (case, pieces[:3], got)
        nothing_is_odd(guarded.recorder)


def test_the_largest_size_that_can_be_written_swallows_what_follows(guarded):
    """All that comes is the chunk's data, up to the limit of bodies: never a request."""
    with guarded.raw(60) as sock:
        sock.sendall(chunks(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n") + NEXT)
        sock.shutdown(socket.SHUT_WR)
        assert 200 not in statuses(read_to_end(sock))
    nothing_is_odd(guarded.recorder)


# What is good, and what the server reads of it: method, path, body.
GOOD = {
    "length": (post(b"Content-Length: 5"), (b"POST", b"/x", b"hello")),
    "chunks": (chunks(b"5\r\nhello\r\n0\r\n\r\n"), (b"POST", b"/x", b"hello")),
    "chunks-with-extension": (chunks(b"5;a=b\r\nhello\r\n0;c\r\n\r\n"), (b"POST", b"/x", b"hello")),
    "many-chunks": (chunks(b"1\r\nh\r\n01\r\ne\r\n3\r\nllo\r\n000\r\n\r\n"), (b"POST", b"/x", b"hello")),
    "trailers": (chunks(b"5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: evil.example\r\nX-Auth-User: root\r\n\r\n"), (b"POST", b"/x", b"hello")),
    "body-like-a-request": (post(b"Content-Length: %d" % len(NEXT), body=NEXT), (b"POST", b"/x", NEXT)),
    "underscore-twin": (get(b"X_Auth_User: root"), (b"GET", b"/x", b"")),
    "forged-identity": (get(b"X-Auth-User: root", b"x-AUTH-user: root"), (b"GET", b"/x", b"")),
    "hop-by-hop": (get(b"Connection: keep-alive, X-Hop", b"X-Hop: 1", b"Keep-Alive: 5", b"Proxy-Connection: keep-alive", b"TE: gzip", b"Proxy: evil"),
                   (b"GET", b"/x", b"")),
    "connection-names-the-host": (get(b"Connection: Host, X-Api-Key"), (b"GET", b"/x", b"")),
    "absolute-form": (get(target=b"http://lone.example/x"), (b"GET", b"/x", b"")),
    "host-with-empty-port": (get(host=b"Host: lone.example:\r\n"), (b"GET", b"/x", b"")),
    "version-1.2": (get(version=b"HTTP/1.2"), (b"GET", b"/x", b"")),
    "strip": (get(target=b"/pub/x/y"), (b"GET", b"/r/x/y", b"")),
    "template": (get(target=b"/app/7/x/y"), (b"GET", b"/r/7/x/y", b"")),
    "slash-that-is-no-separator": (get(target=b"/files/a%2fb"), (b"GET", b"/files/a%2fb", b"")),
    "query-rules": (get(target=b"/x?debug=1&a=%2e%2e/&b"), (b"GET", b"/x?a=%2e%2e/&b", b"")),
    "removed-field": (get(b"X-Remove: 1", b"X-Set: client"), (b"GET", b"/x", b"")),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_good_arrives_as_it_was_meant(guarded, case):
    data, (method, path, body) = GOOD[case]
    last = b"GET /last HTTP/1.1\r\n" + HOST + KEY + b"Connection: close\r\n\r\n"
    for pieces in pieces_of(data + last):
        seen = len(guarded.recorder.requests)
        assert statuses(send(guarded, pieces)) == [200, 200], (case, pieces[:3])
        # What broke off in a test before may be noted only now: it has no body.
        (first, fields, got), (second, *_) = [request for request in guarded.recorder.requests[seen:] if request[2] is not None]
        assert first == method + b" " + path + b" HTTP/1.1" and got == body, (case, first, got)
        assert second == b"GET /last HTTP/1.1"
        names = [name.lower() for name, _ in fields]
        values = dict((name.lower(), value) for name, value in fields)
        assert values[b"host"].rstrip(b":") == b"lone.example"
        assert values[b"x-auth-user"] == b"partner" and names.count(b"x-auth-user") == 1, fields
        assert values[b"x-set"] == b"edge" and b"x-remove" not in names
        assert not {b"x-hop", b"keep-alive", b"proxy-connection", b"proxy", b"transfer_encoding", b"content_length", b"x_auth_user"} & set(names), fields
        nothing_is_odd(guarded.recorder)


def spellings():
    """Ways to write /admin/x and /secret that some parser or other takes for it."""
    names = ["admin", "%61dmin", "a%64min", "admi%6e", "%41dmin".lower(), "%61%64%6d%69%6e", "%2561dmin", "%25%36%31dmin", "admin%2f", "admin%5c", "admin%00",
             "admin;v=1", "admin;a;b", "admin.%2f", "admin%c0%af", "adm\\in"]
    fronts = ["/", "//", "///", "/./", "/%2e/", "/x/../", "/x/%2e%2e/", "/x/%2e./", "/pub/../", "/pub/..%2f", "/app/1/../../", "/app/1/%2e%2e/%2e%2e/", "/x//../",
              "/x/..;/", "/%2f", "/%5c", "/..%5c", "/.%2e/", "/pub/..;v/", "/pub/%252e%252e/"]
    for front, name in itertools.product(fronts, names):
        yield f"{front}{name}/x"
        yield f"{front}{name}"
    for front in fronts:
        for name in ("secret", "%73ecret", "secret;v=1", "secret/", "secret%2f", "sec%72et?x"):
            yield front + name


def plainly(path):
    """Decoded until nothing changes, without parameters and dot segments: the boldest reading."""
    path = path.split("?")[0]
    for _ in range(4):
        decoded = bytes(path, "latin-1")
        out, at = b"", 0
        while at < len(decoded):
            if decoded[at:at + 1] == b"%" and at + 2 < len(decoded) + 0 and all(c in b"0123456789abcdefABCDEF" for c in decoded[at + 1:at + 3]) and len(decoded[at + 1:at + 3]) == 2:
                out, at = out + bytes([int(decoded[at + 1:at + 3], 16)]), at + 3
            else:
                out, at = out + decoded[at:at + 1], at + 1
        path = out.decode("latin-1")
    kept = []
    for segment in path.replace("\\", "/").split("/"):
        segment = segment.split(";")[0].split("\0")[0]
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and segment in ("", ".", "..") else "")


def test_no_way_to_write_a_path_reaches_past_a_list(guarded):
    """Whatever a server could take for what is guarded has not come to it."""
    before = len(guarded.recorder.requests)
    asked = sorted(set(spellings()))
    for batch in range(0, len(asked), 20):
        for path in asked[batch:batch + 20]:
            for target in (path, "http://lone.example" + path):
                got = statuses(send(guarded, [get(b"Connection: close", target=target.encode())]))
                assert len(got) == 1 and got[0] in (200, 400, 403), (target, got)
    for first, _, _ in guarded.recorder.requests[before:]:
        path = plainly(first.split(b" ")[1].decode("latin-1"))
        assert path.split("/")[1] != "admin" and path != "/secret", first  # `=/secret` leaves /secret/ to others
    nothing_is_odd(guarded.recorder)
