"""Listeners of a pool (`protocol: tcp`): whatever is spoken goes to a server unread, as do its ends."""
import contextlib
import json
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import Counter

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, slot_address
from meridian import wait_until

PORT = 7000
NAMES = ("one.example", "two.example", "deep.below.example")


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def echo(exchange):
    while data := exchange.sock.recv(65536):
        exchange.sock.sendall(data)


def named(exchange):
    """Says which server it is, then echoes."""
    exchange.sock.sendall(exchange.server.address.encode() + b"\n")
    echo(exchange)


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_to_end(sock):
    received = bytearray()
    while chunk := sock.recv(65536):
        received += chunk
    return bytes(received)


def read_exactly(sock, size):
    received = bytearray()
    while len(received) < size:
        chunk = sock.recv(65536)
        assert chunk, f"ended after {len(received)} of {size}"
        received += chunk
    return bytes(received)


class Edge(LoneEdge):
    """An edge with a listener for TCP besides the one for HTTP."""

    def __init__(self, directory, slot, servers, pool=None, listener=None, edge=None, pools=None):
        listen = [{"address": "{edge}:8080"}, {"address": f"{{edge}}:{PORT}", "protocol": "tcp", "pool": "web", **(listener or {})}]
        if listener and listener.get("pool") == "":
            del listen[1]["pool"]
        self.more = pools or {}
        super().__init__(directory, slot, servers, pool, {"listen": listen, "access_log": str(directory / "access.log"), **(edge or {})})

    def write(self):
        self.config["edge"]["pools"].update(self.more)
        super().write()

    @property
    def listener(self):
        return self.config["edge"]["listen"][1]

    def tcp(self, source=None, timeout=60):
        return socket.create_connection((self.host, PORT), timeout=timeout, source_address=(source, 0) if source else None)

    def lines(self, **wanted):
        """The access log's lines of TCP connections that have these values."""
        text = (self.directory / "access.log").read_text()
        found = [json.loads(line) for line in text.splitlines()]
        return [line for line in found if line["method"] == "TCP" and all(line[key] == value for key, value in wanted.items())]

    def line(self, **wanted):
        return wait_until(lambda: self.lines(**wanted), f"a line with {wanted}")[-1]


def ask(edge, text=b"hello", source=None):
    with edge.tcp(source) as client:
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        return read_to_end(client)


def first_line(edge, source=None):
    """Which server a new connection gets."""
    with edge.tcp(source) as client:
        return client.makefile("rb").readline().decode().strip()


def test_octets_and_ends_pass_both_ways_and_are_accounted_for(slot, tmp_path):
    def late(exchange):
        """Speaks only behind the client's end."""
        received = read_to_end(exchange.sock)
        exchange.sock.sendall(b"got " + received)

    with Scripted(slot_address(slot, "2.1"), late) as server, Edge(tmp_path, slot, [server.name]) as edge:
        assert ask(edge) == b"got hello"
        line = edge.line(end="-")
        assert (line["pool"], line["server"], line["status"]) == ("web", server.name, 200)
        assert (line["octets_in"], line["octets_out"], line["attempts"]) == (5, 9, 1)
        assert line["route"] == f"tcp:{edge.host}:{PORT}" and line["client"] == "127.0.0.1"
        assert 0 < line["picked_us"] + 1 <= line["connected_us"] + 1 <= line["total_us"] + 1
        assert edge.metric("meridian_edge_sessions_total", 'protocol="tcp"') == 1
        assert edge.metric("meridian_edge_sessions", 'protocol="tcp"') == 0
        assert edge.metric("meridian_edge_session_bytes_total", 'protocol="tcp",direction="in"') == 5
        assert edge.metric("meridian_edge_session_bytes_total", 'protocol="tcp",direction="out"') == 9
        assert edge.servers()[server.name]["requests"] == 1
        assert edge.servers()[server.name]["in_flight"] == 0


@pytest.mark.parametrize("size", [1024 * 1024, 16 * 1024 * 1024])
def test_much_goes_both_ways_at_once(slot, tmp_path, size):
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name]) as edge, edge.tcp() as client:
        def write():
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        writer = threading.Thread(target=write)
        writer.start()
        assert read_to_end(client) == data
        writer.join()
        line = edge.line(end="-")
        assert (line["octets_in"], line["octets_out"]) == (size, size)


