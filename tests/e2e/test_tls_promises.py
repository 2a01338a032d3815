"""TLS to clients, what an attacker or an auditor would look for: stapling, ticket keys over edges, 421, what is off, and where keys are not."""
import contextlib
import json
import pathlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import time

import pytest

import meridian
from certificates import Authority
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

WWW, API = "www.tls.example", "api.tls.example"
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module", name="authority")
def an_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="www")
def certificate_of_www(authority):
    return authority.issue(WWW)


@contextlib.contextmanager
def an_edge(directory, certificates, slot=None, edge=None, script=None, **listen):
    """An edge with a plain listener on 8080 and one of TLS on 8443."""
    directory.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        slot = slot or stack.enter_context(meridian.Lease())
        server = stack.enter_context(Scripted(slot_address(slot, "1.11"), script or answering(lambda head: ok(head))))
        more = {"listen": [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "https", "certificates": certificates, **listen}], **(edge or {})}
        yield stack.enter_context(LoneEdge(directory, slot, [server.name], edge=more))


def context_of(authority, version=None, client=None, alpn=None):
    context = ssl.create_default_context(cafile=authority.ca)
    if version:
        context.minimum_version = context.maximum_version = version
    if client:
        context.load_cert_chain(client.certificate, client.key)
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


def connect(edge, context, name=WWW, session=None):
    return context.wrap_socket(socket.create_connection((edge.host, 8443), timeout=60), server_hostname=name, session=session)


def ask(sock, host=WWW):
    """The status of one request; the connection stays."""
    sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = sock.recv(65536)
        assert chunk, f"the connection ended after {received!r}"
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    while len(body) < length:
        body += sock.recv(65536)
    return int(head.split()[1])


def resumed(edge, context, session, name=WWW):
    """Whether a ticket is taken; and a ticket of this connection."""
    with connect(edge, context, name, session) as sock:
        assert ask(sock, name) == 200
        return sock.session_reused, sock.session


def s_client(edge, *arguments, stdin="", name=WWW):
    command = ["openssl", "s_client", "-connect", f"{edge.host}:8443", "-servername", name, *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90, check=False)
    return done.stdout + done.stderr


def ocsp_answer(authority, certified, file, days=2):
    """What the authority says of the certificate, as its responder would."""
    serial = subprocess.run(["openssl", "x509", "-serial", "-noout", "-in", certified.certificate], capture_output=True, text=True, check=True, timeout=60)
    index = file.with_suffix(".index")
    index.write_text(f"V\t491231235959Z\t\t{serial.stdout.strip().partition('=')[2]}\tunknown\t/CN={WWW}\n")
    fresh = file.with_suffix(".new")
    command = ["openssl", "ocsp", "-index", index, "-rsigner", authority.ca, "-rkey", authority.key, "-CA", authority.ca, "-issuer", authority.ca,
               "-cert", certified.certificate, "-respout", fresh, "-ndays", days, "-noverify"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=60)
    fresh.rename(file)
    return file


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_an_ocsp_response_is_stapled_and_follows_its_file(tmp_path, authority, version):
    site, other = authority.issue(WWW), authority.issue(API)
    answer = ocsp_answer(authority, site, tmp_path / "ocsp.der")
    with an_edge(tmp_path / "edge", [{**site.listed(), "ocsp": str(answer)}, other.listed()]) as edge:
        said = s_client(edge, version, "-status", "-CAfile", authority.ca)
        assert "OCSP Response Status: successful" in said and "Cert Status: good" in said, said
        first = re.search("Next Update: (.*)", said)[1]
        assert "OCSP response: no response sent" in s_client(edge, version, "-status", name=API), "the other host has none"
        ocsp_answer(authority, site, answer, days=5)
        meridian.wait_until(lambda: first not in s_client(edge, version, "-status"), "the new one is stapled without a word")
        ocsp_answer(authority, other, answer)
        edge.reload()
        meridian.wait_until(lambda: "is about another certificate" in edge.process.text(), "the log says why there will be none")
        assert "OCSP response: no response sent" in s_client(edge, version, "-status"), "clients would turn away from it"


