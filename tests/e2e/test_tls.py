"""TLS to clients, as curl, openssl s_client and Python's ssl see it: versions, names, resumption, reloads, client certificates."""
import contextlib
import json
import socket
import ssl
import subprocess
import time

import pytest

import meridian
from certificates import Authority, Certified
from lone_edge import LoneEdge, Scripted, answering, ok, read_to_end, slot_address

WWW, API = "www.tls.example", "api.tls.example"


@pytest.fixture(scope="module", name="authority")
def an_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="www")
def certificate_of_www(authority):
    return authority.issue(WWW, "*.tls.example")


def said_back(head):
    """The head that came, as the body of the answer."""
    return ok(head)


@contextlib.contextmanager
def an_edge(directory, certificates, script=None, edge=None, **listen):
    """An edge with a plain listener on 8080 and one of TLS on 8443."""
    with meridian.Lease() as slot, Scripted(slot_address(slot, "1.11"), script or answering(said_back)) as server:
        more = {"listen": [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "https", "certificates": certificates, **listen}], **(edge or {})}
        with LoneEdge(directory, slot, [server.name], edge=more) as lone:
            yield lone


def context_of(authority, version=None, client=None):
    context = ssl.create_default_context(cafile=authority.ca)
    if version:
        context.minimum_version = context.maximum_version = version
    if client:
        context.load_cert_chain(client.certificate, client.key)
    return context


def connect(edge, context, name=WWW, session=None):
    sock = socket.create_connection((edge.host, 8443), timeout=60)
    return context.wrap_socket(sock, server_hostname=name, session=session)


