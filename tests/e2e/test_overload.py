"""Overload seen from outside: bounds that are exact over workers, the queue, tiers that give way, an adaptive limit, and three
times the load that a server can do."""
import concurrent.futures
import json
import threading
import time

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

TIERS = {"order": ["free", "standard", "enterprise"], "default": "free", "from": [{"header": "X-Customer-Tier"}]}


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


class Busy:
    """A script whose requests take until they are let go, or a time; knows how many it has had at once."""

    def __init__(self, seconds=None):
        self.seconds, self.go = seconds, threading.Event()
        self.lock, self.now, self.most, self.done = threading.Lock(), 0, 0, 0

    def __call__(self, head):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.seconds is None:
            self.go.wait(60)
        else:
            time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
            self.done += 1
        return ok()


@pytest.fixture
def busy():
    return Busy()


@pytest.fixture
def server(slot, busy):
    with Scripted(slot_address(slot, "2.1"), answering(lambda head: busy(head))) as running:
        yield running
        busy.go.set()


class Crowd:
    """Requests that wait for their answers, each on a connection of its own."""

    def __init__(self, edge):
        self.edge, self.pool, self.asked = edge, concurrent.futures.ThreadPoolExecutor(64), []

    def ask(self, path="/", **fields):
        self.asked.append(self.pool.submit(self.edge.get, path, **fields))
        return self.asked[-1]

    def statuses(self):
        return sorted(future.result(60)[0] for future in self.asked)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown()


