"""Limits that the edges of a region share through a real Redis, which is killed, slow, full, restarted and failed over."""
import concurrent.futures
import contextlib
import json
import time

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, slot_address
from redis_server import Redis

PATIENT = {"interval": "50ms", "timeout": "2s", "lease": "5s"}  # a busy machine answers late


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


@pytest.fixture
def redis(slot, tmp_path):
    with Redis(tmp_path / "redis", slot_address(slot, "3.1")) as running:
        yield running


class Edge(LoneEdge):
    """One of the two edges of a region."""

    def __init__(self, directory, slot, servers, limits, redis, index=1, **edge):
        self.index = index
        directory.mkdir(exist_ok=True)
        super().__init__(directory, slot, servers, routes=[{"path": "/", "pool": "web", "limits": list(limits)}],
                         edge={"limits": limits, "redis": {**PATIENT, **redis}, **edge})

    @property
    def host(self):
        return slot_address(self.slot, f"1.{self.index}")

    @host.setter
    def host(self, _):
        pass

    def write(self):
        self.config["regions"] = {"eu": {"edges": [slot_address(self.slot, "1.1"), slot_address(self.slot, "1.2")]}}
        super().write()

    def limit(self):
        return json.loads(self.admin("/status", "GET")[1])["limits"][0]

    def redis(self):
        return json.loads(self.admin("/status", "GET")[1])["redis"]

    def log(self, event):
        return [line for line in self.process.text().splitlines() if f"event={event} " in line + " "]

    def shares(self, state="leased", edges=None):
        def seen():
            region = self.limit()["region"]
            return region["state"] == state and (edges is None or region["edges"] == edges)
        meridian.wait_until(seen, f"the limit is {state}")


@contextlib.contextmanager
def two_edges(tmp_path, slot, server, limits, redis, **edge):
    with contextlib.ExitStack() as stack:
        edges = [stack.enter_context(Edge(tmp_path / f"edge{n}", slot, [server.name], limits, redis, n, **edge)) for n in (1, 2)]
        yield edges


def statuses(edge, count, **options):
    """Of requests on one connection."""
    connection = edge.connect(options.get("source"))
    found = []
    for _ in range(count):
        connection.request("GET", "/", headers={"Host": "lone.example", **options.get("headers", {})})
        response = connection.getresponse()
        response.read()
        found.append(response.status)
    connection.close()
    return found


def flood(edges, seconds):
    """As much as each edge takes, by two connections; what has passed, and how long it took."""
    began = time.monotonic()

    def one(edge):
        passed = 0
        while time.monotonic() - began < seconds:
            passed += statuses(edge, 20).count(200)
        return passed
    with concurrent.futures.ThreadPoolExecutor(2 * len(edges)) as pool:
        passed = list(pool.map(one, [*edges, *edges]))
    return [passed[n] + passed[n + len(edges)] for n in range(len(edges))], time.monotonic() - began


RATE, BURST, INTERVAL = 20, 20, 0.05


def at_most(edges, took):
    """What docs/limits.md promises: the rate, a burst for each edge, and two intervals more for a key that becomes hot."""
    return RATE * took * 1.01 + edges * (BURST + 1) + 2 * INTERVAL * RATE + 2


@pytest.mark.parametrize("workers", [1, 2])
def test_two_edges_together_stay_at_the_limit(slot, server, redis, tmp_path, workers):
    with two_edges(tmp_path, slot, server, {"api": {"rate": f"{RATE}/s", "burst": BURST, "scope": "region"}},
                   {"servers": [redis.name]}, workers=workers) as edges:
        for edge in edges:
            edge.shares(edges=2)
        passed, took = flood(edges, 5)
        assert sum(passed) <= at_most(2, took), passed
        assert sum(passed) >= RATE * took * 0.8, "and have what it allows"
        for edge in edges:
            region = edge.limit()["region"]
            assert region["edges"] == 2 and region["equal_share"] == 0.5
            assert edge.metric("meridian_edge_shared_limit_leased") == 1
            assert edge.metric("meridian_edge_redis_up") == 1
            assert len(edge.log("limit_shared")) == 1 and len(edge.log("redis_ready")) == 1
        code, told = edges[0].admin("/explain?host=lone.example&path=/&client=127.0.0.1", "GET")
        assert code == 200 and "of the region's limit" in told


