"""What is held against a server and what is not: rows, rates, panic, slow start, and how often a request is tried."""
import threading
import time

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, ok, slot_address

CHECK = {"path": "/up", "interval": "250ms", "timeout": "240ms", "fall": 2, "rise": 1}
PLENTY = {"budget": "100%", "min_rate": 10000}


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def scripted(exchange):
    """`server.mode`: ok, bad (502), fail (500), close; its health page is well unless `server.ill`; `server.delay` seconds first."""
    while head := exchange.read_head():
        server = exchange.server
        exchange.read_body(head)
        if b" /up " in head:
            exchange.send(b"HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n" if server.ill else ok())
            continue
        time.sleep(server.delay)
        if server.mode == "close":
            return
        status = {"ok": b"200 OK", "bad": b"502 Bad", "fail": b"500 Fault"}[server.mode]
        exchange.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(server.address), server.address.encode()))


def make(slot, count):
    return [Scripted(slot_address(slot, f"2.{n + 1}"), scripted, mode="ok", ill=False, delay=0) for n in range(count)]


@pytest.fixture
def three(slot):
    servers = make(slot, 3)
    yield servers
    for server in servers:
        server.__exit__()


def requests(server):
    return sum(b" /up " not in head for _, head in list(server.heads))


def names(servers):
    return [server.name for server in servers]


def shares(edge, servers, count):
    before = [requests(server) for server in servers]
    for _ in range(count):
        edge.get()
    return [requests(server) - old for server, old in zip(servers, before)]


# -- rows

def test_a_success_ends_a_row_of_failures(slot, three, tmp_path):
    """Four failures, a success, four failures: no row of five, whatever watches for it."""
    one = three[0]
    pool = {"breaker": {"failures": 5, "max_opened": "100%", "open": "1h", "max_open": "1h"},
            "ejection": {"consecutive": 5, "max_ejected": "100%", "min_requests": 1000}, "retry": {"attempts": 1}}
    with LoneEdge(tmp_path, slot, [one.name], pool) as edge:
        for _ in range(4):
            one.mode = "bad"
            assert [edge.get()[0] for _ in range(4)] == [502] * 4
            one.mode = "ok"
            assert edge.get()[0] == 200
        time.sleep(1.5)  # ejection looks once a second
        assert edge.get()[0] == 200
        assert (edge.servers()[one.name]["breaker_opened"], edge.servers()[one.name]["ejections"]) == (0, 0)
        one.mode = "bad"
        assert [edge.get()[0] for _ in range(5)] == [502] * 5
        meridian.wait_until(lambda: edge.servers()[one.name]["ejections"] == 1, "five in a row eject it", timeout=10)
        assert edge.servers()[one.name]["breaker_opened"] == 1
        assert edge.get()[0] == 503


def test_an_ejection_ends_a_row_and_who_comes_back_is_judged_anew(slot, three, tmp_path):
    one, two, _ = three
    pool = {"ejection": {"consecutive": 5, "time": "1s", "max_time": "1s", "min_requests": 1000}, "retry": {"attempts": 1}}
    with LoneEdge(tmp_path, slot, names((one, two)), pool) as edge:
        one.mode = "bad"
        meridian.wait_until(lambda: edge.get() and edge.servers()[one.name]["ejections"] == 1, "it is ejected", timeout=20)
        meridian.wait_until(lambda: edge.servers()[one.name]["state"] == "up", "it is back", timeout=20)
        for _ in range(4):  # two requests of four are its own
            edge.get()
        time.sleep(2.2)
        assert edge.servers()[one.name]["ejections"] == 1, "two failures are no row of five"
        for _ in range(8):
            edge.get()
        meridian.wait_until(lambda: edge.servers()[one.name]["ejections"] == 2, "but six are", timeout=10)


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_ejection_in_shadow_counts_and_leaves_it_in(slot, three, tmp_path, mode):
    pool = {"ejection": {"mode": mode, "consecutive": 5, "time": "1h", "max_time": "1h"}, "retry": {"attempts": 1}}
    with LoneEdge(tmp_path, slot, names(three), pool) as edge:
        three[1].mode = "bad"
        meridian.wait_until(lambda: edge.get() and edge.servers()[three[1].name]["ejections"] == 1, "it is counted", timeout=20)
        assert edge.servers()[three[1].name]["state"] == ("ejected" if mode == "enforce" else "up")
        assert shares(edge, three, 30) == ([15, 0, 15] if mode == "enforce" else [10, 10, 10])
        log = edge.process.text()
        assert "event=server_ejected" in log and f"shadow={str(mode == 'shadow').lower()}" in log