def test_ticket_keys_rotate_over_a_file_that_two_edges_share(tmp_path, authority, www):
    """The steps of docs/tls.md: a new key second, then first, then alone. Sessions of either edge are resumed by the other at each step."""
    one, two, three = ("".join(f"{octet:02x}" for octet in [n] * 80) for n in (1, 2, 3))
    keys = tmp_path / "tickets"

    def write(*lines):
        keys.touch(0o600)
        keys.write_text("".join(f"{line}\n" for line in lines))

    write(one)
    more = {"ticket_keys": str(keys)}
    for version in (TLS_1_2, TLS_1_3):
        context = context_of(authority, version)
        write(one)
        with meridian.Lease() as slot, meridian.Lease() as other_slot, \
                an_edge(tmp_path / f"a{version}", [www.listed()], slot, more) as a, an_edge(tmp_path / f"b{version}", [www.listed()], other_slot, more) as b:
            _, session = resumed(a, context, None)
            assert resumed(b, context, session)[0]
            write(one, two)
            a.reload()  # b has not heard of it yet
            _, of_a = resumed(a, context, None)
            assert resumed(b, context, of_a)[0]
            b.reload()
            write(two, one)
            a.reload()
            _, of_a = resumed(a, context, None)
            assert resumed(b, context, of_a)[0], "b knows the key that a signs with"
            assert resumed(a, context, session)[0], "the first session still counts"
            write(two)
            a.reload()
            b.reload()
            assert not resumed(a, context, session)[0] and not resumed(b, context, session)[0]
            assert resumed(b, context, of_a)[0]
            write(three)
            a.reload()
            assert not resumed(a, context, of_a)[0]


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_ticket_is_no_way_around_the_rule_of_another_host(tmp_path, authority, www, version):
    """Neither to a host that wants certificates, nor to one that wants others."""
    others, alice = Authority(tmp_path / "others"), authority.issue(subject="/CN=alice")
    api, shop = authority.issue(API), authority.issue("shop.tls.example")
    listed = [www.listed(), api.listed(client_certificates={"ca": str(authority.ca)}), shop.listed(client_certificates={"ca": str(others.ca)})]
    with an_edge(tmp_path / "edge", listed) as edge:
        context = context_of(authority, version)
        context.check_hostname = False
        _, session = resumed(edge, context, None)
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            resumed(edge, context, session, API)
        known = context_of(authority, version, alice)
        known.check_hostname = False
        _, session = resumed(edge, known, None, API)
        assert resumed(edge, known, session, API)[0], "on its own host it is taken"
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            resumed(edge, known, session, "shop.tls.example")


def test_a_ticket_ends_with_the_rule_that_it_was_given_under(tmp_path, authority):
    site, alice = authority.issue(WWW), authority.issue(subject="/CN=alice")
    with an_edge(tmp_path / "edge", [site.listed()]) as edge:
        context = context_of(authority, client=alice)
        _, session = resumed(edge, context, None)
        assert resumed(edge, context, session)[0]
        edge.config["edge"]["listen"][1]["certificates"] = [{**site.listed(), "client_certificates": {"ca": str(authority.ca)}}]
        edge.reload()
        assert not resumed(edge, context, session)[0], "who shows a certificate now has it verified"


def test_421_over_http_2(tmp_path, authority, www):
    api = authority.issue(API)
    alice = authority.issue(subject="/CN=alice")
    log = tmp_path / "access.log"
    listed = [www.listed(), api.listed(client_certificates={"ca": str(authority.ca)})]
    with an_edge(tmp_path / "edge", listed, edge={"access_log": str(log)}) as edge:
        with H2(edge.host, 8443, authority=WWW, tls=context_of(authority, alpn="h2")) as client:
            assert client.fetch("/").status == 200
            refused = client.get("/", authority=API)
            assert client.until_over(refused).status == 421
            assert client.fetch("/").status == 200, "the connection goes on"
        with H2(edge.host, 8443, authority=API, tls=context_of(authority, client=alice, alpn="h2")) as client:
            answer = client.fetch("/")
            assert answer.status == 200 and b"X-Client-Cert-Subject: CN=alice\r\n" in answer.body
            assert client.until_over(client.get("/", authority=WWW)).status == 421
        meridian.wait_until(lambda: log.read_text().count('"status":421') == 2, "both are in the log")


