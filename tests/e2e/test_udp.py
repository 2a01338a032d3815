"""Listeners of a pool for UDP: a session for each client, with a server that stays its own."""
import contextlib
import json
import signal
import socket
import threading
import time
from collections import Counter

import pytest

import meridian
from lone_edge import LoneEdge, slot_address
from meridian import wait_until

PORT = 7053


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


class Server:
    """Answers every datagram by its own address and what came; knows who has asked."""

    def __init__(self, address, port=9000):
        self.address, self.port, self.name = address, port, f"{address}:{port}"
        self.peers, self.got, self.silent = [], [], False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind((address, port))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.sock.recvfrom(65536)
                if peer is None:  # shut down
                    return
                self.peers.append(peer)
                self.got.append(data)
                if not self.silent:
                    self.sock.sendto(self.address.encode() + b" " + data, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.sock.close()


class Edge(LoneEdge):
    def __init__(self, directory, slot, servers, pool=None, listener=None, edge=None, listen="{edge}"):
        listen = [{"address": "{edge}:8080"}, {"address": f"{listen}:{PORT}", "protocol": "udp", "pool": "web", **(listener or {})}]
        super().__init__(directory, slot, servers, pool, {"listen": listen, "access_log": str(directory / "access.log"), **(edge or {})})

    def client(self, source=None, to=None):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(20)
        if source:
            sock.bind((source, 0))
        sock.connect((to or self.host, PORT))
        return sock

    def lines(self, **wanted):
        found = [json.loads(line) for line in (self.directory / "access.log").read_text().splitlines()]
        return [line for line in found if line["method"] == "UDP" and all(line[key] == value for key, value in wanted.items())]

    def open(self):
        return self.metric("meridian_edge_sessions", 'protocol="udp"')


def ask(client, text=b"x"):
    """Which server answers, and by what."""
    client.send(text)
    server, _, said = client.recv(65536).partition(b" ")
    return server.decode(), said


def test_a_session_has_its_server_and_sessions_take_turns(slot, tmp_path):
    addresses = [slot_address(slot, f"2.{n}") for n in (1, 2, 3)]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(address)) for address in addresses]
        edge = stack.enter_context(Edge(tmp_path, slot, [server.name for server in servers], listener={"timeout": {"idle": "1s"}}))
        clients = [stack.enter_context(edge.client()) for _ in range(9)]
        homes = [ask(client)[0] for client in clients]
        assert Counter(homes) == dict.fromkeys(addresses, 3)
        for n in range(5):
            for client, home in zip(clients, homes):
                assert ask(client, b"%d" % n) == (home, b"%d" % n), "it stays"
        assert edge.open() == 9
        assert len(set(servers[0].peers)) == 3, "a socket for each session"
        wait_until(lambda: edge.open() == 0, "silent sessions end")
        lines = wait_until(lambda: len(edge.lines()) == 9 and edge.lines(), "a line for each")
        assert {line["octets_in"] for line in lines} == {6} and {line["end"] for line in lines} == {"-"}
        assert edge.metric("meridian_edge_session_bytes_total", 'protocol="udp",direction="in"') == 54
        assert ask(clients[0])[0] in addresses, "and begin anew"


def test_datagrams_of_all_sizes_pass_unchanged_and_in_bursts(slot, tmp_path):
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [server.name]) as edge, edge.client() as client:
        for size in (0, 1, 1472, 9000, 60000):
            assert ask(client, b"d" * size) == (server.address, b"d" * size)
        for n in range(200):
            client.send(b"%d" % n)
        answers = {client.recv(100).partition(b" ")[2] for _ in range(200)}
        assert answers == {b"%d" % n for n in range(200)}


def test_an_answer_leaves_from_the_address_that_was_asked(slot, tmp_path):
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [server.name], listen="0.0.0.0") as edge:
        other = slot_address(slot, "1.77")
        with edge.client(to=other) as client:  # connected: it takes answers from there only
            assert ask(client, b"y") == (server.address, b"y")


