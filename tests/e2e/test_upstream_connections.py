"""Connections to servers that are kept: which ones, how many, for how long, and which never."""
import socket
import threading
import time

import pytest
from test_discovery import Dns

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def test_a_connection_is_kept_for_the_next_request(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1")) as server, LoneEdge(tmp_path, slot, [server.name]) as edge:
        assert [edge.get(f"/{n}")[0] for n in range(5)] == [200] * 5
        assert server.connections == 1


def test_never_after_an_early_answer_to_an_unfinished_body(slot, tmp_path):
    def early(exchange):
        while head := exchange.read_head():
            if head.startswith(b"POST"):
                exchange.read(10)
            exchange.send(ok(b"early"))

    with Scripted(slot_address(slot, "2.1"), early) as server, LoneEdge(tmp_path, slot, [server.name]) as edge:
        with edge.raw() as client:
            client.sendall(b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"0123456789")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            assert edge.get("/next")[2] == b"early"
        (post,) = server.asked("/post")
        assert post not in server.asked("/next"), "it would be taken for the rest of a body"
        meridian.wait_until(lambda: post not in server.open, "it is closed")


@pytest.mark.parametrize("size", [10, 1_000_000])
@pytest.mark.parametrize("later", [False, True])
def test_never_with_octets_behind_a_body(slot, tmp_path, size, later):
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

    def script(exchange):
        while head := exchange.read_head():
            if b" /first " not in head:
                exchange.send(ok(b"right"))
            elif later:
                exchange.send(ok(b"y" * size))
                time.sleep(0.2)
                exchange.send(surplus)
            else:
                exchange.send(ok(b"y" * size) + surplus)

    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name]) as edge:
        assert edge.get("/first")[2] == b"y" * size
        meridian.wait_until(lambda: not server.open, "the connection is closed")
        assert [edge.get("/next")[2] for _ in range(3)] == [b"right"] * 3
        assert set(server.asked("/first")).isdisjoint(server.asked("/next"))


def test_no_more_than_idle_connections_and_no_longer_than_idle_timeout(slot, tmp_path):
    together = threading.Barrier(6)

    def script(exchange):
        while head := exchange.read_head():
            if b" /together " in head:
                together.wait(30)
            exchange.send(ok())

    with Scripted(slot_address(slot, "2.1"), script) as server, \
            LoneEdge(tmp_path, slot, [server.name], {"idle": {"connections": 2, "timeout": "1500ms"}}) as edge:
        clients = [threading.Thread(target=edge.get, args=("/together",)) for _ in range(5)]
        for client in clients:
            client.start()
        meridian.wait_until(lambda: together.n_waiting == 5, "five requests are at the server")
        assert len(server.open) == 5
        together.wait(30)
        for client in clients:
            client.join()
        answered = time.monotonic()
        meridian.wait_until(lambda: len(server.open) == 2, "two connections are kept", timeout=5)
        assert time.monotonic() - answered < 1.2, "the others went at once"
        for _ in range(7):  # the idle ones are looked at once a second
            time.sleep(0.5)
            assert edge.get("/again")[0] == 200
        assert len(set(server.asked("/again"))) == 1 and len(server.open) == 1, "one is used again and again, the other one's time was over"
        used = time.monotonic()
        meridian.wait_until(lambda: not server.open, "its time is over", timeout=10)
        assert 1.3 < time.monotonic() - used < 5


def test_none_is_kept_where_none_may_be(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1")) as server, LoneEdge(tmp_path, slot, [server.name], {"idle": {"connections": 0}}) as edge:
        assert [edge.get()[0] for _ in range(3)] == [200] * 3
        assert server.connections == 3
        meridian.wait_until(lambda: not server.open, "all are closed", timeout=5)


def test_a_name_that_moved_is_not_served_over_a_connection_to_its_old_address(slot, tmp_path):
    resolver = Dns(slot_address(slot, "9.1"))
    try:
        with Scripted(slot_address(slot, "2.1"), answering(lambda head: ok(b"old"))) as old, \
                Scripted(slot_address(slot, "2.2"), answering(lambda head: ok(b"new"))) as new:
            resolver.say("moves.internal.", "A", old.address)
            with LoneEdge(tmp_path, slot, ["moves.internal:9000"], {"idle": {"timeout": "1h"}}, {"resolvers": [f"{slot_address(slot, '9.1')}:5353"]}) as edge:
                meridian.wait_until(lambda: edge.get()[2] == b"old", "the name is known")
                assert edge.get()[2] == b"old" and old.open, "a connection is kept"
                resolver.say("moves.internal.", "A", new.address)
                meridian.wait_until(lambda: edge.get()[2] == b"new", "it has moved", timeout=30)
                before = len(old.heads)
                assert [edge.get()[2] for _ in range(5)] == [b"new"] * 5
                assert len(old.heads) == before, "the connection to the old address is there, and nothing is sent over it"
    finally:
        resolver.stop()


def test_a_kept_connection_that_is_dead_is_no_failure_of_its_server(slot, tmp_path):
    """The server closes it just as the request comes: another connection is taken, no breaker, no ejection, no budget."""
    def once(exchange):
        head = exchange.read_head()
        exchange.send(ok())
        if head := exchange.read_head():
            exchange.sock.shutdown(socket.SHUT_RDWR)

    pool = {"breaker": {"failures": 1, "max_opened": "100%"}, "ejection": {"consecutive": 1, "max_ejected": "100%"}, "retry": {"attempts": 2}}
    with Scripted(slot_address(slot, "2.1"), once) as server, LoneEdge(tmp_path, slot, [server.name], pool) as edge:
        for _ in range(10):
            assert edge.get()[0] == 200
        assert server.connections >= 6, "each second request met one that died"
        assert edge.metric("meridian_edge_server_failures_total") == 0
        assert edge.metric("meridian_edge_server_breaker_opened_total") == 0
        assert edge.metric("meridian_edge_pool_budget_refusals_total") == 0
