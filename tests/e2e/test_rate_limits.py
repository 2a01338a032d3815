"""Rate limits seen from outside: the vectors of docs/limits.md, exact over workers, connections and reloads."""
import concurrent.futures
import json
import subprocess
import time

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

SLOW = {"rate": "10/h", "burst": 20}  # nothing comes back while a test runs, however slow its machine


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1")) as running:
        yield running


def edge_with(tmp_path, slot, server, limits, route=None, **edge):
    routes = [{"path": "/", "pool": "web", "limits": list(limits), **(route or {})}, {"path": "/free", "pool": "web"}]
    return LoneEdge(tmp_path, slot, [server.name], routes=routes, edge={"limits": limits, **edge})


@pytest.mark.parametrize("workers", [1, 2])
def test_burst_20_rejects_the_22nd_over_connections_workers_and_a_reload(slot, server, tmp_path, workers):
    with edge_with(tmp_path, slot, server, {"api": SLOW}, workers=workers) as edge:
        connections = [edge.connect() for _ in range(6)]  # spread over the workers by the kernel

        def ask(n):
            connections[n % 6].request("GET", "/", headers={"Host": "lone.example"})
            response = connections[n % 6].getresponse()
            response.read()
            return response.status
        assert [ask(n) for n in range(15)] == [200] * 15
        edge.config["edge"]["response_headers"] = {"set": {"X-New": "1"}}
        edge.reload()
        assert [ask(n) for n in range(15, 21)] == [200] * 6
        assert [ask(n) for n in range(21, 27)] == [429] * 6
        assert edge.get("/free")[0] == 200, "another route"
        assert len(server.heads) == 22, "what is refused reaches no server"
        for connection in connections:
            connection.close()


def test_no_client_takes_a_field_off_that_a_limit_counts_by(slot, server, tmp_path):
    """A server that is not told the tenant would serve all of them as one, while each counts for itself."""
    with edge_with(tmp_path, slot, server, {"api": {**SLOW, "burst": 1, "key": [{"header": "X-Tenant"}]}}) as edge:
        assert [edge.get("/", X_Tenant=f"made-up-{n}", Connection="close, x-TENANT")[0] for n in range(4)] == [400] * 4
        assert not server.heads
        assert edge.get("/", X_Tenant="a", X_Other="b", Connection="x-other")[0] == 200, "what nothing goes by"
        assert b"X-Tenant: a\r\n" in server.heads[-1][1] and b"X-Other" not in server.heads[-1][1]
        assert edge.get("/free", X_Tenant="a", Connection="X-Tenant")[0] == 200, "a route that counts nobody"
        for mode in ("shadow", "disabled"):
            edge.config["edge"]["limits"]["api"]["mode"] = mode
            edge.reload()
            assert edge.get("/", X_Tenant="a", Connection="X-Tenant")[0] == 200, f"a limit that is {mode} refuses nobody"


def test_no_client_sends_twice_what_a_limit_counts_by(slot, server, tmp_path):
    """A server that goes by the last of two lines would serve one tenant as many."""
    with edge_with(tmp_path, slot, server, {"api": {**SLOW, "burst": 1, "key": [{"header": "X-Tenant"}]}}) as edge:
        def ask(*lines, target="/"):
            connection = edge.connect()
            connection.putrequest("GET", target, skip_host=True)
            for name, value in (("Host", "lone.example"), *lines):
                connection.putheader(name, value)
            connection.endheaders()
            status = connection.getresponse().status
            connection.close()
            return status
        assert [ask(("X-Tenant", f"made-up-{n}"), ("x-tenant", "mine")) for n in range(4)] == [400] * 4
        assert ask(("X-Tenant", "made-up"), ("X_Tenant", "mine")) == 400
        assert not server.heads
        assert ask(("X-Tenant", "made-up"), ("X-Tenant", "mine"), target="/free") == 200, "a route that counts nobody"
        assert ask(("X-Tenant", "mine"), ("x-tenant", "mine")) == 200, "twice the same, as two proxies in a row may send it"
        assert [ask(("X-Tenant", "mine")) for _ in range(2)] == [200, 429], "and that has counted as once"


def test_a_refusal_says_when_to_come_back_and_by_which_policy(slot, server, tmp_path):
    with edge_with(tmp_path, slot, server, {"api": {"rate": "2/m"}}) as edge:
        status, fields, _ = edge.get("/")
        assert status == 200 and "RateLimit" not in fields
        status, fields, _ = edge.get("/")
        assert status == 429
        assert 1 <= int(fields["Retry-After"]) <= 30
        assert fields["RateLimit-Policy"] == '"api";q=2;w=60'
        assert fields["RateLimit"].startswith('"api";r=0;t=')
        meridian.eventually(lambda: edge.metric("meridian_edge_limit_requests_total", 'ruling="rejected"') == 1, "it is counted")
        meridian.eventually(lambda: edge.metric("meridian_edge_errors_total", 'kind="rate_limited"') == 1, "and here")
        meridian.eventually(lambda: json.loads(edge.admin("/status", "GET")[1])["limits"][0]["rejected"] == 1, "and here")


def test_announced_limits_are_in_every_response(slot, server, tmp_path):
    with edge_with(tmp_path, slot, server, {"api": {**SLOW, "announce": True}}) as edge:
        for left in (20, 19):
            _, fields, _ = edge.get("/")
            assert fields["RateLimit"].startswith(f'"api";r={left};t='), fields["RateLimit"]
            assert fields["RateLimit-Policy"] == '"api";q=10;w=3600'


