"""One list of requests over HTTP/1.1 and HTTP/2: equal decisions, statuses, bodies and lines in the log but for the protocol."""
import json

import pytest

import meridian
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


def by_http_1(edge, method, path, fields, body):
    connection = edge.connect()
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": "lone.example", **fields}.items():
        connection.putheader(name, value)
    connection.endheaders(body or None)
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def by_http_2(edge, method, path, fields, body):
    with H2(edge.host, authority=fields.get("Host", "lone.example")) as client:
        pairs = [(name.lower(), value) for name, value in fields.items() if name != "Host"]
        stream = client.request(client.head(path, method, pairs), end=body == b"")
        if body:
            client.data(stream, body, end=True)
        answer = client.until_over(stream)
        assert answer.head, (method, path, fields, answer.reset)
        return answer.status, {name: value for name, value in answer.head if name != ":status"}, answer.body


def test_one_list_of_requests(slot, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("# public\ngold-key gold\n")
    log = tmp_path / "access.log"
    routes = [{"path": "/admin", "allow": ["192.0.2.0/24"], "pool": "web"}, {"path": "/moved", "redirect": {"to": "https://other.example/"}},
              {"path": "/said", "respond": {"status": 200, "body": "said"}}, {"path": "/", "pool": "web", "response_headers": {"set": {"X-Ruled": "yes"}}}]
    tiers = {"order": ["plain", "gold"], "from": [{"api_key": str(keys)}]}
    config = {"access_log": str(log), "client": {"max_body": "1MiB"}, "tiers": tiers}
    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name], edge=config, routes=routes) as edge:
        lines = []
        for request in REQUESTS:
            told = []
            for ask in (by_http_1, by_http_2):
                before = len(log.read_text().splitlines()) if log.exists() else 0
                status, fields, body = ask(edge, *request)
                for name in ("date", "connection", "keep-alive"):
                    fields.pop(name, None)
                told.append((status, fields, body))
                lines.append(json.loads(meridian.wait_until(lambda: log.exists() and log.read_text().splitlines()[before:], "its line")[0]))
            assert told[0] == told[1], request[:2]
        for old, new in zip(lines[::2], lines[1::2]):
            for line in (old, new):
                for name in [name for name in line if name.endswith("_us") or name in ("time", "request_id", "octets_out")]:
                    del line[name]
            assert (old.pop("protocol", None), new.pop("protocol", None)) in (("HTTP/1.1", "HTTP/2.0"), (None, None))
            assert old == new