def test_small_messages_to_and_fro_on_a_long_connection(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name]) as edge, edge.tcp() as client:
        for n in range(300):
            text = b"message %d" % n
            client.sendall(text)
            assert read_exactly(client, len(text)) == text
        assert edge.metric("meridian_edge_sessions", 'protocol="tcp"') == 1
        assert edge.servers()[server.name]["in_flight"] == 1


def test_who_does_not_read_holds_the_other_back_and_no_memory(slot, tmp_path):
    sent = []

    def endless(exchange):
        with contextlib.suppress(OSError):
            while True:
                sent.append(exchange.sock.send(b"x" * 65536))

    with Scripted(slot_address(slot, "2.1"), endless) as server, Edge(tmp_path, slot, [server.name]) as edge:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect((edge.host, PORT))
        before = edge.process.memory_kib()

        def stands():
            count = len(sent)
            time.sleep(0.5)
            return count > 0 and len(sent) == count
        wait_until(stands, "the server is held back")
        assert sum(sent) < 32 * 1024 * 1024, "what kernels buffer, and not more"
        assert edge.process.memory_kib() - before < 4 * 1024
        read_exactly(client, 2 * sum(sent))  # and goes on
        client.close()
        edge.line(end="C")


def test_a_reset_is_passed_on_as_one(slot, tmp_path):
    ends = []

    def script(exchange):
        if exchange.sock.recv(100) == b"reset me":
            return reset(exchange.sock)
        try:
            ends.append(exchange.sock.recv(100))
        except ConnectionResetError:
            ends.append("reset")

    with Scripted(slot_address(slot, "2.1"), script) as server, Edge(tmp_path, slot, [server.name]) as edge:
        with edge.tcp() as client:
            client.sendall(b"reset me")
            with pytest.raises(ConnectionResetError):
                client.recv(100)
        assert edge.line(end="r")["reason"] == "server reset the connection"
        client = edge.tcp()
        client.sendall(b"look")
        wait_until(lambda: edge.servers()[server.name]["in_flight"] == 1, "it is there")
        reset(client)
        wait_until(lambda: ends == ["reset"], "the server sees the reset")
        assert edge.line(end="C")["reason"] == "client reset the connection"
        assert edge.metric("meridian_edge_errors_total", 'kind="upstream_reset"') == 1


def test_a_connect_that_fails_goes_to_another_server(slot, tmp_path):
    dead = slot_address(slot, "2.9") + ":9000"
    with Scripted(slot_address(slot, "2.1"), named) as server, Edge(tmp_path, slot, [dead, server.name]) as edge:
        assert {first_line(edge) for _ in range(6)} == {server.address}
        wait_until(lambda: len(edge.lines()) == 6, "each has its line")
        tried = edge.lines(attempts=2)
        assert tried and all(line["end"] == "-" and line["server"] == server.name for line in tried)
        assert edge.servers()[dead]["failures"] > 0
        assert edge.pool()["retries"] == len(tried)


def test_no_server_is_a_reset_and_a_line(slot, tmp_path):
    dead = slot_address(slot, "2.9") + ":9000"
    with Edge(tmp_path, slot, [dead]) as edge:
        with pytest.raises(ConnectionResetError), edge.tcp() as client:
            client.recv(100)
        assert edge.line(end="c")["status"] == 502
        assert "event=request_failed" in edge.process.text() or dead in edge.process.text()


def test_a_breaker_keeps_connections_away(slot, tmp_path):
    dead = slot_address(slot, "2.9") + ":9000"
    pool = {"breaker": {"failures": 2, "open": "1h", "max_open": "1h"}, "retry": {"attempts": 1}}
    with Scripted(slot_address(slot, "2.1"), named) as server, Edge(tmp_path, slot, [dead, server.name], pool) as edge:
        for _ in range(8):
            with contextlib.suppress(ConnectionResetError):
                first_line(edge)
        wait_until(lambda: edge.servers()[dead]["breaker"] == "open", "its breaker is open")
        assert {first_line(edge) for _ in range(6)} == {server.address}