def test_no_renegotiation_and_no_early_data(tmp_path, authority, www):
    request = f"GET / HTTP/1.1\r\nHost: {WWW}\r\n\r\n"
    with an_edge(tmp_path / "edge", [www.listed()]) as edge:
        said = s_client(edge, "-tls1_2", "-no_ign_eof", stdin="R\nR\n")
        assert "no renegotiation" in said.lower(), said
        saved, early = tmp_path / "session", tmp_path / "early"
        early.write_text(request)
        said = s_client(edge, "-tls1_3", "-CAfile", authority.ca, "-sess_out", saved, "-ign_eof", stdin=request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
        assert "HTTP/1.1 200" in said and "Max Early Data: 0" in said, said
        # OpenSSL's client sends none where the ticket does not allow it, so the session is told that it did.
        said = s_client(edge, "-tls1_3", "-CAfile", authority.ca, "-sess_in", saved, "-early_data", early, stdin="")
        assert "Early data was not sent" in said or "Early data was rejected" in said, said
        assert "HTTP/1.1 200" not in said


def test_a_proxy_header_comes_before_tls(tmp_path, authority, www):
    log = tmp_path / "access.log"
    with meridian.Lease() as slot:
        trusted = slot_address(slot, "3.1")
        with an_edge(tmp_path / "edge", [www.listed()], slot, {"access_log": str(log)}, proxy_protocol={"from": [slot_address(slot, "3.0/24")]}) as edge:
            def through(header, alpn=None):
                sock = socket.create_connection((edge.host, 8443), timeout=60, source_address=(trusted, 0))
                sock.sendall(header)
                return context_of(authority, alpn=alpn).wrap_socket(sock, server_hostname=WWW)

            with through(b"PROXY TCP4 192.0.2.9 192.0.2.1 999 443\r\n") as sock:
                assert ask(sock) == 200
            v2 = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11\x00\x0c" + socket.inet_aton("192.0.2.10") + socket.inet_aton("192.0.2.1") + b"\x03\xe7\x01\xbb"
            with through(v2) as sock:
                assert ask(sock) == 200
            done = subprocess.run(["curl", "-sS", "--haproxy-protocol", "--interface", trusted, "--cacert", authority.ca, "--resolve", f"{WWW}:8443:{edge.host}",
                                   "-w", " HTTP/%{http_version}", f"https://{WWW}:8443/"], capture_output=True, text=True, timeout=60, check=False)
            assert "X-Forwarded-Proto: https" in done.stdout and done.stdout.endswith("HTTP/2"), done.stdout + done.stderr
            with pytest.raises((ssl.SSLError, ConnectionError)):
                with connect_from(edge, trusted, authority) as sock:  # TLS where the header has to be
                    ask(sock)
            with connect(edge, context_of(authority)) as sock:
                assert ask(sock) == 200, "from elsewhere TLS comes first"
            meridian.wait_until(lambda: len(log.read_text().splitlines()) == 4, "four lines")
            assert [json.loads(line)["client"] for line in log.read_text().splitlines()][:2] == ["192.0.2.9", "192.0.2.10"]


def connect_from(edge, source, authority):
    sock = socket.create_connection((edge.host, 8443), timeout=60, source_address=(source, 0))
    return context_of(authority).wrap_socket(sock, server_hostname=WWW)


def test_tls_in_front_of_a_tcp_pool_carries_bulk_and_both_ends(tmp_path, authority, www):
    body = bytes(range(256)) * 8192  # 2 MiB
    log = tmp_path / "access.log"

    def echo(exchange):
        while data := exchange.sock.recv(65536):
            exchange.sock.sendall(data)

    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "tcp", "pool": "web", "certificates": [www.listed()]}]
    with an_edge(tmp_path / "edge", [], edge={"listen": listen, "access_log": str(log)}, script=echo) as edge:
        with connect(edge, context_of(authority)) as sock:
            sent, received = 0, b""
            sock.settimeout(60)
            while len(received) < len(body):
                if sent < len(body):
                    sock.sendall(body[sent:sent + 16384])
                    sent += 16384
                received += sock.recv(65536) if sent - len(received) else b""
            assert received == body
            sock.unwrap()  # its own end, said and answered
        line = json.loads(meridian.wait_until(lambda: log.exists() and log.read_text().splitlines(), "a line")[0])
        assert (line["sni"], line["tls"], line["method"]) == (WWW, "TLSv1.3", "TCP"), line
        assert line["octets_in"] == line["octets_out"] == len(body), line


@pytest.fixture
def cores_allowed():
    """What is started now may write core files, as far as the machine lets it."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


def test_keys_are_in_no_core_file_status_metric_or_log(cores_allowed, tmp_path, monkeypatch, authority, www):
    monkeypatch.chdir(tmp_path)  # where core files go, mostly
    tickets = tmp_path / "tickets"
    tickets.touch(0o600)
    tickets.write_text("5a" * 80 + "\n")
    log = tmp_path / "access.log"
    with an_edge(tmp_path / "edge", [www.listed()], edge={"ticket_keys": str(tickets), "access_log": str(log)}) as edge:
        with connect(edge, context_of(authority)) as sock:
            assert ask(sock) == 200
        edge.reload()
        secret = [line for line in www.key.read_text().splitlines() if not line.startswith("-")] + ["5a" * 16]
        shown = edge.process.text() + log.read_text()
        shown += "".join(edge.admin(path, "GET")[1] for path in ("/status", "/metrics", "/healthz", f"/explain?url=https://{WWW}/&client=192.0.2.1"))
        assert WWW in shown and not [part for part in secret if part in shown]
        assert pathlib.Path(f"/proc/{edge.process.pid}/environ").stat().st_uid == 0, "PR_SET_DUMPABLE is off: what is its user's otherwise is root's"
        edge.process.signal(signal.SIGABRT)
        meridian.wait_until(lambda: not edge.process.running(), "it has ended")
        assert edge.process.status == -signal.SIGABRT
        assert not list(tmp_path.rglob("core*"))
