"""Who may: networks behind a trusted proxy, names of requests, and which methods are sent to a server twice."""
import threading

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH")


@pytest.fixture(scope="module")
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture(scope="module")
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


@pytest.fixture(scope="module")
def edge(slot, server, tmp_path_factory):
    """The office 198.51.100.0/24 may use /office; a proxy is trusted, another one is not."""
    routes = [{"path": "/office", "pool": "web", "allow": ["198.51.100.0/24", slot_address(slot, "7.0/24")]}, {"path": "/", "pool": "web"}]
    with LoneEdge(tmp_path_factory.mktemp("who"), slot, [server.name], edge={"trusted_proxies": [slot_address(slot, "8.0/24")]}, routes=routes) as running:
        yield running


OFFICE, STRANGER = "198.51.100.7", "203.0.113.7"


@pytest.mark.parametrize(("peer", "forwarded", "status"), [
    ("8.9", OFFICE, 200), ("8.9", STRANGER, 403), ("8.9", f"{OFFICE}, {STRANGER}", 403), ("8.9", f"{STRANGER}, {OFFICE}", 200),
    ("8.9", None, 403), ("8.9", "nonsense", 403),
    ("6.9", OFFICE, 403), ("6.9", None, 403),
    ("7.9", None, 200), ("7.9", STRANGER, 200),
])
def test_allow_asks_for_the_client_behind_a_trusted_proxy_and_for_the_peer_otherwise(edge, slot, peer, forwarded, status):
    fields = {"X_Forwarded_For": forwarded} if forwarded else {}
    assert edge.get("/office", source=slot_address(slot, peer), **fields)[0] == status


@pytest.mark.parametrize(("peer", "said", "kept"), [
    ("8.9", "a", True), ("8.9", "Req-1.2_3~4", True), ("8.9", "x" * 128, True), ("8.9", "x" * 129, False),
    ("8.9", "two words", False), ("8.9", 'quo"te', False), ("8.9", "a,b", False), ("6.9", "a", False),
])
def test_a_request_id_is_kept_if_it_is_short_plain_and_a_proxys(edge, server, slot, peer, said, kept):
    path = f"/id/{abs(hash((peer, said)))}"
    assert edge.get(path, source=slot_address(slot, peer), X_Request_Id=said)[0] == 200
    head = next(head for _, head in server.heads if head.split(b" ")[1] == path.encode())
    ids = [line.partition(b":")[2].strip().decode() for line in head.split(b"\r\n") if line.lower().startswith(b"x-request-id:")]
    assert len(ids) == 1 and (ids[0] == said) == kept
    assert 0 < len(ids[0]) <= 128


# Whether a second server is asked: while the first is slow, when it has closed without an answer, and when it refuses the connection.
HEDGED = {"GET", "HEAD", "OPTIONS"}
REPEATED = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}


@pytest.fixture
def own_slot():
    held = meridian.Lease()
    yield held
    held.release()


def test_which_methods_are_hedged(own_slot, tmp_path):
    hold = threading.Event()

    def script(exchange):
        while head := exchange.read_head():
            exchange.read_body(head)
            if b" /slow/" in head and exchange.server.slow:
                hold.wait(3)
            exchange.send(ok())

    hedge = {"retry": {"attempts": 2, "budget": "100%", "min_rate": 1000, "hedge": {"mode": "enforce", "quantile": "50%", "min_delay": "50ms"}}}  # the slow ones stay unusual
    with Scripted(slot_address(own_slot, "2.1"), script) as first, Scripted(slot_address(own_slot, "2.2"), script) as second:
        first.slow, second.slow = True, True
        with LoneEdge(tmp_path, own_slot, [first.name, second.name], hedge) as edge:
            for n in range(120):
                assert edge.get(f"/quick/{n}")[0] == 200  # what is usual must be known
            seen = {}
            for method in METHODS:
                for body in (None, b"body"):
                    path = f"/slow/{method}/{body is not None}"
                    threading.Timer(0.5, hold.set).start()
                    edge.get(path, method=method, body=body)
                    hold.clear()
                    seen[method, body is not None] = len(first.asked(path) + second.asked(path))
            assert seen == {(method, body): 2 if method in HEDGED and not body else 1 for method in METHODS for body in (False, True)}


@pytest.mark.parametrize("refused", [False, True])
def test_which_methods_are_sent_again(own_slot, tmp_path, refused):
    """After a server that closed without an answer: those that may be done twice; after one that refused: all."""
    with Scripted(slot_address(own_slot, "2.1"), answering(lambda head: None)) as first, \
            Scripted(slot_address(own_slot, "2.2"), answering(lambda head: ok() if b"/again" in head else None)) as second:
        if refused:
            first.__exit__()
        retry = {"retry": {"attempts": 2, "budget": "100%", "min_rate": 1000}}
        with LoneEdge(tmp_path, own_slot, [first.name, second.name], retry) as edge:
            again = {}
            for method in METHODS:
                statuses = {edge.get(f"/again/{method}", method=method, body=b"small" if method in ("PUT", "POST", "PATCH") else None)[0] for _ in range(4)}
                again[method] = statuses == {200}
                assert statuses <= {200, 502}
            assert again == {method: refused or method in REPEATED for method in METHODS}
