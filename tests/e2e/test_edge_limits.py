"""The limits of an edge at their edges: connections, times between and inside heads, fields, priorities."""
import threading
import time

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, closed_after, ok, slot_address

HOST = b"Host: lone.example\r\n"


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


def test_between_requests_keep_alive_timeout_counts_and_inside_a_head_head_timeout(slot, server, tmp_path):
    client = {"head_timeout": "1s", "keep_alive_timeout": "4s"}
    with LoneEdge(tmp_path, slot, [server.name], edge={"client": client}) as edge:
        with edge.raw() as idle, edge.raw() as second, edge.raw() as silent:
            began = time.monotonic()
            for sock in (idle, second):
                sock.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            second.sendall(b"GET / HTTP/1.1\r\n")
            assert 0.9 < closed_after(silent, began) < 2.5, "its first head did not come"
            assert 0.9 < closed_after(second, began) < 2.5, "its second head did not come to an end"
            assert 3.9 < closed_after(idle, began) < 6, "it was between two requests"
    client = {"head_timeout": "4s", "keep_alive_timeout": "1s"}
    (tmp_path / "other").mkdir()
    with LoneEdge(tmp_path / "other", slot, [server.name], edge={"client": client}) as edge:
        with edge.raw() as idle, edge.raw() as second:
            began = time.monotonic()
            for sock in (idle, second):
                sock.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            second.sendall(b"GET / HTTP/1.1\r\n")
            assert 0.9 < closed_after(idle, began) < 2.5
            assert 3.9 < closed_after(second, began) < 6


@pytest.mark.parametrize("most", [1, 7, 100])
def test_max_fields_are_taken_and_one_more_is_431(slot, server, tmp_path, most):
    with LoneEdge(tmp_path, slot, [server.name], edge={"client": {"max_fields": most}}) as edge:
        for count, status in ((most, b"200"), (most + 1, b"431")):
            with edge.raw() as sock:
                sock.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: y\r\n" % n for n in range(count - 1)) + b"\r\n")
                assert sock.recv(65536)[9:12] == status, count


def test_max_connections_are_of_the_process_and_the_next_one_ends_the_longest_idle(slot, server, tmp_path):
    """Four connections of an edge of two workers: all four are served, and the fifth takes the place of the longest idle one."""
    with LoneEdge(tmp_path, slot, [server.name], edge={"workers": 2, "client": {"max_connections": 4}}) as edge:
        held = []
        for _ in range(4):
            sock = edge.raw()
            held.append(sock)
            sock.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.05)
        assert edge.metric("meridian_edge_connections") == 4, "as many as are allowed, whichever worker has them"
        # A worker makes room among its own: the newcomer may meet the one that has none to give, and comes again.
        def served():
            with edge.raw() as newcomer:
                newcomer.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
                return newcomer.recv(65536).startswith(b"HTTP/1.1 200 ")
        meridian.wait_until(served, "a fifth is served", timeout=10)
        assert edge.metric("meridian_edge_connections") <= 4
        for sock in held:
            sock.settimeout(0.2)
        gone = 0
        for sock in held:
            try:
                gone += sock.recv(1) == b""
            except ConnectionResetError:
                gone += 1
            except TimeoutError:
                pass
            sock.close()
        assert gone >= 1, "an idle one has gone"


def test_three_priorities_are_asked_in_their_order(slot, tmp_path):
    addresses = [slot_address(slot, f"2.{n}") for n in range(1, 7)]
    backends = [Scripted(address) for address in addresses]
    for backend in backends:
        backend.script = lambda exchange: [exchange.send(ok(exchange.server.address.encode())) for _ in iter(exchange.read_head, b"")]
    # The file says them in another order than they count.
    servers = [{"address": f"{address}:9000", "priority": priority} for address, priority in zip(addresses, (20, 20, 10, 10, 0, 0))]
    try:
        with LoneEdge(tmp_path, slot, servers) as edge:
            def used():
                return {edge.get()[2].decode() for _ in range(12)}
            assert used() == set(addresses[4:])
            assert edge.admin(f"/drain?pool=web&server={addresses[4]}:9000")[0] == 200
            assert used() == {addresses[5]}, "one of the first is enough"
            assert edge.admin(f"/drain?pool=web&server={addresses[5]}:9000")[0] == 200
            assert used() == set(addresses[2:4])
            for address in addresses[2:4]:
                assert edge.admin(f"/drain?pool=web&server={address}:9000")[0] == 200
            assert used() == set(addresses[:2])
            assert edge.admin(f"/undrain?pool=web&server={addresses[4]}:9000")[0] == 200
            assert used() == {addresses[4]}
    finally:
        for backend in backends:
            backend.__exit__()


def test_bounded_load_holds_each_server_to_its_weights_part(slot, tmp_path):
    """16 requests of one key are held at servers of weight 4, 2 and 2: 1.25 times 8, 4 and 4 at most, of all that are there."""
    release = threading.Event()

    def hold(exchange):
        while head := exchange.read_head():
            release.wait(30)
            exchange.send(ok())

    addresses = [slot_address(slot, f"2.{n}") for n in range(1, 4)]
    backends = [Scripted(address, hold) for address in addresses]
    servers = [{"address": f"{a}:9000", "weight": w} for a, w in zip(addresses, (4, 2, 2))]
    try:
        with LoneEdge(tmp_path, slot, servers, {"balance": "consistent_hash", "hash": {"by": "path", "bounded_load": 1.25}}) as edge:
            clients = []
            for n in range(16):
                clients.append(threading.Thread(target=edge.get, args=("/one-key",)))
                clients[-1].start()
                meridian.wait_until(lambda n=n: sum(len(b.heads) for b in backends) == n + 1, "it is at a server", timeout=10)
            held = [len(b.heads) for b in backends]
            release.set()
            for client in clients:
                client.join()
            assert sum(held) == 16 and held[0] <= 10 and held[1] <= 5 and held[2] <= 5, held
            assert max(held) >= 5 and held[0] >= 6, "and one key's home and heirs are filled up to it"
            before = [len(b.heads) for b in backends]
            assert edge.get("/one-key")[0] == 200 and edge.get("/one-key")[0] == 200
            assert sorted(len(b.heads) - old for b, old in zip(backends, before)) == [0, 0, 2], "with nothing in flight it goes home"
    finally:
        release.set()
        for backend in backends:
            backend.__exit__()