def test_the_database_and_the_prefix_are_those_that_are_written(slot, server, redis, tmp_path):
    limit = {"rate": "20/s", "burst": 20, "scope": "region"}
    with Edge(tmp_path / "edge", slot, [server.name], {"api": limit}, {"servers": [redis.name], "database": 3, "prefix": "shop"}) as edge:
        assert statuses(edge, 2) == [200, 200]
        meridian.wait_until(lambda: b"db3:" in redis.ask("INFO", "keyspace"), "it writes into its database")
        assert b"db0:" not in redis.ask("INFO", "keyspace")
        keys = redis.ask("EVAL", "redis.call('SELECT', 3) return redis.call('KEYS', '*')", 0)
        assert keys and all(key.startswith(b"{shop:") for key in keys), keys


def test_the_vectors_hold_at_one_edge_of_two_and_over_a_reload(slot, server, redis, tmp_path):
    limit = {"rate": "2/m", "burst": 20, "scope": "region"}
    with two_edges(tmp_path, slot, server, {"api": limit}, {"servers": [redis.name]}) as edges:
        for edge in edges:
            edge.shares(edges=2)
        began = time.monotonic()
        assert statuses(edges[0], 10) == [200] * 10
        edges[0].config["edge"]["response_headers"] = {"set": {"X-New": "1"}}
        edges[0].reload()
        assert statuses(edges[0], 11) == [200] * 11
        more = 0
        while statuses(edges[0], 1) == [200]:
            more += 1
        assert more <= (time.monotonic() - began) / 30, "what came back meanwhile, on a slow machine"
        assert statuses(edges[1], 1) == [200], "the burst is each edge's"
        assert edges[0].limit()["region"]["state"] == "leased", "over the reload"


def test_a_client_of_one_edge_has_the_whole_rate(slot, server, redis, tmp_path):
    with two_edges(tmp_path, slot, server, {"api": {"rate": f"{RATE}/s", "burst": BURST, "scope": "region"}}, {"servers": [redis.name]}) as edges:
        for edge in edges:
            edge.shares(edges=2)
        flood(edges[:1], 2)
        passed, took = flood(edges[:1], 4)
        assert passed[0] >= RATE * took * 0.8, "more than an equal share"
        assert passed[0] <= at_most(1, took)


def test_redis_killed_and_restarted(slot, server, redis, tmp_path):
    with two_edges(tmp_path, slot, server, {"api": {"rate": f"{RATE}/s", "burst": BURST, "scope": "region"}}, {"servers": [redis.name]}) as edges:
        for edge in edges:
            edge.shares(edges=2)
        redis.kill()
        flood(edges[:1], 0.5)
        for edge in edges:
            edge.shares("alone", edges=2)
            assert edge.redis()["up"] is False and "connection" in edge.redis()["reason"]
            assert edge.metric("meridian_edge_shared_limit_leased") == 0
        passed, took = flood(edges, 4)
        assert sum(passed) <= at_most(2, took), passed
        assert passed[0] <= at_most(1, took) - RATE * took * 0.3, "each has its equal share"
        redis.start()
        for edge in edges:
            edge.shares(edges=2)
        for edge in edges:
            assert len(edge.log("limit_alone")) == 1, "once, and not for each request"
            assert len(edge.log("limit_shared")) == 2
            assert 1 <= len(edge.log("redis_lost")) <= 8


def test_redis_that_stands_still_holds_nobody_up(slot, server, redis, tmp_path):
    with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 1000, "scope": "region"}},
              {"servers": [redis.name], "timeout": "500ms", "lease": "2s"}) as edge:
        edge.shares(edges=1)
        redis.stop()
        began = time.monotonic()
        assert statuses(edge, 20) == [200] * 20
        assert time.monotonic() - began < 10
        edge.shares("alone")
        assert "no reply within 500ms" in " ".join(edge.log("redis_lost")) or "no connection within 500ms" in " ".join(edge.log("redis_lost"))
        redis.go()
        edge.shares()