def ask(sock, host=WWW, path="/", fields=""):
    """One request on the connection, which stays: (status, body)."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = sock.recv(65536)
        assert chunk, f"the connection ended after {received!r}"
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < length:
        chunk = sock.recv(65536)
        assert chunk, "a body that ends early"
        body += chunk
    return int(head.split()[1]), body


def curl(edge, authority, *arguments, name=WWW, path="/"):
    command = ["curl", "-sS", "--max-time", "60", "--cacert", str(authority.ca), "--resolve", f"{name}:8443:{edge.host}", *arguments, f"https://{name}:8443{path}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def s_client(edge, *arguments, stdin="", name=WWW):
    command = ["openssl", "s_client", "-connect", f"{edge.host}:8443", "-servername", name, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90, check=False)
    return done.stdout + done.stderr


def failed(edge, kind):
    return edge.metric("meridian_edge_tls_handshakes_failed_total", f'reason="{kind}"')


def shown(edge, authority, name=WWW):
    """The DNS names of the certificate that this name gets."""
    context = context_of(authority)
    context.check_hostname = False
    with connect(edge, context, name) as sock:
        return [value for kind, value in sock.getpeercert()["subjectAltName"] if kind == "DNS"]


def test_curl_gets_an_answer_and_the_server_learns_that_it_was_https(tmp_path, authority, www):
    with an_edge(tmp_path, [www.listed()]) as edge:
        done = curl(edge, authority, "-w", "%{http_version} %{ssl_verify_result} %{http_code}")
        assert done.returncode == 0, done.stderr
        assert "X-Forwarded-Proto: https" in done.stdout
        assert done.stdout.endswith("2 0 200")
        assert b"X-Forwarded-Proto: http\r\n" in edge.get()[2]


def test_each_version_that_is_spoken_and_none_that_is_not(tmp_path, authority, www):
    with an_edge(tmp_path, [www.listed()]) as edge:
        for version, cipher in (("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("-tls1_3", "TLS_AES_128_GCM_SHA256")):
            said = s_client(edge, version, "-CAfile", authority.ca, stdin=f"GET / HTTP/1.1\r\nHost: {WWW}\r\nConnection: close\r\n\r\n")
            assert "Verify return code: 0 (ok)" in said and "Compression: NONE" in said, said
            assert cipher in said, said
        before = failed(edge, "version")
        for version in ("-tls1", "-tls1_1"):
            said = s_client(edge, version, "-cipher", "ALL:@SECLEVEL=0")
            assert "alert protocol version" in said, said
        meridian.wait_until(lambda: failed(edge, "version") == before + 2, "both are counted")
        assert "alert handshake failure" in s_client(edge, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:AES128-SHA")
        assert "HTTP/1.1 200" in s_client(edge, "-tls1_2", "-ign_eof", stdin=f"GET / HTTP/1.1\r\nHost: {WWW}\r\nConnection: close\r\n\r\n")
        assert "no renegotiation" in s_client(edge, "-tls1_2", "-no_ign_eof", stdin="R\nR\n").lower()


def test_octets_of_any_number_both_ways(tmp_path, authority, www):
    body = bytes(range(256)) * 20000  # 5 MB

    def back(exchange):
        while head := exchange.read_head():
            exchange.send(ok(exchange.read_body(head)))

    with an_edge(tmp_path, [www.listed()], back) as edge, connect(edge, context_of(authority)) as sock:
        for size in (1, 16383, 16384, 16385, len(body)):
            sock.settimeout(60)
            sock.sendall(f"POST / HTTP/1.1\r\nHost: {WWW}\r\nContent-Length: {size}\r\n\r\n".encode())
            sent, received = 0, b""
            while sent < size:  # the answer comes when all of it is there
                sent += sock.send(body[sent:min(size, sent + 65536)])
            while b"\r\n\r\n" not in received or len(received) < received.index(b"\r\n\r\n") + 4 + size:
                chunk = sock.recv(1 << 20)
                assert chunk
                received += chunk
            assert received.partition(b"\r\n\r\n")[2] == body[:size]


def test_the_name_that_is_asked_for_chooses_the_certificate(tmp_path, authority, www):
    api = authority.issue(API)
    plain = authority.issue("first.example")
    with an_edge(tmp_path, [plain.listed(), www.listed(), api.listed()]) as edge:
        assert shown(edge, authority, API) == [API]
        assert shown(edge, authority, API.upper()) == [API]
        assert shown(edge, authority, "other.tls.example") == [WWW, "*.tls.example"]
        for unknown in ("a.b.tls.example", "tls.example", "unknown.example", None):
            assert shown(edge, authority, unknown) == ["first.example"], unknown


def test_strict_about_names(tmp_path, authority, www):
    with an_edge(tmp_path, [www.listed()], strict_sni=True) as edge:
        assert shown(edge, authority, "any.tls.example") == [WWW, "*.tls.example"]
        before = failed(edge, "name")
        with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
            shown(edge, authority, "unknown.example")
        meridian.wait_until(lambda: failed(edge, "name") == before + 1, "it is counted")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_but_not_on_another_host(tmp_path, authority, www, version):
    api = authority.issue(API)
    with an_edge(tmp_path, [www.listed(), api.listed()]) as edge:
        context = context_of(authority, version)
        context.check_hostname = False
        with connect(edge, context) as sock:
            assert ask(sock)[0] == 200
            assert not sock.session_reused
            session = sock.session
        with connect(edge, context, session=session) as sock:
            assert ask(sock)[0] == 200
            assert sock.session_reused
        with connect(edge, context, API, session=session) as sock:
            assert ask(sock, API)[0] == 200
            assert not sock.session_reused, "the ticket is bound to its host"
        assert edge.metric("meridian_edge_tls_handshakes_total", 'resumed="true"') == 1


def test_each_resumption_brings_the_ticket_for_the_next(tmp_path, authority, www):
    """Clients of TLS 1.3 show none twice (RFC 8446 C.4)."""
    with an_edge(tmp_path, [www.listed()]) as edge:
        context, session = context_of(authority, ssl.TLSVersion.TLSv1_3), None
        for number in range(4):
            with connect(edge, context, session=session) as sock:
                assert ask(sock)[0] == 200
                assert sock.session_reused == (number > 0)
                session = sock.session


def test_a_file_of_ticket_keys_resumes_what_another_edge_began(tmp_path, authority, www):
    keys = tmp_path / "tickets"
    old, new = ("".join(f"{b:02x}" for b in [n] * 80) for n in (1, 2))
    keys.write_text(f"# ours\n{old}\n")
    keys.chmod(0o600)
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    context = context_of(authority)
    with an_edge(tmp_path / "one", [www.listed()], edge={"ticket_keys": str(keys)}) as edge:
        with connect(edge, context) as sock:
            ask(sock)
            session = sock.session
    keys.write_text(f"{new}\n{old}\n")
    with an_edge(tmp_path / "other", [www.listed()], edge={"ticket_keys": str(keys)}) as edge:
        with connect(edge, context, session=session) as sock:
            assert ask(sock)[0] == 200
            assert sock.session_reused
        keys.write_text(f"{new}\n")
        edge.reload()
        with connect(edge, context, session=session) as sock:
            assert not sock.session_reused, "its key is gone"
        keys.write_text("short\n")
        assert "160 hexadecimal digits" in edge.reload(422)


def test_what_is_not_tls_and_what_comes_too_slowly(tmp_path, authority, www):
    with an_edge(tmp_path, [www.listed()], edge={"client": {"handshake_timeout": "1s"}}) as edge:
        with socket.create_connection((edge.host, 8443), timeout=60) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            read_to_end(sock)
        meridian.wait_until(lambda: failed(edge, "not_tls") == 1, "plain HTTP is counted")
        with socket.create_connection((edge.host, 8443), timeout=60) as sock:
            began = time.monotonic()
            with contextlib.suppress(OSError):
                for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 1000:  # a hello that trickles
                    sock.sendall(bytes([octet]))
                    sock.settimeout(0.1)
                    try:
                        if not sock.recv(100):
                            break
                    except TimeoutError:
                        continue
            assert time.monotonic() - began < 30, "trickling does not extend the deadline"
        meridian.wait_until(lambda: failed(edge, "timeout") == 1, "it is counted")
        with connect(edge, context_of(authority)) as sock:
            assert ask(sock)[0] == 200


def test_an_end_without_words_is_a_cut(tmp_path, authority, www):
    """A server that ends its body by closing: under TLS the client can tell a whole body from a part."""
    def until_close(exchange):
        exchange.read_head()
        exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole")

    with an_edge(tmp_path, [www.listed()], until_close) as edge:
        context = context_of(authority)
        with connect(edge, context) as sock:
            sock.sendall(f"GET / HTTP/1.0\r\nHost: {WWW}\r\n\r\n".encode())
            received = b""
            while chunk := sock.recv(65536):  # an end without close_notify would be an SSLError here
                received += chunk
            assert received.endswith(b"whole")


def test_certificates_change_under_connections_that_stay(tmp_path, authority):
    first, second = authority.issue(WWW, "first.tls.example"), authority.issue(WWW, "second.tls.example")
    site = Certified(tmp_path / "site.pem", tmp_path / "site.key")

    def put(certified):
        site.certificate.write_bytes(certified.certificate.read_bytes())
        site.key.write_bytes(certified.key.read_bytes())
        site.key.chmod(0o600)

    put(first)
    with an_edge(tmp_path, [site.listed()]) as edge, connect(edge, context_of(authority)) as old:
        assert ask(old)[0] == 200
        put(second)
        edge.reload()
        assert shown(edge, authority) == [WWW, "second.tls.example"]
        assert ask(old)[0] == 200, "it lives on"
        site.key.write_bytes(first.key.read_bytes())
        assert f"{site.key} does not fit" in edge.reload(422)
        assert shown(edge, authority) == [WWW, "second.tls.example"]
        assert ask(old)[0] == 200


def test_bad_certificates_are_told_by_check(tmp_path, authority, www):
    other = authority.issue("other.example")
    file = tmp_path / "check.yaml"
    open_key = tmp_path / "open.key"
    open_key.write_bytes(www.key.read_bytes())
    open_key.chmod(0o644)
    swapped = tmp_path / "swapped.pem"
    swapped.write_bytes(authority.ca.read_bytes() + www.certificate.read_bytes())

    def check(certificates):
        file.write_text(json.dumps({"service": "x", "regions": {"eu": {"edges": ["127.0.0.1"]}}, "edge": {
            "listen": [{"address": "{edge}:8443", "protocol": "https", "certificates": certificates}], "routes": [{"path": "/", "respond": {"status": 200}}]}}))
        done = subprocess.run([meridian.binaries() / "meridian", "check", file], capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    assert "needs `certificates:" in check([])
    assert f"cannot read {tmp_path}/none.pem: No such file" in check([{"certificate": f"{tmp_path}/none.pem"}])
    assert f"key: {other.key} does not fit the certificate in {www.certificate}" in check([{"certificate": str(www.certificate), "key": str(other.key)}])
    assert "holds no private key" in check([{"certificate": str(www.certificate)}])
    assert f"everybody can read or write {open_key}" in check([{"certificate": str(www.certificate), "key": str(open_key)}])
    assert "does not fit" in check([{"certificate": str(swapped), "key": str(www.key)}])
    assert "out of order" in check([{"certificate": str(swapped), "key": str(authority.key)}])
    soon = authority.issue("soon.example", days=3)
    assert "2 days left; renew it" in check([soon.listed()])
    assert "is not for 'else.example'" in check([soon.listed(names=["else.example"])])


def test_a_file_that_changes_is_read_without_a_word(tmp_path, authority):
    first, second = authority.issue(WWW, "third.tls.example"), authority.issue(WWW, "fourth.tls.example")
    site = Certified(tmp_path / "site.pem", tmp_path / "site.key")
    site.certificate.write_bytes(first.certificate.read_bytes() + first.key.read_bytes())
    site.certificate.chmod(0o600)
    with an_edge(tmp_path, [{"certificate": str(site.certificate)}]) as edge, connect(edge, context_of(authority)) as old:
        assert ask(old)[0] == 200
        assert [c["names"] for c in json.loads(edge.admin("/status", "GET")[1])["certificates"]] == [[WWW, "third.tls.example"]]
        left = edge.metric("meridian_edge_certificate_not_after_seconds", str(site.certificate)) - time.time()
        assert 88 * 86400 < left < 91 * 86400

        mark = len(edge.process.text())
        site.certificate.write_bytes(second.certificate.read_bytes() + first.key.read_bytes())
        meridian.wait_until(lambda: "event=certificates_kept" in edge.process.text()[mark:], "the key does not fit")
        assert shown(edge, authority) == [WWW, "third.tls.example"]
        site.certificate.write_bytes(second.certificate.read_bytes() + second.key.read_bytes())
        meridian.wait_until(lambda: shown(edge, authority) == [WWW, "fourth.tls.example"], "the new one is shown")
        assert ask(old)[0] == 200, "it lives on"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_show_certificates_and_servers_read_whose(tmp_path, authority, www, version):
    api = authority.issue(API)
    alice = authority.issue(subject="/O=shop/CN=alice")
    mallory = Authority(tmp_path / "others").issue(subject="/CN=mallory")
    wanted = {"ca": str(authority.ca)}
    log = tmp_path / "access.log"
    with an_edge(tmp_path, [www.listed(), api.listed(client_certificates=wanted)], edge={"access_log": str(log)}) as edge:
        forged = "X-Client-Cert-Subject: CN=forged\r\nX_Client_Cert_Subject: CN=forged\r\n"
        with connect(edge, context_of(authority, version, alice), API) as sock:
            status, head = ask(sock, API, fields=forged)
            assert status == 200
            assert b"X-Client-Cert-Subject: CN=alice,O=shop\r\n" in head and b"forged" not in head
            session = sock.session
            assert ask(sock, WWW)[0] == 421, "the other host has another rule"
        with connect(edge, context_of(authority, version, alice), API, session=None) as sock:
            assert ask(sock, API)[0] == 200
        with connect(edge, context_of(authority, version)) as sock:
            assert ask(sock, API)[0] == 421, "let in without a certificate"
            status, head = ask(sock, WWW, fields=forged)
            assert status == 200 and b"forged" not in head
            assert ask(sock, "unknown.example")[0] == 200, "as the first certificate's host"
        del session
        for client in (None, mallory):
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                with connect(edge, context_of(authority, version, client), API) as sock:
                    ask(sock, API)
        meridian.wait_until(lambda: failed(edge, "certificate") == 2, "both are counted")
        assert b"subject" not in edge.get()[2].lower()
        meridian.wait_until(lambda: '"client_subject":"CN=alice,O=shop"' in log.read_text(), "the log has it")
        line = next(json.loads(line) for line in log.read_text().splitlines() if "alice" in line)
        assert (line["tls"], line["sni"], line["host"]) == ("TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3", API, API)
        assert line["cipher"].startswith(("ECDHE-ECDSA-AES128", "TLS_AES_128"))


def test_optional_certificates(tmp_path, authority):
    alice = authority.issue(subject="/CN=alice")
    with an_edge(tmp_path, [authority.issue(WWW).listed(client_certificates={"ca": str(authority.ca), "mode": "optional"})]) as edge:
        with connect(edge, context_of(authority)) as sock:
            assert b"Client-Cert" not in ask(sock)[1]
        with connect(edge, context_of(authority, client=alice)) as sock:
            assert b"X-Client-Cert-Subject: CN=alice\r\n" in ask(sock)[1]


def test_the_field_of_the_clients_subject_has_the_name_that_is_said(tmp_path, authority):
    """And what clients send under that name is removed, in any spelling, with a certificate and without; the default's name is one like any other then."""
    alice = authority.issue(subject="/CN=alice")
    listed = [authority.issue(WWW).listed(client_certificates={"ca": str(authority.ca), "mode": "optional"})]
    forged = "X-Whose: CN=forged\r\nx_whose: CN=forged\r\nX-Client-Cert-Subject: left\r\n"
    with an_edge(tmp_path, listed, edge={"client_subject_field": "X-Whose"}) as edge:
        with connect(edge, context_of(authority, client=alice)) as sock:
            head = ask(sock, fields=forged)[1]
            assert b"X-Whose: CN=alice\r\n" in head and b"forged" not in head
        with connect(edge, context_of(authority)) as sock:
            head = ask(sock, fields=forged)[1]
            assert b"whose" not in head.lower() and b"X-Client-Cert-Subject: left\r\n" in head


