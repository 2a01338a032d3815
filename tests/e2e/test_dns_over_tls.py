"""DNS over TLS (RFC 7858), as kdig, openssl and Python's ssl see it: answers, padding, many queries, idle and capped connections,
certificates that change and that are broken."""
import contextlib
import secrets
import shutil
import socket
import ssl
import struct
import subprocess
import time

import dns.edns
import dns.message
import pytest

import meridian
from authority import Authority, read_frame
from certificates import Authority as CertificateAuthority
from lone_edge import read_to_end

NAME = "ns1.example.com"
PORT = 8853
ZONE = """$TTL 300
@ SOA ns1 admin 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.7
big TXT "{}"
""".format('" "'.join(["x" * 200] * 20))
CONFIG = """service: dot
state_directory: {directory}/state
regions: {eu: {edges: [192.0.2.80]}}
admin: {dns: ["{address}:9053"]}
dns:
  listen: ["{address}:{port}"]
  workers: 1
  zones: {example.com: "{directory}/example.com.zone"}
  geo: {database: "{geo}"}
  tcp: TCP
  tls:
    listen: ["{address}:8853"]
    certificates: [{certificate: "{directory}/site.pem", key: "{directory}/site.key"}]
"""


@pytest.fixture(scope="module", name="ca")
def an_authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="site")
def certificate_of_site(ca):
    return ca.issue(NAME)


def install(certified, directory):
    shutil.copy(certified.key, directory / "site.key")
    shutil.copy(certified.certificate, directory / "site.pem")


@contextlib.contextmanager
def serving(directory, certified, tcp="{}", tls=""):
    server = Authority(directory, CONFIG.replace("TCP", tcp) + tls, {"example.com": ZONE})
    with server:
        if certified:
            install(certified, directory)
        yield server.start()


def connect(server, ca, alpn=("dot",), name=NAME):
    context = ssl.create_default_context(cafile=ca.ca)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(socket.create_connection((server.address, PORT), timeout=60), server_hostname=name)


def query(name="www.example.com", kind="A", options=(), edns=True):
    return dns.message.make_query(name, kind, use_edns=0 if edns else -1, options=list(options))


def framed(message):
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def ask(sock, message):
    sock.sendall(framed(message))
    return read_frame(sock)