def overload(edge):
    return edge.pool()["overload"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_never_has_more_than_its_bound_whatever_the_workers(slot, server, busy, tmp_path, workers):
    with LoneEdge(tmp_path, slot, [server.name], pool={"max_in_flight": 5}, edge={"workers": workers}) as edge, Crowd(edge) as crowd:
        for _ in range(20):
            crowd.ask()
        meridian.eventually(lambda: busy.now == 5 and sum(future.done() for future in crowd.asked) == 15, "five are in, the others refused")
        refused = next(future for future in crowd.asked if future.done()).result()
        assert refused[0] == 503 and 1 <= int(refused[1]["Retry-After"]) <= 5
        assert overload(edge)["in_use"] == 1.0
        status = json.loads(edge.admin("/status", "GET")[1])
        assert status["capacity_in_use"] == {"share": 1.0, "reason": "pool web: 5 of 5 requests in flight, by max_in_flight"}
        busy.go.set()
        assert crowd.statuses() == [200] * 5 + [503] * 15
        assert busy.most == 5
        meridian.eventually(lambda: edge.metric("meridian_edge_pool_turned_away_total", 'pool="web"') == 15, "they are counted")
        meridian.eventually(lambda: edge.metric("meridian_edge_errors_total", 'kind="overloaded"') == 15, "and here")
        meridian.eventually(lambda: overload(edge)["in_flight"] == 0, "all places are free again")


@pytest.mark.parametrize("workers", [1, 2])
def test_who_finds_no_place_waits_in_the_queue(slot, server, busy, tmp_path, workers):
    log = tmp_path / "access.log"
    pool = {"max_in_flight": 2, "queue": {"size": 100, "timeout": "60s"}}
    with LoneEdge(tmp_path, slot, [server.name], pool=pool, edge={"workers": workers, "access_log": str(log)}) as edge, Crowd(edge) as crowd:
        for _ in range(10):
            crowd.ask()
        meridian.eventually(lambda: overload(edge)["waiting"] == 8 and busy.now == 2, "eight wait")
        explained = edge.admin(f"/explain?host=lone.example&path=/&client={edge.host}", "GET")[1]
        assert "8 wait for a place already" in explained or "waits for a place" in explained, explained
        busy.go.set()
        assert crowd.statuses() == [200] * 10
        assert busy.most == 2
        meridian.eventually(lambda: len(log.read_text().splitlines()) == 10, "the log has them")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert sum("queued_us" in line for line in lines) == 8
        assert all(line["picked_us"] >= line.get("queued_us", 0) for line in lines)


def test_time_in_the_queue_is_bounded(slot, server, busy, tmp_path):
    log = tmp_path / "access.log"
    pool = {"max_in_flight": 1, "queue": {"size": 10, "timeout": "50ms"}}
    with LoneEdge(tmp_path, slot, [server.name], pool=pool, edge={"access_log": str(log)}) as edge, Crowd(edge) as crowd:
        crowd.ask()
        meridian.eventually(lambda: busy.now == 1, "one is in")
        status, fields, _ = edge.get("/late")
        assert status == 503 and "Retry-After" in fields
        meridian.eventually(lambda: log.exists() and "/late" in log.read_text(), "it is logged")
        line = json.loads(log.read_text().splitlines()[0])
        assert line["end"] == "F" and line["reason"] == "no place at the pool's servers in time" and line["queued_us"] >= 50_000
        assert line["attempts"] == 0 and line["server"] == ""
        busy.go.set()


def test_the_queue_is_in_the_order_of_tiers_and_the_lowest_gives_way(slot, server, busy, tmp_path):
    pool = {"max_in_flight": 1, "queue": {"size": 2, "timeout": "60s"}}
    edge_config = {"tiers": TIERS, "trusted_proxies": ["127.0.0.0/8"]}
    with LoneEdge(tmp_path, slot, [server.name], pool=pool, edge=edge_config) as edge, Crowd(edge) as crowd:
        crowd.ask("/in")
        meridian.eventually(lambda: busy.now == 1, "one is in")
        free = crowd.ask("/free", X_Customer_Tier="free")
        meridian.eventually(lambda: overload(edge)["waiting"] == 1, "it waits")
        standard = crowd.ask("/standard", X_Customer_Tier="standard")
        meridian.eventually(lambda: overload(edge)["waiting"] == 2, "both wait")
        enterprise = crowd.ask("/enterprise", X_Customer_Tier="enterprise")
        assert free.result(60)[0] == 503
        meridian.eventually(lambda: overload(edge)["pushed_out"] == 1, "it is counted")
        busy.go.set()
        assert standard.result(60)[0] == enterprise.result(60)[0] == 200
        order = [head.split(b" ")[1] for _, head in server.heads]
        assert order == [b"/in", b"/enterprise", b"/standard"]


def test_a_tier_gives_way_before_the_pool_is_full(slot, server, busy, tmp_path):
    pool = {"max_in_flight": 4, "shed": {"from": {"free": "50%", "standard": "75%"}}}
    edge_config = {"tiers": TIERS, "trusted_proxies": ["127.0.0.0/8"]}
    with LoneEdge(tmp_path, slot, [server.name], pool=pool, edge=edge_config) as edge, Crowd(edge) as crowd:
        meridian.eventually(lambda: edge.metric("meridian_edge_pool_capacity", 'pool="web"') == 4, "the capacity is known")
        for n in range(2):
            crowd.ask()
            meridian.eventually(lambda: busy.now == n + 1, "it is in")
        assert edge.get(X_Customer_Tier="free")[0] == 503
        crowd.ask(X_Customer_Tier="standard")
        meridian.eventually(lambda: busy.now == 3, "standard still gets in")
        assert edge.get(X_Customer_Tier="standard")[0] == 503
        crowd.ask(X_Customer_Tier="enterprise")
        meridian.eventually(lambda: busy.now == 4, "enterprise gets what is left")
        meridian.eventually(lambda: overload(edge)["shed"] == 2, "both are counted")
        edge.web["shed"]["mode"] = "shadow"
        edge.web["max_in_flight"] = 6
        edge.reload()
        meridian.eventually(lambda: edge.metric("meridian_edge_pool_capacity", 'pool="web"') == 6, "the capacity is known")
        crowd.ask(X_Customer_Tier="free")
        meridian.eventually(lambda: busy.now == 5, "shadow mode lets it in")
        assert overload(edge)["shed_shadowed"] == 1
        busy.go.set()
        assert crowd.statuses() == [200] * 5


def test_a_retry_finds_no_place_where_all_are_taken(slot, server, busy, tmp_path):
    dead = f"{slot_address(slot, '2.9')}:9000"
    pool = {"max_in_flight": 1, "balance": "least_connections"}
    with LoneEdge(tmp_path, slot, [server.name, dead], pool=pool) as edge, Crowd(edge) as crowd:
        crowd.ask()
        meridian.eventually(lambda: busy.now == 1, "the one that works is full")
        assert edge.get()[0] == 502, "what the dead one said is told, and the full one gets no second"
        assert busy.most == 1
        busy.go.set()
        assert crowd.statuses() == [200]


def test_an_adaptive_limit_is_found_and_told(slot, tmp_path):
    with Scripted(slot_address(slot, "2.1")) as server:
        pool = {"adaptive": {"mode": "shadow", "min": 3, "max": 50}}
        with LoneEdge(tmp_path, slot, [server.name], pool=pool) as edge:
            def measured():
                for _ in range(10):
                    edge.get()
                return overload(edge)["adaptive"]["mean_us"] > 0
            meridian.eventually(measured, "it has seen enough answers")
            told = overload(edge)["adaptive"]
            assert told["mode"] == "shadow" and 3 <= told["limit"] <= 50 and told["floor_us"] > 0
            assert edge.metric("meridian_edge_pool_adaptive_limit", 'pool="web"') >= 3
            assert overload(edge)["capacity"] == 0, "in shadow mode it bounds nothing"


class Client(threading.Thread):
    """Asks again and again for its tier; whoever is refused asks again after a moment."""

    def __init__(self, edge, tier, until):
        super().__init__(daemon=True)
        self.edge, self.tier, self.until, self.answers = edge, tier, until, []

    def run(self):
        connection = self.edge.connect()
        while time.monotonic() < self.until:
            began = time.monotonic()
            connection.request("GET", "/", headers={"Host": "lone.example", "X-Customer-Tier": self.tier})
            response = connection.getresponse()
            response.read()
            self.answers.append((response.status, time.monotonic() - began))
            time.sleep(0.02 if response.status == 200 else 0.05)
        connection.close()


@pytest.mark.load
@pytest.mark.parametrize("workers", [1, 2])
def test_three_times_the_load_costs_the_lowest_tier_and_not_the_highest(slot, tmp_path, workers):
    """Ten places of 50 ms are 200 requests a second at best; 10 enterprise clients ask for up to 143, 15 standard and 40 free
    ones for three times what is there in all."""
    work = Busy(0.05)
    with Scripted(slot_address(slot, "2.1"), answering(lambda head: work(head))) as server:
        pool = {"max_in_flight": 10, "queue": {"size": 50, "timeout": "1s"}, "shed": {"from": {"free": "80%"}}}
        edge_config = {"tiers": TIERS, "trusted_proxies": ["127.0.0.0/8"], "workers": workers}
        with LoneEdge(tmp_path, slot, [server.name], pool=pool, edge=edge_config) as edge:
            seconds = 8
            until = time.monotonic() + seconds
            clients = [Client(edge, tier, until) for tier, count in (("enterprise", 10), ("standard", 15), ("free", 40)) for _ in range(count)]
            began = time.monotonic()
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            took = time.monotonic() - began
            good, asked = {}, {}
            for client in clients:
                good[client.tier] = good.get(client.tier, 0) + sum(status == 200 for status, _ in client.answers)
                asked[client.tier] = asked.get(client.tier, 0) + len(client.answers)
            shares = {tier: good[tier] / asked[tier] for tier in asked}
            times = {tier: sorted(t for client in clients if client.tier == tier for status, t in client.answers if status == 200) for tier in asked}
            p99 = {tier: f"{seen[len(seen) * 99 // 100] * 1000:.0f} ms" for tier, seen in times.items() if seen}
            print(workers, shares, asked, f"{work.done / took:.0f}/s", p99, overload(edge))
            assert work.most <= 10
            assert shares["enterprise"] >= 0.99, shares
            assert shares["free"] < 0.7 and shares["free"] < shares["standard"], shares
            assert overload(edge)["shed"] > 0
            # The threads of this test, and not the places, are the bound on a slow machine.
            assert work.done / took > 60
            meridian.eventually(lambda: overload(edge)["waiting"] == 0 and overload(edge)["in_flight"] == 0, "it is over")
            recovered = time.monotonic()
            assert [edge.get(X_Customer_Tier="free")[0] for _ in range(5)] == [200] * 5
            assert time.monotonic() - recovered < 5, "as soon as the load is gone"
