"""TLS to backends: who is trusted, what is asked for and shown, what becomes of a request when it fails, connections that are kept,
sessions that are resumed, files that change. Servers are Python's ssl and `openssl s_server` with an authority that the test makes."""
import contextlib
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

import meridian
from certificates import Authority
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

NAME = "web.internal"


@pytest.fixture(scope="module", name="authority")
def an_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="web")
def certificate_of_web(authority):
    return authority.issue(NAME, "www.shop.example", "api.shop.example")


def server_context(certified, client_ca=None, version=None, alpn=("http/1.1",)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.certificate, certified.key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class TlsServer(Scripted):
    """A Scripted server under TLS; of each connection it remembers the server name, the version, the protocol, the client and
    whether it was resumed. `greeting`: a line in clear text comes first."""

    def __init__(self, address, context, script=None, greeting=False, **more):
        self.seen, self.names, self.greetings, self.greeting = [], [], [], greeting
        context.sni_callback = lambda _sock, name, _context: self.names.append(name)
        super().__init__(address, script, context=context, **more)

    def serve(self, sock, number):
        sock.settimeout(60)
        with contextlib.suppress(OSError):
            if self.greeting:
                self.greetings.append(read_line(sock))
            with self.context.wrap_socket(sock, server_side=True) as wrapped:
                self.seen.append((wrapped.version(), wrapped.selected_alpn_protocol(), subject_of(wrapped), wrapped.session_reused))
                super().serve(wrapped, number)


def read_line(sock):
    line = b""
    while not line.endswith(b"\r\n"):
        line += sock.recv(1)
    return line


def subject_of(wrapped):
    certificate = wrapped.getpeercert()
    return dict(pair[0] for pair in certificate["subject"])["commonName"] if certificate else None


@contextlib.contextmanager
def an_edge(directory, contexts, tls, pool=None, script=None, greeting=False, **more):
    """An edge before servers with these contexts: (edge, servers)."""
    with contextlib.ExitStack() as stack:
        slot = stack.enter_context(meridian.Lease())
        servers = [stack.enter_context(TlsServer(slot_address(slot, f"1.{11 + n}"), context, script or answering(), greeting))
                   for n, context in enumerate(contexts)]
        settings = {"tls": tls, "retry": {"attempts": len(contexts)}, **(pool or {})}
        (directory / "access.log").touch()
        edge = {"access_log": str(directory / "access.log"), **more.pop("edge", {})}
        yield stack.enter_context(LoneEdge(directory, slot, [server.name for server in servers], settings, edge, **more)), servers


def logged(edge, count):
    """The last line of the access log, once there are so many."""
    def lines():
        return (edge.directory / "access.log").read_text().splitlines()
    meridian.wait_until(lambda: len(lines()) >= count, f"{count} lines are logged")
    return json.loads(lines()[count - 1])


def failed(edge, reason):
    return edge.metric("meridian_edge_upstream_tls_handshakes_failed_total", f'reason="{reason}"')


def trusting(authority, **more):
    return {"ca": str(authority.ca), "server_name": NAME, **more}


def test_requests_go_over_tls_to_who_is_trusted_and_connections_are_kept(tmp_path, authority, web):
    script = answering(lambda head: ok(b"y" * 3_000_000 if head.startswith(b"POST") else b"x"))
    with an_edge(tmp_path, [server_context(web)], trusting(authority), script=script) as (edge, [server]):
        for _ in range(5):
            assert edge.get()[0] == 200
        assert server.seen == [("TLSv1.3", "http/1.1", None, False)], "one connection for all"
        assert server.names == [NAME]
        assert edge.metric("meridian_edge_upstream_reuses_total") == 4
        assert edge.metric("meridian_edge_upstream_tls_handshakes_total", 'version="1.3",resumed="false"') == 1
        status, _, body = edge.get(method="POST", body=b"z" * 1_000_000)
        assert status == 200 and body == b"y" * 3_000_000


def test_a_session_is_resumed_when_a_connection_is_not_kept(tmp_path, authority, web):
    for version, name in ((ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        directory = tmp_path / name
        directory.mkdir()
        with an_edge(directory, [server_context(web, version=version)], trusting(authority), {"idle": {"connections": 0}}) as (edge, [server]):
            for _ in range(3):
                assert edge.get()[0] == 200
            assert server.seen == [(name, "http/1.1", None, resumed) for resumed in (False, True, True)]
            assert edge.metric("meridian_edge_upstream_tls_handshakes_total", 'resumed="true"') == 2


@pytest.mark.parametrize("wrong", ["name", "expired", "unknown", "plain"])
def test_who_is_not_trusted_gets_nothing(tmp_path, authority, web, wrong):
    certified = {"name": lambda: authority.issue("other.internal"), "expired": lambda: authority.issue_expired(NAME),
                 "unknown": lambda: Authority(tmp_path / "others").issue(NAME), "plain": lambda: web}[wrong]()
    reason = {"name": "hostname mismatch", "expired": "certificate has expired", "unknown": "unable to get local issuer certificate",
              "plain": "wrong version number"}[wrong]
    with an_edge(tmp_path, [server_context(certified)], trusting(authority)) as (edge, [server]):
        if wrong == "plain":
            server.serve = lambda sock, number: (sock.recv(1000), sock.sendall(b"HTTP/1.1 400 No\r\n\r\n"), sock.close())
        assert edge.get()[0] == 502
        line = logged(edge, 1)
        assert (line["status"], line["end"], line["reason"]) == (502, "s", reason)
        assert not server.heads, "not an octet of the request"
        assert edge.metric("meridian_edge_errors_total", 'kind="tls_failed"') == 1
        assert failed(edge, "not_tls" if wrong == "plain" else "certificate") == 1
        assert edge.metric("meridian_edge_server_failures_total") == 1, "it speaks against the server"


def test_verify_false_takes_anybody(tmp_path, authority):
    with an_edge(tmp_path, [server_context(authority.issue_expired("other.internal"))], {"verify": False}) as (edge, [server]):
        assert edge.get()[0] == 200
        assert server.names == [None], "an address is no server name"


def test_what_fails_at_one_server_goes_to_the_next_whatever_the_method(tmp_path, authority, web):
    bad = server_context(authority.issue("other.internal"))
    with an_edge(tmp_path, [bad, server_context(web)], trusting(authority)) as (edge, [one, other]):
        for _ in range(4):
            assert edge.get(method="POST", body=b"once")[0] == 200
        assert not one.heads and len(other.heads) == 4
        assert failed(edge, "certificate") >= 1


def test_a_server_that_dies_in_the_handshake_and_one_that_never_answers(tmp_path, authority, web):
    with an_edge(tmp_path, [server_context(web)] * 2, trusting(authority), edge={"timeout": {"connect": "300ms"}}) as (edge, servers):
        for server in servers:
            server.serve = lambda sock, number: (sock.recv(1000), sock.close())
        assert edge.get()[0] == 502
        assert logged(edge, 1)["end"] == "s"
        assert failed(edge, "closed") == 2
        over = threading.Event()
        for server in servers:
            server.serve = lambda sock, number: (over.wait(60), sock.close())
        assert edge.get()[0] == 504
        line = logged(edge, 2)
        assert (line["end"], line["reason"]) == ("t", "TLS handshake took too long")
        assert failed(edge, "timeout") == 2
        over.set()


def test_a_client_certificate_is_shown_where_it_is_asked_for(tmp_path, authority, web):
    me = authority.issue(subject="/CN=edge")
    context = server_context(web, client_ca=authority.ca)
    with an_edge(tmp_path, [context], trusting(authority)) as (edge, [server]):
        assert edge.get()[0] == 502
        assert "certificate required" in logged(edge, 1)["reason"]
        edge.web["tls"].update(certificate=str(me.certificate), key=str(me.key))
        edge.reload()
        assert edge.get()[0] == 200
        assert server.seen[-1][2] == "edge"
        assert edge.metric("meridian_edge_certificate_not_after_seconds", 'pool="web",certificate="CN=edge"') > time.time()
        [shown] = json.loads(edge.admin("/status", "GET")[1])["certificates"]
        assert (shown["pool"], shown["subject"], shown["days_left"]) == ("web", "CN=edge", 89)
        assert edge.pool()["tls"] is True


def test_versions(tmp_path, authority, web):
    with an_edge(tmp_path, [server_context(web, version=ssl.TLSVersion.TLSv1_2)], trusting(authority)) as (edge, [server]):
        assert edge.get()[0] == 200
        assert server.seen[0][0] == "TLSv1.2"
        edge.web["tls"]["min_version"] = "1.3"
        edge.reload()
        assert edge.get()[0] == 502
        assert logged(edge, 2)["end"] == "s"


def test_the_requests_host_is_asked_for_and_must_be_the_certificates(tmp_path, authority, web):
    with an_edge(tmp_path, [server_context(web)], trusting(authority, server_name="{host}")) as (edge, [server]):
        assert edge.get(Host="WWW.shop.example:8080")[0] == 200
        assert edge.get(Host="api.shop.example")[0] == 200
        assert edge.get(Host="www.shop.example")[0] == 200
        assert edge.get(Host="other.example")[0] == 502
        assert server.names == ["www.shop.example", "api.shop.example", "other.example"], "a kept connection is for its name alone"
        assert logged(edge, 4)["reason"] == "hostname mismatch"
        for n in range(20):
            assert edge.get(Host=f"nobody{n}.example")[0] == 502
        assert edge.metric("meridian_edge_server_failures_total") == 0, "a client cannot take servers out by names of its choice"
        assert edge.get(Host="www.shop.example")[0] == 200


def test_files_that_change_are_used_without_a_word_and_what_is_broken_is_not(tmp_path, authority, web):
    ca = tmp_path / "trusted.pem"
    shutil.copy(Authority(tmp_path / "others").ca, ca)
    with an_edge(tmp_path, [server_context(web)], {"ca": str(ca), "server_name": NAME}) as (edge, [server]):
        assert edge.get()[0] == 502
        renewed = edge.process.text().count("event=certificates_renewed")
        shutil.copy(authority.ca, ca)
        meridian.wait_until(lambda: edge.process.text().count("event=certificates_renewed") > renewed, "the new file is read", 60)
        meridian.wait_until(lambda: edge.get()[0] == 200, "it is trusted")
        ca.write_text("broken\n")
        meridian.wait_until(lambda: "event=certificates_kept" in edge.process.text(), "the broken one is told of", 60)
        assert edge.get()[0] == 200
        # Nothing of the pool's TLS has changed: its connections go on.
        shutil.copy(authority.ca, ca)
        connections = server.connections
        edge.config["edge"]["via"] = "none"
        edge.reload()
        assert edge.get()[0] == 200
        assert server.connections == connections


def test_checks_over_tls_are_those_of_requests(tmp_path, authority, web):
    me = authority.issue(subject="/CN=edge")
    good, bad = server_context(web, client_ca=authority.ca), server_context(authority.issue("other.internal"))
    pool = {"health": {"path": "/healthz", "interval": "200ms", "timeout": "200ms", "fall": 1, "rise": 1}}
    tls = trusting(authority, certificate=str(me.certificate), key=str(me.key))
    with an_edge(tmp_path, [good, bad], tls, pool) as (edge, [one, other]):
        meridian.wait_until(lambda: [s["health"] for s in edge.servers().values()] == ["up", "down"], "one is trusted, the other is not")
        assert "certificate verify failed" in edge.servers()[other.name]["reason"]
        assert one.asked("/healthz") and not other.heads
        assert set(one.names) == {NAME} and one.seen[0][2] == "edge"


def test_the_proxy_header_comes_before_the_handshake(tmp_path, authority, web):
    with an_edge(tmp_path, [server_context(web)], trusting(authority), {"proxy_protocol": "v1"}, greeting=True) as (edge, [server]):
        source = slot_address(edge.slot, "9.9")
        assert edge.get(source=source)[0] == 200
        assert server.greetings[0].startswith(f"PROXY TCP4 {source} {edge.host} ".encode()) and server.greetings[0].endswith(b" 8080\r\n")
        assert b"PROXY" not in server.heads[0][1]


def test_a_tcp_pool_over_tls(tmp_path, authority, web):
    def echo(exchange):
        while data := exchange.sock.recv(65536):
            exchange.send(data)
        exchange.sock.unwrap()  # an end without a word would be a cut
    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:7000", "protocol": "tcp", "pool": "web"}]
    bad = server_context(authority.issue("other.internal"))
    with an_edge(tmp_path, [bad, server_context(web, alpn=())], trusting(authority), script=echo, edge={"listen": listen}) as (edge, [one, other]):
        for _ in range(3):
            with socket.create_connection((edge.host, 7000), timeout=60) as sock:
                sock.sendall(b"x" * 200_000)
                sock.shutdown(socket.SHUT_WR)
                received = b""
                while chunk := sock.recv(65536):
                    received += chunk
                assert received == b"x" * 200_000
        assert not one.seen and [seen[1] for seen in other.seen] == [None] * 3


def test_tunnels_and_answers_without_a_length(tmp_path, authority, web):
    def script(exchange):
        head = exchange.read_head()
        if b"upgrade: echo" in head.lower():
            exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := exchange.sock.recv(65536):
                exchange.send(data)
        else:
            exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"z" * 500_000)
            if head.startswith(b"GET /whole"):
                exchange.sock.unwrap()
    with an_edge(tmp_path, [server_context(web)], trusting(authority), script=script) as (edge, [_]):
        with edge.raw(60) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
            received = b""
            while b"\r\n\r\n" not in received:
                received += sock.recv(65536)
            assert received.startswith(b"HTTP/1.1 101 ")
            received = received.partition(b"\r\n\r\n")[2]
            sender = threading.Thread(target=sock.sendall, args=(b"w" * 2_000_000,))
            sender.start()
            while len(received) < 2_000_000:
                chunk = sock.recv(65536)
                assert chunk
                received += chunk
            sender.join()
            assert received == b"w" * 2_000_000
        assert edge.get("/whole")[2] == b"z" * 500_000
        with pytest.raises(http.client.IncompleteRead):
            edge.get("/cut")  # no close_notify: who knows what is missing


def test_openssls_own_server(tmp_path, authority, web):
    with meridian.Lease() as slot:
        address = slot_address(slot, "1.11")
        command = ["openssl", "s_server", "-accept", f"{address}:9000", "-cert", web.certificate, "-key", web.key, "-www", "-quiet"]
        with open(tmp_path / "s_server.log", "wb") as log:
            server = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            with LoneEdge(tmp_path, slot, [f"{address}:9000"], {"tls": trusting(authority)}) as edge:
                def answers():
                    status, _, body = edge.get()
                    return status == 200 and b"TLSv1.3" in body
                meridian.wait_until(answers, "s_server answers over TLS 1.3")
        finally:
            server.kill()
            server.wait()


def test_what_is_wrong_is_told_with_its_line(tmp_path):
    def said(tls, more=""):
        file = tmp_path / "wrong.yaml"
        file.write_text(f"""service: wrong
regions: {{eu: {{edges: [127.0.0.1]}}}}
edge:
  listen: [{{address: "{{edge}}:8080"}}{more}]
  pools:
    web:
      servers: [127.0.0.2:443]
      tls: {tls}
  routes: [{{path: /, pool: web}}]
""")
        command = [meridian.binaries() / "meridian", "check", file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr
    assert said("{}")[0] == 0
    status, text = said("{ca: /nonexistent/ca.pem}")
    assert status == 2 and "wrong.yaml:8:" in text and "tls: ca: " in text and "/nonexistent/ca.pem" in text
    assert "key has no effect" in said("{key: a.key}")[1]
    assert "whoever is in the way" in said("{verify: false}")[1]
    status, text = said("{}", ', {address: "{edge}:53", protocol: udp, pool: web}')
    assert status == 2 and "not for datagrams" in text