@pytest.mark.parametrize("workers", [1, 2])
def test_10_a_second_burst_5_is_delayed_and_the_7th_refused(slot, server, tmp_path, workers):
    """One hundred milliseconds from one to the next, as the servers see them; the client's requests come at once."""
    arrivals = []
    server.script = answering(lambda head: arrivals.append(time.monotonic()) or ok())
    # A tenth of the rate, so that a slow machine is no tenth of a second late.
    with edge_with(tmp_path, slot, server, {"checkout": {"rate": "1/s", "burst": 5, "excess": "delay"}}, workers=workers) as edge:
        with concurrent.futures.ThreadPoolExecutor(7) as pool:
            results = list(pool.map(lambda n: edge.get("/")[0], range(7)))
        assert sorted(results) == [200] * 6 + [429]
        arrivals.sort()
        assert len(arrivals) == 6
        assert arrivals[5] - arrivals[0] > 4.5, "the burst is spread over five turns"
        for earlier, later in zip(arrivals, arrivals[1:]):
            assert later - earlier > 0.5
        meridian.eventually(lambda: edge.metric("meridian_edge_limit_requests_total", 'ruling="delayed"') == 5, "they are counted")


def test_a_client_that_leaves_while_it_waits_is_not_served(slot, server, tmp_path):
    with edge_with(tmp_path, slot, server, {"slow": {"rate": "1/m", "burst": 3, "excess": "delay"}}) as edge:
        assert edge.get("/")[0] == 200
        with edge.raw() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: lone.example\r\n\r\n")
            meridian.eventually(lambda: edge.metric("meridian_edge_limit_requests_total", 'ruling="delayed"') == 1, "it waits")
            meridian.eventually(lambda: edge.metric("meridian_edge_requests_in_flight") == 1, "and here")
        meridian.eventually(lambda: edge.metric("meridian_edge_requests_in_flight") == 0, "it is let go")
        meridian.eventually(lambda: edge.metric("meridian_edge_errors_total", 'kind="client_closed"') == 1, "and here")
        assert len(server.heads) == 1


def test_what_waits_for_its_turn_has_all_its_time_left_for_servers(slot, server, tmp_path):
    server.script = answering(lambda head: time.sleep(0.3) or ok())
    limits = {"slow": {"rate": "30/m", "burst": 3, "excess": "delay"}}
    with edge_with(tmp_path, slot, server, limits, route={"timeout": {"total": "1500ms"}}) as edge:
        assert [edge.get("/")[0] for _ in range(2)] == [200, 200]
        assert edge.servers()[server.name]["failures"] == 0, "no server is to blame for a limit"


def test_keys_by_header_fall_back_to_the_client(slot, server, tmp_path):
    limit = {"rate": "1/h", "key": [{"header": "X-App"}]}
    with edge_with(tmp_path, slot, server, {"app": limit}) as edge:
        other = slot_address(slot, "7.7")
        assert edge.get("/", X_App="a")[0] == 200
        assert edge.get("/", source=other, X_App="a")[0] == 429
        assert edge.get("/", X_App="b")[0] == 200
        assert edge.get("/")[0] == 200
        assert edge.get("/")[0] == 429, "leaving it out is no way around"
        assert edge.get("/", source=other)[0] == 200


def test_shadow_lets_all_through_and_counts(slot, server, tmp_path):
    with edge_with(tmp_path, slot, server, {"api": {"rate": "1/h", "mode": "shadow"}}) as edge:
        assert [edge.get("/")[0] for _ in range(4)] == [200] * 4
        meridian.eventually(lambda: edge.metric("meridian_edge_limit_requests_total", 'ruling="shadowed"') == 3, "it is counted")
        edge.config["edge"]["limits"]["api"]["mode"] = "enforce"
        edge.reload()
        assert edge.get("/")[0] == 429, "what shadow has counted counts"


def test_explain_foresees_and_counts_nothing(slot, server, tmp_path):
    with edge_with(tmp_path, slot, server, {"api": {"rate": "1/h"}}) as edge:
        def explain():
            return edge.admin(f"/explain?host=lone.example&path=/&client={edge.host}", "GET")[1]
        assert [explain().count("0 more at once") for _ in range(3)] == [1] * 3
        assert edge.get("/", source=edge.host)[0] == 200
        assert "answer: 429 over the limit 'api'" in explain()
        assert edge.metric("meridian_edge_limit_requests_total", 'ruling="rejected"') == 0


@pytest.mark.parametrize(("limits", "routes", "complaint"), [
    ({"api": {"rate": "fast"}}, ["api"], "rate"),
    ({"api": {"rate": "1/s"}}, ["apo"], "apo"),
    ({"api": {"rate": "1/s", "key": ["planet"]}}, ["api"], "planet"),
    ({"api": {"rate": "1/s", "key": ["tier"]}}, ["api"], "tiers"),
    ({"api": {"rate": "1/h", "burst": 100000}}, ["api"], "burst"),
    ({"api": {"rate": "1/s", "everywhere": True}}, ["api"], "everywhere"),
    ({"api": {"rate": "200000/s"}}, ["api"], "at most"),
])
def test_wrong_limits_are_refused_with_their_line(tmp_path, limits, routes, complaint):
    config = {"service": "x", "state_directory": str(tmp_path), "regions": {"eu": {"edges": ["127.0.0.1"]}},
              "edge": {"listen": [{"address": "{edge}:8080"}], "pools": {"web": {"servers": ["127.0.0.1:1"]}}, "limits": limits,
                       "routes": [{"path": "/", "pool": "web", "limits": routes}]}}
    file = tmp_path / "wrong.yaml"
    file.write_text(json.dumps(config, indent=1))
    result = subprocess.run([meridian.binaries() / "meridian", "check", file], capture_output=True, text=True, timeout=60, check=False)
    said = result.stdout + result.stderr
    assert result.returncode != 0 and complaint in said and "wrong.yaml:" in said, said
