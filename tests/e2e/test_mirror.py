"""Copies of a share of the requests, seen by the servers that get them; and that nobody feels how those are."""
import hashlib
import json
import socket
import subprocess
import threading
import time

import pytest

import h2_client
import meridian
from certificates import Authority
from h2_server import speaking_h2
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address
from meridian import eventually


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


class Kept:
    """A script that keeps heads and bodies, and answers when it is let."""

    def __init__(self, status=b"200 OK"):
        self.seen, self.go, self.status = [], threading.Event(), status
        self.go.set()

    def __call__(self, exchange):
        while head := exchange.read_head():
            body = exchange.read_body(head)
            self.seen.append((head, body))
            self.go.wait(60)
            exchange.send(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 1\r\nSet-Cookie: a=b\r\n\r\nm")


def field(head, name):
    values = [line.split(b": ", 1)[1] for line in head.split(b"\r\n") if line.lower().startswith(name.lower() + b": ")]
    return values[0] if values else None


def edge_with(tmp_path, slot, server, copies, mirror=None, route=None, **edge):
    rule = {"pool": "shadow", **(mirror or {})}
    routes = [{"path": "/", "pool": "web", "mirror": rule, **(route or {})}]
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge=edge, pools={"shadow": {"servers": [copies.name]}})


def mirrors(edge):
    return json.loads(edge.admin("/status", "GET")[1])["mirrors"][0]


def counted(edge, end):
    return edge.metric("meridian_edge_mirror_copies_total", f'end="{end}"')


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


def test_copies_have_the_same_head_and_body_and_are_marked(slot, server, tmp_path):
    kept = Kept()
    with Scripted(slot_address(slot, "2.2"), kept) as copies, \
            edge_with(tmp_path, slot, server, copies, route={"rewrite": {"strip": "/api", "add": "/v2"}}) as edge:
        status, fields, body = edge.get("/api/item?a=1", X_Own="yes")
        assert status == 200 and body == b"x" and "Set-Cookie" not in fields
        eventually(lambda: len(kept.seen) == 1, "the copy came")
        head, _ = kept.seen[0]
        assert head.startswith(b"GET /v2/item?a=1 HTTP/1.1\r\n")
        assert field(head, b"X-Meridian-Mirror") == b"1" and field(head, b"X-Own") == b"yes" and field(head, b"Host") == b"lone.example"
        assert field(head, b"X-Forwarded-For") == field(server.heads[0][1], b"X-Forwarded-For")
        assert b"X-Meridian-Mirror" not in server.heads[0][1]
        assert edge.get("/api/item", method="POST", body=b"b" * 30_000)[0] == 200
        eventually(lambda: len(kept.seen) == 2, "so did the one with a body")
        head, body = kept.seen[1]
        assert head.startswith(b"POST /v2/item HTTP/1.1\r\n") and body == b"b" * 30_000 and field(head, b"Content-Length") == b"30000"
        eventually(lambda: mirrors(edge)["answered"] == 2 and mirrors(edge)["in_flight"] == 0, "they are counted")
        assert counted(edge, "answered") == 2 and counted(edge, "failed") == 0
        # What is a copy already is not copied.
        assert edge.get("/api/item", X_Meridian_Mirror="1")[0] == 200
        assert edge.get("/api/last")[0] == 200
        eventually(lambda: mirrors(edge)["answered"] == 3, "only the last")
        assert kept.seen[2][0].startswith(b"GET /v2/last ")