def test_the_way_to_https_is_one_line(tmp_path, authority, www):
    listen = [{"address": "{edge}:8080", "redirect_to_https": True}, {"address": "{edge}:8081", "redirect_to_https": True, "https_port": 8443},
              {"address": "{edge}:8443", "protocol": "https", "certificates": [www.listed()]}]
    hsts = {"set": {"Strict-Transport-Security": "max-age=60"}}
    with an_edge(tmp_path, [], edge={"listen": listen, "response_headers": hsts}) as edge:
        status, fields, _ = edge.get("/a/b?c=d", Host=WWW, method="POST", body=b"x")
        assert (status, fields["Location"]) == (308, f"https://{WWW}/a/b?c=d")
        assert "Strict-Transport-Security" not in fields, "over TLS alone (RFC 6797 7.2)"
        done = subprocess.run(["curl", "-sSL", "-o", "/dev/null", "--cacert", str(authority.ca), "--resolve", f"{WWW}:8081:{edge.host}", "--resolve",
                               f"{WWW}:8443:{edge.host}", "-w", "%{http_code} %{url_effective} %{num_redirects}", f"http://{WWW}:8081/a?b=c"],
                              capture_output=True, text=True, timeout=90, check=False)
        assert done.stdout == f"200 https://{WWW}:8443/a?b=c 1", done.stdout + done.stderr
        assert edge.get("/.meridian/health")[0] == 200
        with connect(edge, context_of(authority)) as sock:
            assert ask(sock)[0] == 200
        assert "strict-transport-security: max-age=60" in curl(edge, authority, "-i").stdout.lower()


def test_ready_sets_of_fields_ask_for_tls_over_tls_alone(tmp_path, authority, www):
    listen = [{"address": "{edge}:8080", "redirect_to_https": True}, {"address": "{edge}:8443", "protocol": "https", "certificates": [www.listed()]}]
    with an_edge(tmp_path, [], edge={"listen": listen, "security_headers": "basic"}) as edge:
        for request in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
            with edge.raw() as sock:
                sock.sendall(request)
                head = read_to_end(sock).split(b"\r\n\r\n")[0]
            assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 308 ")) and b"strict-transport-security" not in head.lower(), head
        assert "strict-transport-security: max-age=31536000" in curl(edge, authority, "-i").stdout.lower()


def test_tls_ends_here_before_a_tcp_pool(tmp_path, authority, www):
    listen = [{"address": "{edge}:8080"}, {"address": "{edge}:8443", "protocol": "tcp", "pool": "web", "certificates": [www.listed()]}]
    with an_edge(tmp_path, [], edge={"listen": listen}) as edge, connect(edge, context_of(authority)) as sock:
        status, head = ask(sock)
        assert status == 200
        assert b"X-Forwarded" not in head, "nobody has read it"