def test_a_server_that_is_gone_is_left(slot, tmp_path):
    gone = slot_address(slot, "2.9") + ":9000"
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [gone, server.name]) as edge:
        def answered(client):
            client.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                return ask(client)[0] == server.address
        for _ in range(4):
            with edge.client() as client:
                wait_until(lambda: answered(client), "the client asks again and is answered")
        assert edge.servers()[gone]["failures"] > 0
        assert edge.lines(end="c")[0]["server"] == gone


def test_strangers_and_too_many_are_dropped_and_counted(slot, tmp_path):
    friends = slot_address(slot, "9.0") + "/24"
    listener = {"allow": [friends], "max_sessions": 2}
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [server.name], listener=listener) as edge, contextlib.ExitStack() as stack:
        stranger = stack.enter_context(edge.client(slot_address(slot, "8.1")))
        stranger.send(b"x")
        wait_until(lambda: edge.metric("meridian_edge_datagrams_dropped_total") == 1, "dropped")
        meridian.eventually(lambda: edge.metric("meridian_edge_errors_total", 'kind="forbidden"') == 1, "and here")
        first, second, third = [stack.enter_context(edge.client(slot_address(slot, f"9.{n}"))) for n in (1, 2, 3)]
        assert ask(first)[0] == ask(second)[0] == server.address
        third.send(b"x")
        wait_until(lambda: edge.metric("meridian_edge_datagrams_dropped_total") == 2, "there is no room for a third one")
        third.settimeout(0.5)

        def served():
            assert ask(second)[0] == server.address
            with contextlib.suppress(TimeoutError):
                return ask(third)[0] == server.address
        wait_until(served, "who was silent for long gives way")
        assert edge.open() == 2


def test_sessions_live_over_a_reload(slot, tmp_path):
    with Server(slot_address(slot, "2.1")) as old, Server(slot_address(slot, "2.2")) as new, Edge(tmp_path, slot, [old.name]) as edge, edge.client() as client:
        assert ask(client)[0] == old.address
        edge.config["edge"]["pools"]["web"]["servers"] = [new.name]
        edge.reload()

        def moved():
            with edge.client() as other:
                return ask(other)[0] == new.address
        wait_until(moved, "new ones go to the new server")
        assert ask(client)[0] == old.address


def test_a_drain_serves_sessions_for_their_grace_and_nobody_new(slot, tmp_path):
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [server.name], edge={"drain_grace": "3s"}) as edge, edge.client() as client:
        assert ask(client)[0] == server.address
        edge.process.signal(signal.SIGTERM)
        edge.process.wait_until(lambda: "event=closing" in edge.process.text(), "it drains")
        assert ask(client)[0] == server.address
        assert edge.process.wait() == 0
        assert edge.lines()[-1]["end"] == "d"


def test_an_upgrade_hands_the_socket_over(slot, tmp_path):
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [server.name], edge={"drain_grace": "3s"}) as edge, edge.client() as client:
        assert ask(client)[0] == server.address
        old = edge.process
        edge.process = meridian.Process([*old.arguments, "--upgrade"], tmp_path / "second.log")
        wait_until(lambda: not edge.process.running() or "event=taken_over" in old.text(), "taken over")
        assert edge.process.running(), edge.process.text()
        began = time.monotonic()
        for n in range(50):
            assert ask(client, b"%d" % n)[1] == b"%d" % n, "not one is lost"
        assert old.wait() == 0
        assert time.monotonic() - began < 30
        assert edge.open() >= 1


def test_explain_and_status_know_it(slot, tmp_path):
    with Server(slot_address(slot, "2.1")) as server, Edge(tmp_path, slot, [server.name]) as edge:
        assert f"answer: pool web, server {server.name}" in edge.admin(f"/explain?listener=udp:{PORT}", "GET")[1]
        assert json.loads(edge.admin("/status", "GET")[1])["listeners"] == [{"listener": f"udp:{edge.host}:{PORT}", "pool": "web"}]