def test_the_trading_front_end(slot, tmp_path):
    """Three servers in turns with checks; one falls, and comes back; clients have a home by hash after a reload."""
    addresses = [slot_address(slot, f"2.{n}") for n in (1, 2, 3)]
    pool = {"health": {"kind": "tcp", "interval": "1s", "timeout": "1s", "fall": 1, "rise": 1}}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Scripted(address, named)) for address in addresses[:2]]
        third = Scripted(addresses[2], named)
        edge = stack.enter_context(Edge(tmp_path, slot, [f"{address}:9000" for address in addresses], pool))
        wait_until(lambda: all(one["health"] == "up" for one in edge.servers().values()), "all are up")
        assert Counter(first_line(edge) for _ in range(9)) == dict.fromkeys(addresses, 3)
        third.__exit__()
        wait_until(lambda: edge.servers()[third.name]["health"] == "down", "the check has seen it")
        assert Counter(first_line(edge) for _ in range(8)) == dict.fromkeys(addresses[:2], 4)
        stack.enter_context(Scripted(addresses[2], named))
        wait_until(lambda: edge.servers()[third.name]["health"] == "up", "it is back")
        assert set(first_line(edge) for _ in range(9)) == set(addresses)
        edge.web["balance"] = "ip_hash"
        edge.reload()
        homes = {}
        for n in range(1, 30):
            source = slot_address(slot, f"9.{n}")
            found = {first_line(edge, source) for _ in range(3)}
            assert len(found) == 1, "an address has one server"
            homes[source] = found.pop()
        assert set(homes.values()) == set(addresses) and len(servers) == 2


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name], listener={"timeout": {"idle": "2s"}}) as edge:
        with edge.tcp() as idle, edge.tcp() as busy:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                busy.sendall(b"x")
                assert busy.recv(1) == b"x"
                time.sleep(0.1)
            assert idle.recv(1) == b"", "closed with FIN: nothing was lost"
        assert edge.line(end="i")["reason"] == "nothing moved for the idle time"
        assert edge.line(end="-")["octets_in"] > 10


def test_who_is_not_on_the_list_is_turned_away(slot, tmp_path):
    friend, stranger = slot_address(slot, "9.1"), slot_address(slot, "9.2")
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name], listener={"allow": [f"{friend}/32"]}) as edge:
        assert ask(edge, source=friend) == b"hello"
        with pytest.raises(ConnectionResetError), edge.tcp(stranger) as client:  # perhaps before connect() has returned
            client.recv(100)
        assert edge.line(client=stranger)["status"] == 403
        edge.listener["allow"] = [f"{stranger}/32"]
        edge.reload()
        wait_until(lambda: ask(edge, source=stranger) == b"hello", "the list of the new configuration")
        assert server.connections >= 2


def test_connections_live_over_reloads(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1"), named) as old, Scripted(slot_address(slot, "2.2"), named) as new, \
            Edge(tmp_path, slot, [old.name]) as edge, edge.tcp() as client:
        assert client.makefile("rb").readline().decode().strip() == old.address
        edge.config["edge"]["pools"]["web"]["servers"] = [new.name]
        edge.reload()
        wait_until(lambda: first_line(edge) == new.address, "new ones go to the new server")
        client.sendall(b"still here")
        assert read_exactly(client, 10) == b"still here"


def test_a_drain_lets_connections_live_for_its_grace(slot, tmp_path):
    health = {"health": {"edge": {"interval": "1s", "timeout": "500ms", "fall": 3}}}
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name], edge={"drain_grace": "4s"}) as edge, \
            edge.tcp() as lasting, edge.tcp() as ending:
        for client in (lasting, ending):
            client.sendall(b"x")
            assert client.recv(1) == b"x"
        edge.config.update(health)
        edge.process.signal(signal.SIGTERM)
        edge.process.wait_until(lambda: "event=closing" in edge.process.text(), "it has stopped accepting")
        for client in (lasting, ending):
            client.sendall(b"y")
            assert client.recv(1) == b"y", "it lives on"
        ending.close()
        assert lasting.recv(1) == b"", "at the end of the grace it ends"
        assert edge.process.wait() == 0
        assert edge.line(end="d")["reason"] == "the process ends"