def test_a_full_redis_is_told_and_left_alone(slot, server, redis, tmp_path):
    with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 1000, "scope": "region"}}, {"servers": [redis.name]}) as edge:
        edge.shares(edges=1)
        redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        edge.shares("alone")
        assert "OOM" in edge.limit()["region"]["reason"]
        assert len(edge.log("limit_not_shared")) == 1
        assert edge.redis()["up"] is True
        assert statuses(edge, 3) == [200] * 3
        assert edge.metric("meridian_edge_shared_limit_failures_total") > 0
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        edge.shares()


def test_a_wrong_password_is_told_without_it_and_a_right_one_is_taken_by_a_reload(slot, server, tmp_path):
    with Redis(tmp_path / "redis", slot_address(slot, "3.1"), password="s3cret-right") as redis:
        secret = tmp_path / "password"
        secret.write_text("s3cret-wrong\n")
        secret.chmod(0o600)
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}},
                  {"servers": [redis.name], "password_file": str(secret)}) as edge:
            meridian.wait_until(lambda: "WRONGPASS" in edge.redis()["reason"], "the password is refused")
            assert statuses(edge, 3) == [200] * 3
            assert edge.limit()["region"]["state"] == "alone"
            secret.write_text("s3cret-right\n")
            edge.reload()
            edge.shares(edges=1)
            for told in (edge.process.text(), edge.admin("/status", "GET")[1], edge.admin("/metrics", "GET")[1]):
                assert "s3cret" not in told


def test_what_is_in_redis_names_nobody_and_ends(slot, server, redis, tmp_path):
    with two_edges(tmp_path, slot, server, {"api": {"rate": "5/s", "burst": 1, "scope": "region", "key": [{"header": "X-Key"}]}},
                   {"servers": [redis.name], "prefix": "shop"}) as edges:
        for edge in edges:
            edge.shares(edges=2)
        for _ in range(5):
            statuses(edges[0], 20, headers={"X-Key": "alice-and-bob"})
        keys = redis.ask("KEYS", "*")
        assert keys and all(key.startswith(b"{shop:limit:eu:api}:") for key in keys)
        assert not any(b"alice" in key for key in keys)
        assert all(redis.ask("TTL", key) != -1 for key in keys if not key.endswith(b":seed"))


def test_sentinel_fails_over_to_another_master(slot, server, tmp_path):
    addresses = [slot_address(slot, f"3.{n}") for n in (1, 2)]
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Redis(tmp_path / "a", addresses[0]))
        second = stack.enter_context(Redis(tmp_path / "b", addresses[1], f"replicaof {addresses[0]} 6379", f"replica-announce-ip {addresses[1]}"))
        watch = stack.enter_context(Redis(tmp_path / "s", slot_address(slot, "3.3"), port=26379, sentinel=[
            f"sentinel monitor shop {addresses[0]} 6379 1", "sentinel down-after-milliseconds shop 1000", "sentinel failover-timeout shop 5000"]))
        dead = slot_address(slot, "3.9") + ":26379"
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}},
                  {"sentinel": {"name": "shop", "servers": [dead, watch.name]}}) as edge:
            edge.shares(edges=1)
            assert edge.redis()["server"] == first.name
            meridian.wait_until(lambda: b"slave0" in first.ask("INFO", "replication"), "the replica follows")
            meridian.wait_until(lambda: watch.ask("SENTINEL", "replicas", "shop"), "the sentinel knows the replica")
            first.kill()
            meridian.wait_until(lambda: edge.redis()["up"] and edge.redis()["server"] == second.name, "the new master is used")
            edge.shares(edges=1)


def test_a_replica_is_not_used_where_a_master_can_be_reached(slot, server, tmp_path):
    addresses = [slot_address(slot, f"3.{n}") for n in (1, 2)]
    with Redis(tmp_path / "a", addresses[0]) as first, Redis(tmp_path / "b", addresses[1], f"replicaof {addresses[0]} 6379") as second:
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}},
                  {"servers": [second.name, first.name]}) as edge:
            edge.shares(edges=1)
            assert edge.redis()["server"] == first.name
            assert "it is no master" in " ".join(edge.log("redis_lost"))