# -- panic

def test_panic_begins_below_its_share_and_not_at_it(slot, tmp_path):
    servers = make(slot, 4)
    try:
        with LoneEdge(tmp_path, slot, names(servers), {"health": CHECK, "panic": "50%", "when_all_down": "refuse"}) as edge:
            def standing(count, panic):
                meridian.wait_until(lambda: sum(s["health"] == "up" for s in edge.servers().values()) == count
                                    and edge.pool()["panic"] == panic, f"{count} up, panic {panic}", timeout=20)
            standing(4, False)
            for server in servers[:2]:
                server.ill = True
            standing(2, False)
            time.sleep(0.5)
            assert not edge.pool()["panic"], "half of them is not less than half"
            assert shares(edge, servers, 20) == [0, 0, 10, 10]
            servers[2].ill = True
            standing(1, True)
            assert shares(edge, servers, 20) == [5, 5, 5, 5]
            servers[2].ill = False
            standing(2, False)
            assert shares(edge, servers, 20) == [0, 0, 10, 10]
    finally:
        for server in servers:
            server.__exit__()


def test_open_breakers_count_for_panic_and_panic_overlooks_them(slot, three, tmp_path):
    pool = {"panic": "50%", "breaker": {"failures": 2, "open": "1h", "max_open": "1h", "max_opened": "100%"}, "retry": {"attempts": 1}}
    with LoneEdge(tmp_path, slot, names(three), pool) as edge:
        three[0].mode = three[1].mode = "bad"
        for _ in range(12):
            edge.get()
        meridian.wait_until(lambda: edge.pool()["panic"], "two of three are not fit", timeout=10)
        three[0].mode = three[1].mode = "ok"
        assert shares(edge, three, 30) == [10, 10, 10], "whatever breakers say"
        assert [s["breaker"] for s in edge.servers().values()] == ["open", "open", "closed"]


# -- shares

def test_who_recovers_starts_slowly(slot, three, tmp_path):
    with LoneEdge(tmp_path, slot, names(three), {"health": CHECK, "slow_start": "60s"}) as edge:
        meridian.wait_until(lambda: all(s["health"] == "up" for s in edge.servers().values()), "all are up")
        three[1].ill = True
        meridian.wait_until(lambda: edge.servers()[three[1].name]["health"] == "down", "one falls", timeout=20)
        three[1].ill = False
        meridian.wait_until(lambda: edge.servers()[three[1].name]["health"] == "up", "it is back", timeout=20)
        first, second, third = shares(edge, three, 160)
        assert 1 <= second <= 20, "a sixteenth, or a little more, of what the others get"
        assert abs(first - third) <= 20


def test_a_fast_500_attracts_nobody(slot, three, tmp_path):
    """least_time: a server that fails at once counts as `error`, not as quick."""
    with LoneEdge(tmp_path, slot, names(three[:2]), {"balance": "least_time", "response_time": {"error": "5s", "half_life": "1h"}, "bad_statuses": [502]}) as edge:
        three[0].delay, three[1].delay = 0.03, 0.2  # the first is preferred, however busy the machine is
        for _ in range(6):
            edge.get()
        three[0].mode, three[0].delay = "fail", 0
        meridian.wait_until(lambda: edge.get()[0] == 500, "it has failed once", timeout=20)
        three[1].delay = 0.03
        assert shares(edge, three[:2], 40) == [0, 40]