def test_an_upgrade_keeps_connections_and_takes_new_ones(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name], edge={"drain_grace": "2s"}) as edge, edge.tcp() as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        old = edge.process
        edge.process = meridian.Process([*old.arguments, "--upgrade"], tmp_path / "second.log")
        wait_until(lambda: not edge.process.running() or "event=taken_over" in old.text(), "taken over")
        assert edge.process.running(), edge.process.text()
        assert ask(edge) == b"hello"
        client.sendall(b"z")
        assert client.recv(1) == b"z", "the old one lives on in the old process"
        client.close()
        assert old.wait() == 0


@pytest.mark.load
def test_upgrades_and_reloads_reset_nobody(slot, tmp_path):
    """Short connections all the while, and one that lives over the first upgrade."""
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name], edge={"drain_grace": "20s"}) as edge:
        stop, done, failed = threading.Event(), Counter(), []

        def clients(name):
            while not stop.is_set():
                try:
                    assert ask(edge) == b"hello"
                    done[name] += 1
                except (OSError, AssertionError) as error:
                    failed.append(repr(error))
        threads = [threading.Thread(target=clients, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        try:
            with edge.tcp() as lasting:
                for n in range(3):
                    old = edge.process
                    edge.process = meridian.Process([*[a for a in old.arguments if a != "--upgrade"], "--upgrade"], tmp_path / f"edge-{n}.log")
                    wait_until(lambda: not edge.process.running() or "event=taken_over" in old.text(), "taken over")
                    assert edge.process.running(), edge.process.text()
                    edge.listener["timeout"] = {"idle": f"{n + 60}s"}
                    edge.reload()
                    before = dict(done)
                    wait_until(lambda: all(done[name] > before.get(name, 0) + 5 for name in range(3)), "clients go on")
                    if n == 0:
                        lasting.sendall(b"over the first upgrade")
                        assert read_exactly(lasting, 22) == b"over the first upgrade"
                        lasting.close()
                    assert old.wait() == 0, old.text()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failed, failed[:3]


def test_explain_says_which_server_and_why(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1"), echo) as server, Edge(tmp_path, slot, [server.name], listener={"allow": ["127.0.0.0/8"]}) as edge:
        said = edge.admin(f"/explain?listener={PORT}&client=127.0.0.1", "GET")[1]
        assert f"listener: tcp:{edge.host}:{PORT}" in said and f"answer: pool web, server {server.name}" in said
        assert "refused: client not in the listener's allow list" in edge.admin(f"/explain?listener={PORT}&client=192.0.2.1", "GET")[1]
        status, said = edge.admin("/explain?listener=1", "GET")
        assert status == 400 and f"tcp:{edge.host}:{PORT}" in said
        command = [meridian.binaries() / "meridian", "explain", edge.file, "--listener", str(PORT)]
        assert f"server {server.name}" in subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        listeners = json.loads(edge.admin("/status", "GET")[1])["listeners"]
        assert listeners == [{"listener": f"tcp:{edge.host}:{PORT}", "pool": "web"}]


def test_the_shop_has_a_trading_front_end(steady_shop):
    """The example's listener for TCP: its servers speak HTTP, which nobody on the way looks at."""
    edge = steady_shop.edge_address("eu")

    def served_by():
        return json.loads(meridian.http_get(edge, PORT, "/")[2])["server"]
    wait_until(lambda: meridian.http_get(edge, PORT, "/")[0] == 200, "the front end answers")
    assert {served_by() for _ in range(9)} == {f"eu-trading-{n}" for n in (1, 2, 3)}


# TLS that is passed on by the name in its ClientHello.

def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    for name in (*NAMES, "rest.example"):
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    return folder


@contextlib.contextmanager
def tls_servers(slot, certificates, directory):
    """openssl s_server for each name, which shows its own certificate to everybody: {name: "ADDRESS:PORT"}."""
    servers, started = {}, []
    try:
        for n, name in enumerate((*NAMES, "rest.example")):
            address = slot_address(slot, f"2.{n + 1}")
            servers[name] = f"{address}:9443"
            started.append(meridian.Process(["openssl", "s_server", "-accept", servers[name], "-cert", certificates / f"{name}.pem", "-key",
                                             certificates / f"{name}.key", "-rev", "-quiet"], directory / f"{name}.log"))
            wait_until(lambda where=address: socket.create_connection((where, 9443), timeout=5).close() is None, f"s_server {name}")
        yield servers
    finally:
        for process in started:
            process.kill()


@contextlib.contextmanager
def sni_edge(slot, certificates, directory, default=True):
    with tls_servers(slot, certificates, directory) as servers:
        pools = {name.split(".")[0]: {"servers": [where]} for name, where in servers.items()}
        rules = [{"name": "one.example", "pool": "one"}, {"name": ["two.example", "2.example"], "pool": "two"}, {"name": "*.example", "pool": "rest"},
                 {"name": "*.below.example", "pool": "deep"}]
        listener = {"sni": rules, "pool": "web" if default else ""}
        with Edge(directory, slot, [servers["rest.example"]], listener=listener, edge={"client": {"head_timeout": "3s"}}, pools=pools) as edge:
            yield edge


def s_client(edge, *options):
    """The common name of the certificate that comes, and what the server says to `abc` (it is reversed)."""
    command = ["openssl", "s_client", "-connect", f"{edge.host}:{PORT}", "-quiet", "-no_ign_eof", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
        client.stdin.write("abc\n")
        client.stdin.flush()
        line = client.stdout.readline().strip()
        client.kill()
        told = client.stderr.read()
    name = told.rpartition("CN = ")[2].splitlines()[0] if "CN = " in told else told
    return name, line


def test_tls_goes_by_its_name_and_is_passed_on_unchanged(slot, certificates, tmp_path):
    with sni_edge(slot, certificates, tmp_path) as edge:
        for asked, name in (("one.example", "one.example"), ("TWO.Example", "two.example"), ("2.example", "two.example"), ("a.below.example", "deep.below.example"),
                            ("a.b.below.example", "deep.below.example"), ("below.example", "rest.example"), ("other.test", "rest.example")):
            assert s_client(edge, "-servername", asked) == (name, "cba"), asked
            assert edge.line(host=asked.lower())["octets_in"] > 100
        assert s_client(edge, "-noservername") == ("rest.example", "cba")
        assert s_client(edge, "-servername", "one.example", "-tls1_2") == ("one.example", "cba")
        said = edge.admin(f"/explain?listener={PORT}&sni=one.example", "GET")[1]
        assert "sni: one.example" in said and "answer: pool one, server" in said


def test_unknown_names_and_what_is_no_tls_are_turned_away(slot, certificates, tmp_path):
    with sni_edge(slot, certificates, tmp_path, default=False) as edge:
        assert s_client(edge, "-servername", "one.example") == ("one.example", "cba")
        told, line = s_client(edge, "-servername", "other.test")
        assert "unrecognized name" in told and line == ""
        assert edge.line(host="other.test")["reason"] == "no pool for this server name"
        for text in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x16\x03\x01\x00\x05\x02abcd", b"\x80\x2e\x01\x03\x01"):
            with edge.tcp() as client, contextlib.suppress(ConnectionResetError):
                client.sendall(text)
                assert client.recv(100) == b""
        assert len(wait_until(lambda: len(edge.lines(end="R")) >= 5 and edge.lines(end="R"), "lines")) == 5
        began = time.monotonic()
        with edge.tcp() as slow, contextlib.suppress(ConnectionResetError):
            slow.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert slow.recv(100) == b""
        assert 2 < time.monotonic() - began
        assert edge.line(end="T")["reason"] == "TLS handshake or ClientHello came too slowly"


def test_a_hello_in_single_octets_reaches_the_server_whole(slot, certificates, tmp_path):
    with sni_edge(slot, certificates, tmp_path) as edge, socket.socket() as listener:
        listener.bind((slot_address(slot, "9.9"), 0))
        listener.listen()
        client = subprocess.Popen(["openssl", "s_client", "-connect", "%s:%d" % listener.getsockname(), "-servername", "two.example", "-quiet", "-no_ign_eof"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        near, _ = listener.accept()
        far = edge.tcp()
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def pass_on(source, sink, size):
            with contextlib.suppress(OSError):
                while data := source.recv(size):
                    sink.sendall(data)
        threads = [threading.Thread(target=pass_on, args=args, daemon=True) for args in ((near, far, 1), (far, near, 65536))]
        for thread in threads:
            thread.start()
        client.stdin.write("abc\n")
        client.stdin.flush()
        assert client.stdout.readline() == "cba\n"
        client.kill()
        client.communicate()
        for sock in (near, far):
            sock.close()