def test_copies_say_who_asks_as_the_request_does(slot, server, tmp_path):
    kept = Kept()
    keys = tmp_path / "keys"
    keys.write_text(f"sha256:{hashlib.sha256(b'k1').hexdigest()} partner gold\n")
    keys.chmod(0o600)
    edge_options = {"auth": {"partners": {"api_keys": str(keys), "user_field": "X-Partner"}}, "trusted_proxies": ["192.0.2.9"],
                    "tiers": {"order": ["free", "gold"], "from": [{"header": "X-Customer-Tier"}]}}
    with Scripted(slot_address(slot, "2.2"), kept) as copies, \
            edge_with(tmp_path, slot, server, copies, route={"auth": "partners"}, **edge_options) as edge:
        assert edge.get("/", X_Api_Key="k1", X_Partner="evil")[0] == 200
        eventually(lambda: len(kept.seen) == 1, "the copy came")
        for head in (server.heads[0][1], kept.seen[0][0]):
            assert field(head, b"X-Partner") == b"partner" and field(head, b"X-Customer-Tier") == b"gold"


def test_a_copy_names_the_certificate_of_who_asks_and_takes_trailers(slot, server, tmp_path):
    kept, authority = Kept(), Authority(tmp_path / "authority")
    site, alice = authority.issue("www.shop.example"), authority.issue(subject="/CN=alice")
    listen = [{"address": "{edge}:8443", "protocol": "https", "certificates": [site.listed(client_certificates={"ca": str(authority.ca)})]}]
    with Scripted(slot_address(slot, "2.2"), kept) as copies, edge_with(tmp_path, slot, server, copies, listen=listen) as edge:
        run = subprocess.run(["curl", "-sS", "--max-time", "60", "--http1.1", "--cacert", authority.ca, "--cert", alice.certificate, "--key", alice.key,
                              "-H", "TE: trailers", "-H", "X-Client-Cert-Subject: CN=forged", "--resolve", f"www.shop.example:8443:{edge.host}",
                              "https://www.shop.example:8443/"], capture_output=True, check=False)
        assert run.stdout == b"x", run.stderr
        eventually(lambda: len(kept.seen) == 1, "the copy came")
        for head in (server.heads[0][1], kept.seen[0][0]):
            assert field(head, b"X-Client-Cert-Subject") == b"CN=alice" and field(head, b"TE") == b"trailers" and b"forged" not in head


