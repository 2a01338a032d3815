"""The PROXY protocol, from a proxy in front of the edge and to servers behind it; with senders of the test's own, curl and haproxy."""
import json
import os
import socket
import struct
import subprocess
import time

import pytest

import meridian
from certificates import Authority
from lone_edge import LoneEdge, Scripted, answering, closed_after, read_to_end, slot_address

HAPROXY = "/usr/sbin/haproxy"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: lone.example\r\n\r\n"


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


def proxied(slot, **more):
    """An edge's section `edge` that takes headers from 127.N.3.0/24."""
    return {"listen": [{"address": "{edge}:8080", "proxy_protocol": {"from": [slot_address(slot, "3.0/24")], **more}}]}


def connect(edge, rest="3.1"):
    return socket.create_connection((edge.host, 8080), timeout=30, source_address=(slot_address(edge.slot, rest), 0))


def vector(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def v2(source="203.0.113.7", vectors=b"", command=0x21):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    there = "2001:db8::2" if ":" in source else "198.51.100.2"
    rest = socket.inet_pton(family, source) + socket.inet_pton(family, there) + struct.pack("!HH", 1234, 443) + vectors
    return SIGNATURE + bytes([command, 0x21 if ":" in source else 0x11]) + struct.pack("!H", len(rest)) + rest


def field(head, name):
    for line in head.split(b"\r\n"):
        if line.lower().startswith(name.lower() + b":"):
            return line.partition(b":")[2].strip().decode()
    return None


def answered(sock):
    got = b""
    while b"\r\n\r\nx" not in got:
        piece = sock.recv(65536)
        assert piece, got
        got += piece
    assert got.startswith(b"HTTP/1.1 200 "), got
    return got


def told(edge, results):
    return {name: edge.metric("meridian_edge_proxy_headers_total", f'"{name}"') for name in results}


@pytest.mark.parametrize("header,client", [
    (b"PROXY TCP4 203.0.113.7 198.51.100.2 1234 443\r\n", "203.0.113.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::2 1234 443\r\n", "2001:db8::7"),
    (v2(), "203.0.113.7"), (v2("2001:db8::7"), "2001:db8::7"), (v2("::ffff:203.0.113.7"), "203.0.113.7")],
    ids=["v1-four", "v1-six", "v2-four", "v2-six", "v2-mapped"])
def test_the_address_that_is_told_counts_for_lists_server_and_log(slot, server, tmp_path, header, client):
    log = tmp_path / "access.log"
    routes = [{"path": "/", "pool": "web", "allow": ["203.0.113.0/24", "2001:db8::/32"]}]
    with LoneEdge(tmp_path, slot, [server.name], edge={**proxied(slot), "access_log": str(log)}, routes=routes) as edge:
        with connect(edge) as sock:
            sock.sendall(header + REQUEST)
            answered(sock)
            sock.sendall(REQUEST)
            answered(sock)
        assert [field(head, b"X-Forwarded-For") for _, head in server.heads] == [client, client]
        meridian.wait_until(lambda: log.read_text().count("\n") == 2, "both are in the log")
        assert [json.loads(line)["client"] for line in log.read_text().splitlines()] == [client, client]
        with connect(edge, "4.1") as sock:
            sock.sendall(REQUEST)
            assert sock.recv(65536).startswith(b"HTTP/1.1 403 "), "the allow list knows only whom a header told of"
        assert told(edge, ["client", "bad"]) == {"client": 1, "bad": 0}


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 1 2 3\r\n", SIGNATURE + b"\x20\0\0\0", v2(command=0x20)],
                         ids=["unknown", "unknown-with-more", "local", "local-with-addresses"])
def test_local_and_unknown_keep_the_address_of_the_socket(slot, server, tmp_path, header):
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge, connect(edge) as sock:
        sock.sendall(header + REQUEST)
        answered(sock)
        assert field(server.heads[0][1], b"X-Forwarded-For") == slot_address(slot, "3.1")
        assert told(edge, ["client", "local"]) == {"client": 0, "local": 1}