def kdig(server, ca, *arguments):
    command = ["kdig", f"@{server.address}", "-p", str(PORT), f"+tls-ca={ca.ca}", f"+tls-hostname={NAME}", "+retry=0", "+timeout=30", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    return done.stdout + done.stderr


def test_kdig_is_answered_and_believes_whom_it_asks(tmp_path, ca, site):
    with serving(tmp_path, site) as server:
        said = kdig(server, ca, "+tls", "www.example.com", "A", "+padding")
        assert "192.0.2.7" in said and "TLS session (TLS1.3)" in said and "NOERROR" in said, said
        assert "PADDING" in said and "Received 468 B" in said, said
        assert "192.0.2.7" not in kdig(server, CertificateAuthority(tmp_path / "others"), "+tls", "www.example.com", "A")
        assert server.counted("meridian_dns_queries_total", 'transport="tls"') == 1
        assert server.counted("meridian_dns_tls_handshakes_total") >= 1
        meridian.wait_until(lambda: server.counted("meridian_dns_tls_handshakes_failed_total") == 1, "the other is counted")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_speaks_the_versions_and_the_protocol(tmp_path, ca, site, version):
    with serving(tmp_path, site) as server:
        command = ["openssl", "s_client", "-connect", f"{server.address}:{PORT}", "-CAfile", ca.ca, "-servername", NAME, "-alpn", "dot", version]
        done = subprocess.run(list(map(str, command)), input="", capture_output=True, text=True, timeout=60, check=False)
        assert "Verify return code: 0 (ok)" in done.stdout and "ALPN protocol: dot" in done.stdout, done.stdout + done.stderr


def test_answers_are_padded_where_the_query_has_edns_and_only_over_tls(tmp_path, ca, site):
    with serving(tmp_path, site) as server, connect(server, ca) as sock:
        padding = dns.edns.GenericOption(12, b"\0" * 20)
        for message, sizes in ((query(), {468}), (query(options=[padding]), {468}), (query("big.example.com", "TXT"), {9 * 468}),
                               (query("nobody.example.com"), {468})):
            answer = ask(sock, message)
            assert len(answer) in sizes, len(answer)
            parsed = dns.message.from_wire(answer)
            assert parsed.options[-1].otype == 12 and not any(parsed.options[-1].to_wire())
        bare = ask(sock, query(edns=False))
        assert len(bare) < 100 and dns.message.from_wire(bare).edns < 0
        plain = dns.message.from_wire(server.ask(query(options=[padding]).to_wire(), via="tcp4"))
        assert not [option for option in plain.options if option.otype == 12]


def test_many_queries_in_one_connection_in_any_pieces(tmp_path, ca, site):
    with serving(tmp_path, site) as server, connect(server, ca, alpn=()) as sock:
        queries = [query(("www", "big", "nobody")[n % 3] + ".example.com", "TXT") for n in range(300)]
        octets = b"".join(map(framed, queries))
        for at in range(0, len(octets), 777):
            sock.sendall(octets[at:at + 777])
        answered = {dns.message.from_wire(read_frame(sock)).id for _ in queries}
        assert answered == {message.id for message in queries}
        # The same answers as over TCP, but for the padding.
        for name, kind in (("www.example.com", "A"), ("example.com", "SOA"), ("nobody.example.com", "A")):
            message = query(name, kind)
            ours, plain = dns.message.from_wire(ask(sock, message)), dns.message.from_wire(server.ask(message.to_wire(), via="tcp4"))
            assert (ours.answer, ours.authority, ours.additional, ours.flags) == (plain.answer, plain.authority, plain.additional, plain.flags)


def test_a_client_that_takes_nothing_holds_no_more_than_others(tmp_path, ca, site):
    with serving(tmp_path, site, "{idle_timeout: 2s}") as server, connect(server, ca) as sock:
        sock.settimeout(1)
        with contextlib.suppress(TimeoutError, OSError):
            for _ in range(5000):
                sock.sendall(framed(query("big.example.com", "TXT")))
        assert ask_once(server, ca), "others are served meanwhile"
        meridian.wait_until(lambda: server.counted("meridian_dns_tcp_closed_total", 'reason="slow"') == 1, "it is closed")


def ask_once(server, ca):
    with connect(server, ca) as sock:
        return dns.message.from_wire(ask(sock, query())).answer


def test_idle_ones_are_closed_and_so_are_handshakes_that_do_not_end(tmp_path, ca, site):
    with serving(tmp_path, site, "{idle_timeout: 500ms}") as server:
        with connect(server, ca) as sock, socket.create_connection((server.address, PORT), timeout=60) as mute:
            mute.sendall(b"\x16\x03\x01")
            assert ask(sock, query())
            assert sock.recv(1) == b"", "with a word of its end"
            assert read_to_end(mute) == b""
        assert server.counted("meridian_dns_tcp_closed_total", 'reason="idle"') == 2


def test_the_caps_are_those_of_tcp(tmp_path, ca, site):
    with serving(tmp_path, site, "{max_per_client: 2}") as server, contextlib.ExitStack() as stack:
        first = stack.enter_context(connect(server, ca))
        ask(first, query())
        for _ in range(2):
            assert ask(stack.enter_context(connect(server, ca)), query())
        assert read_to_end(first) == b""
        assert server.counted("meridian_dns_tcp_closed_total", 'reason="client_cap"') == 1


def test_who_does_not_speak_tls_is_closed_and_counted(tmp_path, ca, site):
    with serving(tmp_path, site) as server:
        with socket.create_connection((server.address, PORT), timeout=60) as sock:
            sock.sendall(framed(query()))
            read_to_end(sock)
        meridian.wait_until(lambda: server.counted("meridian_dns_tls_handshakes_failed_total") == 1, "it is counted")
        with pytest.raises(ssl.SSLError):
            connect(server, ca, alpn=("h2",))
        assert ask_once(server, ca)


def shown(server, ca):
    with connect(server, ca) as sock:
        return sock.getpeercert()["serialNumber"]


def test_certificates_change_with_their_files_and_connections_stay(tmp_path, ca, site):
    with serving(tmp_path, site) as server:
        before = shown(server, ca)
        with connect(server, ca) as sock:
            assert ask(sock, query())
            install(ca.issue(NAME), tmp_path)
            meridian.wait_until(lambda: shown(server, ca) != before, "the new one is shown", 60)
            assert ask(sock, query()), "who is connected stays"
            (tmp_path / "site.pem").write_text("broken\n")
            meridian.wait_until(lambda: "event=certificates_kept" in server.process.text(), "the broken one is told of", 60)
            assert ask_once(server, ca)
        assert server.counted("meridian_dns_certificate_not_after_seconds") > time.time()


def resumed(server, context, session=None):
    """Whether it was, and the session of this connection."""
    with context.wrap_socket(socket.create_connection((server.address, PORT), timeout=60), server_hostname=NAME, session=session) as sock:
        assert ask(sock, query())  # a ticket of TLS 1.3 comes behind the handshake
        return sock.session_reused, sock.session


def test_a_file_of_ticket_keys_resumes_what_another_node_began(tmp_path, ca, site):
    keys = tmp_path / "tickets"
    old, new = secrets.token_hex(80), secrets.token_hex(80)
    keys.write_text("broken\n")
    keys.chmod(0o600)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with serving(tmp_path / "one", site, tls=f'    ticket_keys: "{keys}"\n') as one:
        context = ssl.create_default_context(cafile=ca.ca)
        _, session = resumed(one, context)
        assert resumed(one, context, session)[0], "without a file that can be read each has keys of its own"
        mark = len(one.process.text())
        keys.write_text(old + "\n")
        meridian.wait_until(lambda: "event=certificates_renewed" in one.process.text()[mark:], "the file is read", 60)
        with serving(tmp_path / "two", site, tls=f'    ticket_keys: "{keys}"\n') as two:
            assert not resumed(two, context, session)[0]
            _, session = resumed(one, context)
            assert resumed(two, context, session)[0], "by the keys of both"
            marks = {node: len(node.process.text()) for node in (one, two)}
            keys.write_text(f"{new}\n{old}\n")
            for node, mark in marks.items():
                meridian.wait_until(lambda node=node, mark=mark: "event=certificates_renewed" in node.process.text()[mark:], "it is followed", 60)
            assert resumed(one, context, session)[0], "the key before still opens"


def test_openssl_resumes_at_another_node_and_a_bad_file_of_keys_is_refused(tmp_path, ca, site):
    keys = tmp_path / "tickets"
    keys.write_text(f"# the newest first\n{secrets.token_hex(80)}\n")
    keys.chmod(0o600)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    def opens(server, *more):
        command = ["openssl", "s_client", "-connect", f"{server.address}:{PORT}", "-CAfile", ca.ca, "-servername", NAME, "-alpn", "dot", "-tls1_2", *more]
        return subprocess.run(list(map(str, command)), input="", capture_output=True, text=True, timeout=60, check=False).stdout

    tls = f'    ticket_keys: "{keys}"\n'
    with serving(tmp_path / "one", site, tls=tls) as one, serving(tmp_path / "two", site, tls=tls) as two:
        assert "New, TLSv1.2" in opens(one, "-sess_out", tmp_path / "session")
        assert "Reused, TLSv1.2" in opens(two, "-sess_in", tmp_path / "session")
        keys.write_text("0123\n")
        status, said = one.admin("/reload", "POST")
        assert status == 422 and "ticket_keys: " in said and "`openssl rand -hex 80` makes one" in said and "dns.yaml:" in said, said
        assert "Reused, TLSv1.2" in opens(one, "-sess_in", tmp_path / "session"), "those that were stay"
        keys.write_text(secrets.token_hex(80) + "\n")
        assert one.admin("/reload", "POST")[0] == 200
        assert "New, TLSv1.2" in opens(one, "-sess_in", tmp_path / "session"), "the new ones alone count"


def test_a_broken_certificate_keeps_nobody_else_from_being_served(tmp_path, ca, site):
    with serving(tmp_path, None) as server:
        assert "event=tls_not_served" in server.process.text()
        assert server.query(query()).answer
        with pytest.raises(OSError):
            connect(server, ca)
        install(site, tmp_path)
        meridian.wait_until(lambda: "event=certificates_renewed" in server.process.text(), "it is mended", 60)
        assert ask_once(server, ca)


def test_an_upgrade_loses_nobody(tmp_path, ca, site):
    with serving(tmp_path, site) as server, connect(server, ca) as sock:
        assert ask(sock, query())
        command = [meridian.binaries() / "meridian-dns", "--config", server.config, "--upgrade"]
        successor = meridian.Process(command, tmp_path / "successor.log")
        try:
            meridian.wait_until(lambda: "event=started" in successor.text() or not successor.running(), "the successor serves")
            assert successor.running(), successor.text()
            assert ask_once(server, ca), "by either of them"
            assert ask(sock, query()), "who is connected stays"
            sock.close()
            meridian.wait_until(lambda: not server.process.running(), "the predecessor has ended")
            assert ask_once(server, ca)
        finally:
            successor.kill()


def test_what_cannot_be_shown_is_an_error_of_a_check_and_of_a_reload(tmp_path, ca, site):
    with serving(tmp_path, site) as server:
        (tmp_path / "site.key").write_text(ca.issue(NAME).key.read_text())
        status, said = server.admin("/reload", "POST")
        assert status != 200 and "site.pem" in said, said
        command = [meridian.binaries() / "meridian-dns", "--config", server.config, "--check"]
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert checked.returncode != 0 and "site.pem" in checked.stderr, checked.stderr
        assert ask_once(server, ca), "the one before is still shown"
