"""What a pool does when much of it seems to fail at once: all servers restarted, a wrong health path, an edge without descriptors,
requests that fail everywhere, names whose addresses are not all alive, more checks than descriptors. docs/failures.md has the rules."""
import http.client
import json
import resource

import pytest

import meridian
from meridian import wait_until
from test_discovery import NAME, SERVICE
from test_discovery import Edge as NamedEdge
from test_healing import Farm

CHECKED = "health: {path: /health, interval: 1h, timeout: 20s, rise: 2}"


def states(farm):
    return [server["health"] for server in farm.pool()["servers"]]


def test_servers_that_are_all_restarted_are_missed_for_a_moment(tmp_path):
    """With an hour from check to check, only what comes soon after a refusal can have seen them again."""
    with Farm(tmp_path, pool=CHECKED) as farm:
        wait_until(lambda: states(farm) == ["up"] * 3, "all are up")
        for backend in farm.backends:
            backend.kill()
        wait_until(lambda: states(farm) == ["down"] * 3, "all are down")
        assert farm.get("/")[0] == 503
        wait_until(lambda: "event=pool_all_down" in farm.process.text(), "the log says so")
        for n in range(3):
            farm.start(n)
        assert farm.get("/")[0] == 200, "who is down by a check that has not been repeated yet is tried"
        wait_until(lambda: states(farm) == ["up"] * 3, "all are up again")


def test_a_wrong_health_path_does_not_switch_a_site_off(tmp_path):
    with Farm(tmp_path, pool="health: {path: /health, interval: 1s, timeout: 1s, fall: 1}") as farm:
        for n in range(3):
            farm.fail(n, "sick")
        wait_until(lambda: states(farm) == ["down"] * 3, "all are down")
        assert [farm.get("/")[0] for _ in range(10)] == [200] * 10
        assert farm.metric("meridian_edge_pool_last_resorts_total") >= 10
        assert farm.pool()["last_resorts"] >= 10
        assert meridian.http_get(farm.host, 8080, "/.meridian/health")[0] == 503, "the DNS hears the truth"
        explained = farm.admin("/explain?host=farm.example&path=/")
        assert "tried all the same" in explained, explained


def test_all_down_is_refused_if_that_is_said(tmp_path):
    with Farm(tmp_path, pool="when_all_down: refuse\n      health: {path: /health, interval: 1s, timeout: 1s, fall: 1}") as farm:
        for n in range(3):
            farm.fail(n, "sick")
        wait_until(lambda: states(farm) == ["down"] * 3, "all are down")
        assert farm.get("/")[0] == 503