def test_a_chunked_body_and_one_of_http2_are_copied(slot, server, tmp_path):
    kept = Kept()
    with Scripted(slot_address(slot, "2.2"), kept) as copies, edge_with(tmp_path, slot, server, copies) as edge:
        server.script = lambda exchange: exchange.send(b"") if not exchange.read_head() else (
            exchange.read(len(b"3\r\nabc\r\n0\r\n\r\n")), exchange.send(ok(more=b"Connection: close\r\n")))
        with edge.raw() as sock:
            sock.sendall(b"POST /c HTTP/1.1\r\nHost: lone.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        eventually(lambda: len(kept.seen) == 1, "the copy came")
        assert kept.seen[0][1] == b"abc" and field(kept.seen[0][0], b"Transfer-Encoding") is None
        server.script = answering()
        with h2_client.H2(edge.host, 8080) as client:
            stream = client.post("/h2", b"over http/2")
            client.until_over(stream)
            assert client.streams[stream].status == 200
        eventually(lambda: len(kept.seen) == 2, "so did that of HTTP/2")
        assert kept.seen[1][0].startswith(b"POST /h2 ") and kept.seen[1][1] == b"over http/2"


def test_how_slow_or_wrong_the_mirror_is_touches_nobody(slot, server, tmp_path):
    log = tmp_path / "access.log"
    kept = Kept(status=b"500 Broken")
    kept.go.clear()
    with Scripted(slot_address(slot, "2.2"), kept) as copies, \
            edge_with(tmp_path, slot, server, copies, {"max_in_flight": 3}, access_log=str(log)) as edge:
        began = time.monotonic()
        assert [edge.get("/")[0] for _ in range(10)] == [200] * 10
        assert time.monotonic() - began < 30, "nobody has waited for the mirror, which answers none"
        eventually(lambda: counted(edge, "too_many") == 7, "three are out, the others were left out")
        assert mirrors(edge)["in_flight"] == 3
        kept.go.set()
        eventually(lambda: counted(edge, "failed") == 3, "a 500 is a failure, and no retry is made")
        assert len(kept.seen) == 3
        meridian.eventually(lambda: edge.metric("meridian_edge_requests_total") == 10, "and here")
        eventually(lambda: len(log.read_text().splitlines()) == 10, "and the log is about requests")
        copies.__exit__()
        assert [edge.get("/")[0] for _ in range(3)] == [200] * 3, "nor is anybody touched when it is gone"
        eventually(lambda: counted(edge, "failed") == 6, "they are counted")


def test_what_is_too_large_is_not_copied(slot, server, tmp_path):
    kept = Kept()
    with Scripted(slot_address(slot, "2.2"), kept) as copies, \
            edge_with(tmp_path, slot, server, copies, {"max_body": "10KiB"}) as edge:
        assert edge.get("/", method="POST", body=b"x" * 10_241)[0] == 200
        assert edge.get("/", method="POST", body=b"x" * 10_240)[0] == 200
        eventually(lambda: counted(edge, "answered") == 1 and counted(edge, "too_large") == 1, "the one that fits")
        # A client that leaves inside its body.
        with edge.raw() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: lone.example\r\nContent-Length: 100\r\n\r\nabc")
            eventually(lambda: mirrors(edge)["in_flight"] == 1, "its copy is being made")
        eventually(lambda: counted(edge, "broken") == 1, "and is given up")
        eventually(lambda: mirrors(edge)["in_flight"] == 0, "nothing is held")


def test_a_share_is_copied(slot, server, tmp_path):
    kept = Kept()
    with Scripted(slot_address(slot, "2.2"), kept) as copies, \
            edge_with(tmp_path, slot, server, copies, {"share": "25%"}) as edge:
        connection = edge.connect()
        for _ in range(400):
            connection.request("GET", "/", headers={"Host": "lone.example"})
            connection.getresponse().read()
        connection.close()
        eventually(lambda: mirrors(edge)["in_flight"] == 0 and mirrors(edge)["answered"] > 0, "all are over")
        assert 50 <= mirrors(edge)["sent"] <= 160, mirrors(edge)
        explained = edge.admin("/explain?host=lone.example&path=/&client=192.0.2.1", "GET")[1]
        assert "mirror: pool shadow gets a copy of 25 % of the requests" in explained, explained


@pytest.mark.parametrize("protocol", ["http1", "h2"])
def test_a_body_is_never_another_request_to_the_mirror_however_many_fields_there_are(slot, server, tmp_path, protocol):
    kept = Kept()
    seen = []

    def answer(peer, request):
        seen.append(request.path)
        peer.respond(request.stream, 200, b"m")
    script = kept if protocol == "http1" else speaking_h2(answer)
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: lone.example\r\n\r\n"
    with Scripted(slot_address(slot, "2.2"), script) as copies, \
            LoneEdge(tmp_path, slot, [server.name], routes=[{"path": "/", "pool": "web", "mirror": {"pool": "shadow"}}],
                     pools={"shadow": {"servers": [copies.name], **({"protocol": "h2"} if protocol == "h2" else {})}}) as edge:
        for fields in (99, 100):
            with edge.raw() as sock:
                lines = b"".join(b"X-%d: y\r\n" % n for n in range(fields - 2))
                sock.sendall(b"POST /%d HTTP/1.1\r\nHost: lone.example\r\n%sContent-Length: %d\r\n\r\n" % (fields, lines, len(smuggled)) + smuggled)
                assert sock.recv(100).startswith(b"HTTP/1.1 200")
        eventually(lambda: counted(edge, "answered") == 2, "both have room for what is added")
        assert edge.get("/last")[0] == 200, "the worker goes on"
        eventually(lambda: counted(edge, "answered") == 3, "so has the next")
        assert counted(edge, "too_large") == 0
        if protocol == "h2":
            assert sorted(seen) == ["/100", "/99", "/last"]
        else:
            copies = {head.split(b" ")[1]: body for head, body in kept.seen}
            assert copies == {b"/99": smuggled, b"/100": smuggled, b"/last": b""}