def test_a_header_comes_in_any_pieces_and_what_follows_is_the_protocols(slot, server, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge:
        headers = [b"PROXY TCP4 203.0.113.7 198.51.100.2 1234 443\r\n", v2(vectors=vector(2, b"shop"))]
        for header in headers:
            whole = header + REQUEST
            for at in [*range(1, len(header) + 2, 3), len(header)]:
                with connect(edge) as sock:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sock.sendall(whole[:at])
                    time.sleep(0.002)  # not waited for: it only makes it likely that the pieces come apart
                    sock.sendall(whole[at:])
                    answered(sock)
        assert {field(head, b"X-Forwarded-For") for _, head in server.heads} == {"203.0.113.7"}
        assert told(edge, ["bad", "late"]) == {"bad": 0, "late": 0}


BAD = {
    "none": REQUEST, "port": b"PROXY TCP4 203.0.113.7 198.51.100.2 1234 99999\r\n" + REQUEST, "long": b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n" + REQUEST,
    "command": v2(command=0x22) + REQUEST, "vectors": v2(vectors=b"\1\0\7h") + REQUEST, "checksum": v2(vectors=vector(3, b"1234")) + REQUEST,
    "huge": SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 100, "cut": v2()[:20],
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_header_is_closed_and_counted_and_never_passed_on(slot, server, tmp_path, name):
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge:
        with connect(edge) as sock:
            sock.sendall(BAD[name])
            if name == "cut":
                sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == b""
        meridian.wait_until(lambda: told(edge, ["bad"]) == {"bad": 1}, "it is counted")
        assert not server.heads
        meridian.wait_until(lambda: edge.metric("meridian_edge_connections") == 0, "it is gone")


def test_the_deadline_is_absolute(slot, server, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot, timeout="1s")) as edge:
        with connect(edge) as silent, connect(edge) as slow:
            began = time.monotonic()
            for octet in b"PROXY TC":
                slow.sendall(bytes([octet]))
                time.sleep(0.1)
            assert 0.7 < closed_after(slow, began) < 3
            assert 0.7 < closed_after(silent, began) < 3
        meridian.wait_until(lambda: told(edge, ["late"]) == {"late": 2}, "both are counted")


def test_from_elsewhere_clients_are_plain_or_refused(slot, server, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge:
        with connect(edge, "4.1") as sock:
            sock.sendall(REQUEST)
            answered(sock)
        with connect(edge, "4.1") as sock:
            sock.sendall(v2() + REQUEST)
            assert sock.recv(65536).startswith(b"HTTP/1.1 400 "), "a header is no request"
        assert [field(head, b"X-Forwarded-For") for _, head in server.heads] == [slot_address(slot, "4.1")]
    (tmp_path / "other").mkdir()
    with LoneEdge(tmp_path / "other", slot, [server.name], edge=proxied(slot, others="refuse")) as edge:
        with connect(edge, "4.1") as sock:
            assert read_to_end(sock) == b""
        assert told(edge, ["unlisted"]) == {"unlisted": 1}
        with connect(edge) as sock:
            sock.sendall(v2() + REQUEST)
            answered(sock)


def test_unique_id_is_the_request_id_and_tls_the_scheme(slot, server, tmp_path):
    vectors = vector(5, b"7F000001:C350_id") + vector(0x20, b"\1\0\0\0\0" + vector(0x21, b"TLSv1.3"))
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge:
        with connect(edge) as sock:
            sock.sendall(v2(vectors=vectors) + REQUEST)
            answered(sock)
            sock.sendall(REQUEST)
            answered(sock)
        with connect(edge) as sock:
            sock.sendall(v2(vectors=vector(5, b"no\nid")) + REQUEST)
            answered(sock)
        first, second, third = [head for _, head in server.heads]
        assert field(first, b"X-Request-Id") == "7F000001:C350_id"
        assert field(second, b"X-Request-Id").startswith("7F000001:C350_id-"), "no two requests have the same"
        assert len(field(third, b"X-Request-Id")) == 32
        assert [field(head, b"X-Forwarded-Proto") for head in (first, second, third)] == ["https", "https", "http"]


def test_clients_are_limited_by_the_address_that_is_told_and_the_proxy_is_not(slot, server, tmp_path):
    client = {"max_per_client": 2}
    with LoneEdge(tmp_path, slot, [server.name], edge={**proxied(slot), "client": client}) as edge:
        socks = []
        for number in range(6):
            socks.append(connect(edge))
            socks[-1].sendall(v2(f"203.0.113.{number % 3}") + REQUEST)
            answered(socks[-1])
        third = connect(edge)
        third.sendall(v2("203.0.113.1") + REQUEST)
        answered(third)
        assert read_to_end(socks[1]) == b"", "its client's longest idle one went"
        for sock in (socks[0], socks[2], socks[3], socks[4], socks[5]):
            sock.sendall(REQUEST)
            answered(sock)


def test_curl_introduces_itself(slot, server, tmp_path):
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge:
        run = subprocess.run(["curl", "-s", "--max-time", "30", "--haproxy-protocol", "--interface", slot_address(slot, "3.9"), f"http://{edge.host}:8080/"],
                             capture_output=True, check=True)
        assert run.stdout == b"x"
        assert field(server.heads[0][1], b"X-Forwarded-For") == slot_address(slot, "3.9")
        assert told(edge, ["client"]) == {"client": 1}


@pytest.mark.skipif(not os.path.exists(HAPROXY), reason="no haproxy")
@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2 proxy-v2-options unique-id,crc32c"], ids=["v1", "v2"])
def test_haproxy_in_front(slot, server, tmp_path, option):
    front = slot_address(slot, "3.1")
    unique = "  unique-id-format H-%rt-%pid\n" if "v2" in option else ""
    (tmp_path / "haproxy.cfg").write_text(
        f"defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n"
        f"frontend f\n  bind {front}:8081\n{unique}  default_backend b\n"
        f"backend b\n  server s {slot_address(slot, '1.1')}:8080 source {front} {option}\n")
    with LoneEdge(tmp_path, slot, [server.name], edge=proxied(slot)) as edge:
        haproxy = meridian.Process([HAPROXY, "-db", "-f", tmp_path / "haproxy.cfg"], tmp_path / "haproxy.log")
        try:
            def asked():
                try:
                    with socket.create_connection((front, 8081), timeout=30, source_address=(slot_address(slot, "5.5"), 0)) as sock:
                        sock.sendall(REQUEST)
                        return sock.recv(65536).startswith(b"HTTP/1.1 200 ")
                except OSError:
                    return False
            meridian.wait_until(asked, "haproxy passes on")
        finally:
            haproxy.kill()
        assert field(server.heads[-1][1], b"X-Forwarded-For") == slot_address(slot, "5.5")
        if unique:
            assert field(server.heads[-1][1], b"X-Request-Id").startswith("H-")
        assert told(edge, ["bad"]) == {"bad": 0}


def read_vectors(octets):
    found = {}
    while octets:
        kind, size = struct.unpack("!BH", octets[:3])
        found[kind], octets = octets[3:3 + size], octets[3 + size:]
    return found


def read_header(exchange):
    """As (what it is, source, destination, TLVs), into the server's `told` by connection."""
    start = exchange.read(12)
    if start == SIGNATURE:
        command, family, size = struct.unpack("!BBH", exchange.read(4))
        rest = exchange.read(size)
        header = ("LOCAL",)
        if command == 0x21:
            kind, length = (socket.AF_INET, 4) if family == 0x11 else (socket.AF_INET6, 16)
            ports = struct.unpack("!HH", rest[2 * length:2 * length + 4])
            ends = [f"{socket.inet_ntop(kind, rest[n * length:(n + 1) * length])}:{ports[n]}" for n in (0, 1)]
            header = ("PROXY", *ends, read_vectors(rest[2 * length + 4:]))
    else:
        while not start.endswith(b"\r\n"):
            start += exchange.read(1)
        words = start.decode().split()
        header = ("LOCAL",) if words[1] == "UNKNOWN" else ("PROXY", f"{words[2]}:{words[4]}", f"{words[3]}:{words[5]}", {})
    exchange.server.told.append((exchange.number, header))


def introduced(exchange):
    """A server that reads a header first."""
    read_header(exchange)
    answering()(exchange)


def echo_once(exchange):
    """Likewise, and then all that comes, which it sends back."""
    read_header(exchange)
    received = b""
    while piece := exchange.read(1):
        received += piece
    exchange.send(b"got " + received)


@pytest.fixture
def receiver(slot):
    with Scripted(slot_address(slot, "2.1"), introduced, told=[]) as running:
        yield running


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_server_is_told_of_one_client_on_each_connection(slot, receiver, tmp_path, version):
    with LoneEdge(tmp_path, slot, [receiver.name], {"proxy_protocol": version}) as edge:
        with connect(edge, "5.1") as one, connect(edge, "5.2") as two:
            for sock in (one, two, one, two):
                sock.sendall(REQUEST)
                answered(sock)
            ends = [(f"{sock.getsockname()[0]}:{sock.getsockname()[1]}", f"{edge.host}:8080") for sock in (one, two)]
        assert [header[:3] for _, header in receiver.told] == [("PROXY", *pair) for pair in ends]
        assert [number for number, _ in receiver.heads] == [0, 1, 0, 1], "a kept connection is its client's alone"
        ids = [field(head, b"X-Request-Id") for _, head in receiver.heads]
        if version == "v2":
            assert [header[3][5].decode() for _, header in receiver.told] == ids[:2]
        with connect(edge, "5.1") as third:
            third.sendall(REQUEST)
            answered(third)
        assert receiver.heads[-1][0] == 2, "the same address with another port is another client"


def test_servers_are_told_of_clients_that_speak_http2(slot, receiver, tmp_path):
    with LoneEdge(tmp_path, slot, [receiver.name], {"proxy_protocol": "v2"}) as edge:
        run = subprocess.run(["curl", "-sS", "--max-time", "60", "--http2-prior-knowledge", "--interface", slot_address(slot, "5.9"), f"http://{edge.host}:8080/"],
                             capture_output=True, check=False)
        assert run.stdout == b"x", run.stderr
        assert [header[1].split(":")[0] for _, header in receiver.told] == [slot_address(slot, "5.9")]


def test_what_a_proxy_in_front_has_told_is_passed_on(slot, receiver, tmp_path):
    tls = vector(0x20, b"\1\0\0\0\0" + vector(0x21, b"TLSv1.3"))
    vectors = vector(1, b"h2") + vector(2, b"shop.example") + vector(5, b"an-id") + tls
    with LoneEdge(tmp_path, slot, [receiver.name], {"proxy_protocol": "v2"}, edge=proxied(slot)) as edge, connect(edge) as sock:
        sock.sendall(v2(vectors=vectors) + REQUEST)
        answered(sock)
        said = receiver.told[0][1]
        assert said[1:3] == ("203.0.113.7:1234", "198.51.100.2:443")
        assert (said[3][1], said[3][2], said[3][5]) == (b"h2", b"shop.example", b"an-id")
        assert said[3][0x20][0] == 1 and read_vectors(said[3][0x20][5:]) == {0x21: b"TLSv1.3"}


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_servers_are_told_of_tls_that_ends_here(slot, receiver, tmp_path, protocol):
    authority = Authority(tmp_path / "authority")
    site, client = authority.issue("www.shop.example"), authority.issue(subject="/O=shop/CN=alice, the first")
    listen = [{"address": "{edge}:8443", "protocol": "https", "certificates": [site.listed(client_certificates={"ca": str(authority.ca)})]}]
    with LoneEdge(tmp_path, slot, [receiver.name], {"proxy_protocol": "v2"}, edge={"listen": listen}) as edge:
        run = subprocess.run(["curl", "-sS", "--max-time", "60", "--http2" if protocol == "h2" else "--http1.1", "--cacert", authority.ca, "--cert", client.certificate,
                              "--key", client.key, "--resolve", f"www.shop.example:8443:{edge.host}", "https://www.shop.example:8443/"], capture_output=True, check=False)
        assert run.stdout == b"x", run.stderr
        vectors = receiver.told[0][1][3]
        assert (vectors[1], vectors[2]) == (protocol.encode(), b"www.shop.example")
        assert vectors[0x20][:5] == b"\7\0\0\0\0", "TLS, with a certificate, verified"
        assert read_vectors(vectors[0x20][5:]) == {0x21: b"TLSv1.3", 0x22: b"alice\\, the first"}


def test_a_client_behind_a_trusted_proxy_is_told_and_never_mixed_with_another(slot, receiver, tmp_path):
    edge = {"trusted_proxies": [slot_address(slot, "5.0/24")]}
    with LoneEdge(tmp_path, slot, [receiver.name], {"proxy_protocol": "v1"}, edge=edge) as edge, connect(edge, "5.1") as sock:
        for client in ("203.0.113.1", "203.0.113.2", "203.0.113.1"):
            sock.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: " + client.encode() + b"\r\n\r\n"))
            answered(sock)
        assert [header[1] for _, header in receiver.told] == ["203.0.113.1:0", "203.0.113.2:0"]
        assert [number for number, _ in receiver.heads] == [0, 1, 0]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_checks_are_nobodys(slot, receiver, tmp_path, version, kind):
    pool = {"proxy_protocol": version, "health": {"kind": kind, "interval": "100ms", "timeout": "90ms"}, "when_all_down": "refuse"}
    with LoneEdge(tmp_path, slot, [receiver.name], pool) as edge:
        meridian.wait_until(lambda: edge.servers()[receiver.name]["health"] == "up" and receiver.told, "it is up")
        assert {header for _, header in receiver.told} == {("LOCAL",)}
        assert edge.get("/")[0] == 200


def serves(edge, body):
    def asked():
        status, _, got = edge.get("/", source=slot_address(edge.slot, "5.7"))
        return status == 200 and got.decode().startswith(body)
    return asked


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nginx_behind(slot, tmp_path, version):
    server = slot_address(slot, "2.9")
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/nginx.pid; error_log stderr; worker_processes 1;\nevents {{}}\n"
        f"http {{ access_log off; server {{ listen {server}:9000 proxy_protocol; location / {{ return 200 'from $proxy_protocol_addr to $proxy_protocol_server_port'; }} }} }}\n")
    nginx = meridian.Process(["/usr/sbin/nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], tmp_path / "nginx.log")
    pool = {"proxy_protocol": version, "health": {"interval": "100ms", "timeout": "90ms"}, "when_all_down": "refuse"}
    try:
        with LoneEdge(tmp_path, slot, [f"{server}:9000"], pool) as edge:
            meridian.wait_until(serves(edge, f"from {slot_address(slot, '5.7')} to 8080"), "nginx knows the client")
    finally:
        nginx.kill()


@pytest.mark.skipif(not os.path.exists(HAPROXY), reason="no haproxy")
def test_haproxy_behind(slot, tmp_path):
    server = slot_address(slot, "2.9")
    (tmp_path / "haproxy.cfg").write_text(
        f"defaults\n  mode http\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n"
        f"frontend f\n  bind {server}:9000 accept-proxy\n"
        f"  http-request return status 200 content-type text/plain lf-string \"from %[src] id %[fc_pp_unique_id] %[req.hdr(x-request-id)]\"\n")
    haproxy = meridian.Process([HAPROXY, "-db", "-f", tmp_path / "haproxy.cfg"], tmp_path / "haproxy.log")
    pool = {"proxy_protocol": "v2", "health": {"interval": "100ms", "timeout": "90ms"}, "when_all_down": "refuse"}
    try:
        with LoneEdge(tmp_path, slot, [f"{server}:9000"], pool) as edge:
            meridian.wait_until(serves(edge, f"from {slot_address(slot, '5.7')} id "), "haproxy knows the client")
            told_id, request_id = edge.get("/")[2].decode().split()[-2:]
            assert told_id == request_id
    finally:
        haproxy.kill()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_tcp_listeners_take_headers_and_their_pools_send_them(slot, receiver, tmp_path, version):
    receiver.script = echo_once
    log = tmp_path / "access.log"
    listen = [{"address": "{edge}:8080"}, {**proxied(slot)["listen"][0], "address": "{edge}:7000", "protocol": "tcp", "pool": "web"}]
    with LoneEdge(tmp_path, slot, [receiver.name], {"proxy_protocol": version}, edge={"listen": listen, "access_log": str(log)}) as edge:
        def ask(source, said):
            with socket.create_connection((edge.host, 7000), timeout=60, source_address=(slot_address(slot, source), 0)) as sock:
                sock.sendall(said)
                sock.shutdown(socket.SHUT_WR)
                return sock.getsockname(), read_to_end(sock)

        assert ask("3.1", v2() + b"hello")[1] == b"got hello"
        (host, port), said = ask("4.1", b"plain")
        assert said == b"got plain"
        assert [header[1:3] for _, header in receiver.told] == [("203.0.113.7:1234", "198.51.100.2:443"), (f"{host}:{port}", f"{edge.host}:7000")]
        meridian.wait_until(lambda: log.read_text().count("\n") == 2, "both are in the log")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [(line["client"], line["octets_in"], line["octets_out"]) for line in lines] == [("203.0.113.7", 5, 9), (host, 5, 9)]