# -- tries

@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_a_request_is_tried_so_often_and_no_more(slot, tmp_path, attempts):
    servers = make(slot, 6)
    try:
        for server in servers:
            server.mode = "close"
        with LoneEdge(tmp_path, slot, names(servers), {"retry": {"attempts": attempts, **PLENTY}}) as edge:
            for _ in range(3):
                before = sum(map(requests, servers))
                assert edge.get()[0] == 502
                assert sum(map(requests, servers)) - before == attempts
            assert max(map(requests, servers)) <= -(-3 * attempts // 6) + 1, "each time other servers"
    finally:
        for server in servers:
            server.__exit__()


@pytest.mark.parametrize("slow", ["head", "connect_and_close"])
def test_timeout_total_alone_ends_a_request(slot, three, tmp_path, slow):
    for server in three:
        server.delay, server.mode = (30, "ok") if slow == "head" else (0.4, "close")
    edge_words = {"timeout": {"total": "1s", "read": "60s", "connect": "20s"}}
    with LoneEdge(tmp_path, slot, names(three), {"retry": {"attempts": 8, **PLENTY}}, edge_words) as edge:
        began = time.monotonic()
        status = edge.get()[0]
        took = time.monotonic() - began
        assert status == 504 if slow == "head" else status in (502, 504)
        assert 0.9 < took < 2.5 and sum(map(requests, three)) <= 3


def test_timeout_total_ends_with_the_head_and_not_inside_a_body(slot, three, tmp_path):
    def streaming(exchange):
        exchange.read_head()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(20):
            time.sleep(0.1)
            exchange.send(b"x")

    three[0].script = streaming
    with LoneEdge(tmp_path, slot, [three[0].name], edge={"timeout": {"total": "500ms"}}) as edge:
        assert edge.get()[::2] == (200, b"x" * 20)


# -- stop

def test_a_stop_serves_on_for_longer_than_an_interval_and_ends_what_is_under_way(slot, three, tmp_path):
    """SIGTERM: 2 x interval + timeout of announcing, in which new clients are served as ever; a request that is late is not cut."""
    three[0].delay = 0
    with LoneEdge(tmp_path, slot, [three[0].name], edge={"drain_grace": "20s"}, health={"edge": {"interval": "1s", "timeout": "500ms"}}) as edge:
        assert b'"state":"up"' in edge.get("/.meridian/health")[2].replace(b" ", b"")
        began = time.monotonic()
        edge.process.popen.terminate()
        meridian.wait_until(lambda: b"draining" in edge.get("/.meridian/health")[2], "it says so", timeout=2)
        late = {}
        while time.monotonic() - began < 2.2:
            assert edge.get()[0] == 200, "a new client, while answers may still name this edge"
            time.sleep(0.05)
        three[0].delay = 3
        request = threading.Thread(target=lambda: late.update(status=edge.get()[0]))
        request.start()
        meridian.wait_until(lambda: edge.process.popen.poll() is not None, "it ends", timeout=20)
        request.join()
        assert late == {"status": 200} and edge.process.popen.returncode == 0
        assert 4.5 < time.monotonic() - began < 12


def test_a_stop_waits_for_no_client_that_says_nothing(slot, three, tmp_path):
    with LoneEdge(tmp_path, slot, [three[0].name], edge={"drain_grace": "1m"}, health={"edge": {"interval": "50ms", "timeout": "50ms"}}) as edge:
        idle = edge.connect()
        idle.request("GET", "/", headers={"Host": "lone.example"})
        assert idle.getresponse().read() and not edge.process.popen.poll()
        edge.process.popen.terminate()
        meridian.wait_until(lambda: edge.process.popen.poll() is not None, "it ends long before the grace does", timeout=30)
        assert edge.process.popen.returncode == 0
        idle.close()
