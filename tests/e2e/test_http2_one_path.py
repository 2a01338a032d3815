"""One list of requests over HTTP/1.1 and HTTP/2, plain and under TLS: equal decisions, statuses, fields, bodies and lines in the log."""
import json

import pytest

import meridian
from certificates import Authority, HttpsConnection, trusting
from h2_client import H2
from lone_edge import LoneEdge, Scripted, ok, slot_address


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def script(exchange):
    """Says what came, without what may differ: the order and case of names, the id."""
    while head := exchange.read_head():
        body = exchange.read_body(head)
        if b"/broken" in head:
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc")
            return
        line, *fields = head.decode().strip().split("\r\n")
        names = sorted(field.split(":")[0].lower() + ":" + field.split(":", 1)[1] for field in fields)
        text = "\n".join([line, *(name for name in names if not name.startswith("x-request-id"))])
        exchange.send(ok(b"" if line.startswith("HEAD") else text.encode() + body, b"X-Name: Value\r\nConnection: keep-alive\r\n"))


REQUESTS = [
    ("GET", "/", {}, b""),
    ("GET", "/a/../b/%61?q=1", {"User-Agent": "one"}, b""),
    ("GET", "//admin", {}, b""),
    ("GET", "/admin/x", {}, b""),
    ("GET", "/%2e%2e/admin", {}, b""),
    ("GET", "/a%00", {}, b""),
    ("GET", "/a%5cb", {}, b""),
    ("GET", "/files/a%2fb", {}, b""),
    ("HEAD", "/", {}, b""),
    ("POST", "/post", {"Content-Length": "3"}, b"abc"),
    ("POST", "/post", {"Content-Length": "0"}, b""),
    ("PUT", "/post", {"Content-Length": "60000"}, b"x" * 60000),
    ("POST", "/post", {"Content-Length": "2000000"}, None),
    ("GET", "/", {"Cookie": "a=1; b=2", "X-Forwarded-For": "192.0.2.1", "X-Api-Key": "gold-key"}, b""),
    ("GET", "/", {"Proxy": "evil", "Content_Length": "3"}, b""),
    ("GET", "/", {"Expect": "something"}, b""),
    ("OPTIONS", "*", {}, b""),
    ("TRACE", "/", {}, b""),
    ("DELETE", "/post", {}, b""),
    ("GET", "/moved/x", {}, b""),
    ("GET", "/said", {}, b""),
    ("HEAD", "/said", {}, b""),
    ("GET", "/broken", {}, b""),
    ("GET", "/.meridian/health", {}, b""),
    ("GET", "/" + "p" * 9000, {}, b""),
    ("GET", "/", {f"X-{n}": "y" for n in range(120)}, b""),
    ("GET", "/", {"X-Large": "y" * 40000}, b""),
    ("GET", "/", {"Host": "other.example:8080"}, b""),
]


# What a line of the log says of the connection alone.
OF_THE_CONNECTION = {"http/1.1": ("HTTP/1.1", None), "http/1.1 tls": ("HTTP/1.1", "TLSv1.3"), "h2": ("HTTP/2.0", None), "h2 tls": ("HTTP/2.0", "TLSv1.3")}


def by_http_1(edge, tls, method, path, fields, body):
    connection = HttpsConnection(edge.host, 8443, "lone.example", tls, timeout=60) if tls else edge.connect()
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": "lone.example", **fields}.items():
        connection.putheader(name, value)
    connection.endheaders(body or None)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def by_http_2(edge, tls, method, path, fields, body):
    if tls:
        tls.set_alpn_protocols(["h2"])
    with H2(edge.host, 8443 if tls else 8080, authority="lone.example", tls=tls) as client:
        pairs = [(name.lower(), value) for name, value in fields.items() if name != "Host"]
        stream = client.request(client.head(path, method, pairs, fields.get("Host")), end=body == b"")
        if body:
            client.data(stream, body, end=True)
        answer = client.until_over(stream)
        assert answer.head, (method, path, fields, answer.reset)
        return answer.status, {name: value for name, value in answer.head if name != ":status"}, answer.body


def ways_to(edge, authority):
    for name, ask in (("http/1.1", by_http_1), ("http/1.1 tls", by_http_1), ("h2", by_http_2), ("h2 tls", by_http_2)):
        tls = trusting(authority.ca) if name.endswith("tls") else None
        yield name, lambda *request, ask=ask, tls=tls: ask(edge, tls, *request)


def next_line(log, before):
    return json.loads(meridian.wait_until(lambda: log.exists() and log.read_text().splitlines()[before:], "its line")[0])


def without_what_differs(line, way):
    """A line, once what it says of its connection is seen to be right; times, ids and the octets of a head on the wire are its own, too."""
    line = {name: value for name, value in line.items() if not name.endswith("_us") and name not in ("time", "request_id", "octets_out")}
    protocol, tls = OF_THE_CONNECTION[way]
    assert line.pop("protocol", protocol) == protocol, (way, line)
    assert line.pop("tls", tls) == tls, (way, line)
    assert ("sni" in line) == ("cipher" in line) == (tls is not None), (way, line)
    return {name: value for name, value in line.items() if name not in ("sni", "cipher")}


def test_one_list_of_requests(slot, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("# public\ngold-key gold\n")
    log = tmp_path / "access.log"
    authority = Authority(tmp_path / "authority")
    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "https", "certificates": [authority.issue("lone.example").listed()]}]
    routes = [{"path": "/admin", "allow": ["192.0.2.0/24"], "pool": "web"}, {"path": "/moved", "redirect": {"to": "https://other.example/"}},
              {"path": "/said", "respond": {"status": 200, "body": "said"}}, {"path": "/", "pool": "web", "response_headers": {"set": {"X-Ruled": "yes"}}}]
    tiers = {"order": ["plain", "gold"], "from": [{"api_key": str(keys)}]}
    config = {"listen": listen, "access_log": str(log), "client": {"max_body": "1MiB"}, "tiers": tiers}
    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name], edge=config, routes=routes) as edge:
        for request in REQUESTS:
            told, lines = {}, {}
            for way, ask in ways_to(edge, authority):
                before = len(log.read_text().splitlines()) if log.exists() else 0
                status, fields, body = ask(*request)
                for name in ("date", "connection", "keep-alive"):
                    fields.pop(name, None)
                body = body.replace(b"via: 2.0 ", b"via: 1.1 ")  # the version that each came by (RFC 9110 7.6.3)
                told[way] = (status, fields, body.replace(b"x-forwarded-proto: https", b"x-forwarded-proto: http").replace(b"proto=https", b"proto=http"))
                if body and "content-length" in fields:
                    assert int(fields.pop("content-length")) == len(body)  # which is longer by the s of https
                lines[way] = without_what_differs(next_line(log, before), way)
            for way in told:
                assert told[way] == told["http/1.1"], (way, request[:2])
                assert lines[way] == lines["http/1.1"], (way, request[:2])