def test_redis_over_tls(slot, server, tmp_path):
    from certificates import Authority
    authority = Authority(tmp_path / "authority")
    made = authority.issue("redis.example")
    with Redis(tmp_path / "redis", slot_address(slot, "3.1"), f"tls-port 6380", f"tls-cert-file {made.certificate}", f"tls-key-file {made.key}",
               f"tls-ca-cert-file {authority.ca}", "tls-auth-clients no") as redis:
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}},
                  {"servers": [f"{redis.address}:6380"], "tls": {"ca": str(authority.ca), "server_name": "redis.example"}}) as edge:
            edge.shares(edges=1)


def commands(exchange):
    """What a client of Redis says, until it ends."""
    def line():
        while b"\r\n" not in exchange.buffer:
            octets = exchange.sock.recv(65536)
            if not octets:
                raise OSError
            exchange.buffer += octets
        first, _, exchange.buffer = exchange.buffer.partition(b"\r\n")
        return first
    while True:
        words = []
        for _ in range(int(line()[1:])):
            size = int(line()[1:])
            words.append(exchange.read(size + 2)[:-2])
        yield words


def loading(exchange):
    """A Redis that has just been started with much data: it says who it is, and nothing else."""
    for words in commands(exchange):
        exchange.send(b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" if words[0] == b"ROLE" else b"-LOADING Redis is loading the dataset in memory\r\n")


def test_a_redis_that_lets_in_and_answers_nothing_is_asked_less_and_less_and_told_once(slot, server, tmp_path):
    with Scripted(slot_address(slot, "3.2"), loading, port=6379) as fake:
        began = time.monotonic()
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}},
                  {"servers": [fake.name]}) as edge:
            meridian.wait_until(lambda: edge.redis()["failures"] >= 7, "it was tried again and again")
            assert len(edge.log("redis_lost")) == 1 and "LOADING" in edge.log("redis_lost")[0]
            assert len(edge.log("redis_ready")) <= 2
            assert time.monotonic() - began > (0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 2) / 2, "with pauses that grow"


def test_where_one_redis_answers_nothing_the_next_one_is_used(slot, server, redis, tmp_path):
    with Scripted(slot_address(slot, "3.2"), loading, port=6379) as fake:
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}},
                  {"servers": [fake.name, redis.name]}) as edge:
            edge.shares(edges=1)
            assert edge.redis()["server"] == redis.name


def test_keys_that_become_hot_in_one_instant_are_all_told(slot, server, redis, tmp_path):
    scripts = []

    def script(exchange):
        for words in commands(exchange):
            scripts.extend(words[2:] if words[0] == b"SCRIPT" else [])
            exchange.send(b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n" if words[0] == b"ROLE" else b"-ERR no\r\n")
    with Scripted(slot_address(slot, "3.2"), script, port=6379) as fake:
        with Edge(tmp_path / "edge", slot, [server.name], {"api": {"rate": "1000/s", "burst": 10, "scope": "region"}}, {"servers": [fake.name]}):
            meridian.wait_until(lambda: scripts, "the script")
    keys = ["{x}:edges", "{x}:hot", "{x}:seed", "{x}:"]

    def ask(edge, since, *more):
        return redis.ask("EVAL", scripts[0], 4, *keys, edge, "00000000000000aa", 3000, 750, 100000, since, 10000, *more)
    cursor = ask("one", 0, "000000000000000b", 1000)[2]
    redis.ask("ZADD", "{x}:hot", cursor, "000000000000000c")  # as another edge does in the same millisecond, behind that
    assert b"000000000000000c" in ask("one", cursor)[4]
    redis.ask("ZADD", "{x}:hot", *[word for n in range(1000, 1600) for word in (cursor, f"{n:016x}")])
    told = ask("one", cursor)
    assert len(told[4]) == 512 and int(told[2]) == int(cursor) + 1, "it does not stand still where too many are"