class NoDescriptors:
    """The process can open no descriptor more."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        # The first few are taken for as long as it runs; what is open stays so.
        hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]
        self.before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (5, hard))

    def __exit__(self, *_):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.before)


def test_an_edge_without_descriptors_blames_no_server(tmp_path):
    pool = "idle: {connections: 0}\n      breaker: {failures: 1, open: 60s, max_opened: 100%}\n      ejection: {consecutive: 1}\n      " \
           "health: {kind: tcp, interval: 50ms, timeout: 50ms, fall: 1}"
    with Farm(tmp_path, pool=pool) as farm:
        wait_until(lambda: states(farm) == ["up"] * 3, "all are up")
        client = http.client.HTTPConnection(farm.host, 8080, timeout=30)
        client.request("GET", "/", headers={"Host": "farm.example"})
        assert client.getresponse().read()
        with NoDescriptors(farm.process.pid):
            for _ in range(5):
                client.request("GET", "/", headers={"Host": "farm.example"})
                answer = client.getresponse()
                answer.read()
                assert answer.status == 503
            wait_until(lambda: "event=checks_discarded" in farm.process.text(), "checks are discarded")
        client.request("GET", "/", headers={"Host": "farm.example"})
        assert client.getresponse().status == 200, "not a moment longer than it lacks them"
        assert [farm.failures(n) for n in range(3)] == [0, 0, 0]
        assert [server["state"] for server in farm.pool()["servers"]] == ["up"] * 3
        assert farm.metric("meridian_edge_pool_retries_total") == 0
        assert "server_down" not in farm.process.text() and "breaker_opened" not in farm.process.text()
        farm.logs('"end":"L"')


def test_a_request_that_fails_everywhere_leaves_half_of_the_pool(tmp_path):
    with Farm(tmp_path, pool="breaker: {failures: 2, open: 60s}") as farm:
        for n in range(3):
            farm.fail(n, "close")
        for _ in range(12):
            assert farm.get("/")[0] == 502, "never 503: no breaker keeps everybody away"
        assert sum(farm.failures(n) for n in range(3)) == 12, "each request speaks against one server"
        assert [server["breaker"] for server in farm.pool()["servers"]].count("open") == 1
        for n in range(3):
            farm.fail(n, "ok")
        assert [farm.get("/")[0] for _ in range(6)] == [200] * 6


@pytest.mark.parametrize("health", ["", "      health: {kind: tcp, interval: 1s, timeout: 1s}\n"])
@pytest.mark.parametrize("kind", ["name", "srv"])
def test_a_dead_address_of_several_takes_no_share(tmp_path, kind, health):
    servers = '["web.internal:9000"]' if kind == "name" else "{srv: _http._tcp.web.internal}"
    with NamedEdge(tmp_path, servers, health + "      idle: {connections: 0}\n") as edge:
        edge.dns.say(NAME, "A", edge.shop.address("9.9"), edge.backend(1))
        edge.dns.say(NAME, "AAAA", "::1")
        edge.dns.say(SERVICE, "SRV", "0 1 9000 web.internal.")
        edge.start()
        wait_until(lambda: edge.shop.edge_get("eu", "/")[0] == 200, "it serves")
        before = edge.pool()["servers"][0]["failures"]
        for _ in range(20):
            status, _, body = meridian.http_get(edge.shop.edge_address("eu"), 8080, "/", {"Host": "www.shop.example"}, method="POST")
            assert status == 200 and b"eu-web-1" in body
        assert edge.pool()["servers"][0]["failures"] == before
        if health:
            dead = sorted([f"{edge.shop.address('9.9')}:9000", "[::1]:9000"])
            wait_until(lambda: sorted(edge.pool()["servers"][0].get("addresses_down", [])) == dead, "the check knows them")
            assert edge.pool()["servers"][0]["addresses"] == [f"{edge.backend(1)}:9000"]
            assert edge.pool()["servers"][0]["health"] == "up"


def test_more_checks_than_descriptors(tmp_path):
    """200 well servers under 150 descriptors: all are known to be well, and none was ever thought to be down."""
    lease = meridian.Lease()
    host = f"127.{lease.number}.1.1"
    servers = [f"127.{lease.number}.5.{n + 1}:9000" for n in range(200)]
    (tmp_path / "state").mkdir()
    config = tmp_path / "many.yaml"
    config.write_text(f"""
service: many
state_directory: {tmp_path}/state
regions: {{eu: {{edges: [{host}]}}}}
admin: {{edge: ["{{edge}}:9080"]}}
edge:
  listen: [{{address: "{{edge}}:8080"}}]
  workers: 2
  pools: {{web: {{servers: {json.dumps(servers)}, health: {{path: /health, interval: 1s, timeout: 1s, fall: 1}}}}}}
  routes: [{{path: /, pool: web}}]
""")
    backend = meridian.Process([meridian.binaries() / "meridian-test-backend", *(f"{s}=s{n},web,eu" for n, s in enumerate(servers))], tmp_path / "backend.log")
    backend.wait_ready("the servers")
    edge = meridian.Process(["prlimit", "--nofile=150:150", meridian.binaries() / "meridian-edge", "--config", config, "--region", "eu"], tmp_path / "edge.log")
    try:
        def health():
            assert edge.running(), edge.text()
            pool = json.loads(meridian.http_get(host, 9080, "/status")[2])["pools"][0]
            return {server["health"] for server in pool["servers"]}
        wait_until(lambda: health() == {"up"}, "all are up")
        assert "Too many open files" not in edge.text(), edge.text()
        if not meridian.SANITIZED:
            assert "event=server_down" not in edge.text(), edge.text()
        assert meridian.http_get(host, 9080, "/healthz")[0] == 200
    finally:
        edge.kill()
        backend.kill()
        lease.release()
