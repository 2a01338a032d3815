"""A reload that changes things, from outside: pools that gain and lose servers, checks, sources, and what it must refuse."""
import json
import threading

import pytest
from test_discovery import SERVICE, Dns

import meridian
from lone_edge import LoneEdge, Scripted, ok, slot_address


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def named(exchange):
    """Answers with its address; `server.health` says what its health page says."""
    while head := exchange.read_head():
        if b" /up " in head:
            exchange.send(exchange.server.up)
        elif b" /down " in head:
            exchange.send(b"HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n")
        else:
            exchange.send(ok(exchange.server.address.encode()))


@pytest.fixture
def backends(slot):
    running = [Scripted(slot_address(slot, f"2.{n}"), named, up=ok(b'{"load": 1}')) for n in range(1, 5)]
    yield running
    for one in running:
        one.__exit__()


def used(edge, count=16):
    answers = [edge.get("/") for _ in range(count)]
    assert all(status == 200 for status, _, _ in answers)
    return {body.decode() for _, _, body in answers}


def becomes(edge, wanted):
    meridian.wait_until(lambda: used(edge) == set(wanted), f"{wanted} are used", timeout=30)


def test_servers_come_and_go_and_those_that_stay_keep_what_is_known_of_them(slot, backends, tmp_path):
    one, two, three, four = (b.address for b in backends)
    with LoneEdge(tmp_path, slot, [backends[0].name, backends[1].name]) as edge:
        assert used(edge) == {one, two}
        assert edge.admin(f"/drain?pool=web&server={two}:9000")[0] == 200
        before = edge.metric("meridian_edge_server_requests_total", one)
        edge.web["servers"] = [b.name for b in (backends[1], backends[2], backends[0])]
        edge.reload()
        becomes(edge, {one, three})
        assert edge.metric("meridian_edge_server_requests_total", one) > before, "it goes on counting"
        assert edge.servers()[f"{two}:9000"]["override"]["state"] == "drained"
        edge.web["servers"] = [backends[3].name]
        edge.reload()
        becomes(edge, {four})
        assert list(edge.servers()) == [f"{four}:9000"]
        assert edge.metric("meridian_edge_server_requests_total", one) == 0, "nobody shows who is gone"
        edge.web["servers"] = [backends[0].name, backends[1].name]
        edge.reload()
        becomes(edge, {one})


CHECK = {"path": "/up", "interval": "250ms", "timeout": "240ms", "fall": 2, "rise": 1}


@pytest.mark.parametrize(("change", "health"), [
    ({"path": "/down"}, "down"), ({"status": [500]}, "down"), ({"contains": "nowhere"}, "down"),
    ({"unhealthy_when": {"load": ">= 1"}}, "down"), ({"degraded_when": {"load": ">= 1"}}, "degraded"), ({"port": 9999}, "down"),
    ({"kind": "https"}, "down"), ({"host": "other.example"}, "up"),
])
def test_another_check_counts_from_the_reload_on(slot, backends, tmp_path, change, health):
    server = backends[0]
    with LoneEdge(tmp_path, slot, [server.name], {"health": CHECK, "when_all_down": "refuse"}) as edge:
        def is_now(state):
            return edge.servers()[server.name]["health"] == state
        meridian.wait_until(lambda: is_now("up"), "it is up")
        edge.web["health"] = {**CHECK, **change}
        edge.reload()
        meridian.wait_until(lambda: is_now(health), f"it is {health}", timeout=20)
        if "host" in change:
            meridian.wait_until(lambda: any(b"Host: other.example" in head for _, head in server.heads), "the check says the new host", timeout=10)
        assert edge.get("/")[0] == (503 if health == "down" else 200)
        edge.web["health"] = CHECK
        edge.reload()
        meridian.wait_until(lambda: is_now("up"), "it is up as before", timeout=20)


def test_how_often_a_check_is_made_and_how_long_it_waits_count_from_the_reload_on(slot, backends, tmp_path):
    def late(exchange):
        while exchange.read_head():
            released.wait(5)
            exchange.send(ok())
    released = threading.Event()
    rare, slow = backends[0], backends[1]
    slow.script = late
    rarely, patient = {**CHECK, "interval": "1h", "timeout": "20s", "fall": 1}, {**CHECK, "fall": 1}
    with LoneEdge(tmp_path, slot, [rare.name], {"health": rarely}, pools={"late": {"servers": [slow.name], "health": rarely}},
                  routes=[{"path": "/late", "pool": "late"}, {"path": "/", "pool": "web"}]) as edge:
        late_pool = edge.config["edge"]["pools"]["late"]
        meridian.wait_until(lambda: len(rare.asked("/up")) == 1 and len(slow.heads) == 1, "each is checked once")
        released.set()
        meridian.wait_until(lambda: health_of(edge, slow) == "up", "its answer is waited for")
        released.clear()
        edge.web["health"] = patient
        late_pool["health"] = {**rarely, "timeout": "200ms"}
        edge.reload()
        meridian.wait_until(lambda: len(rare.asked("/up")) >= 4, "it is checked four times a second, and no more once an hour", timeout=20)
        meridian.wait_until(lambda: health_of(edge, slow) == "down", "it is waited for no longer than it says now", timeout=4)
        released.set()


def health_of(edge, server):
    pools = json.loads(edge.admin("/status", "GET")[1])["pools"]
    return next(one["health"] for pool in pools for one in pool["servers"] if one["server"] == server.name)


def test_what_a_check_has_found_is_known_over_a_reload(slot, backends, tmp_path):
    """Of servers and checks that stay, without another check: the next one is an hour away."""
    check = {**CHECK, "interval": "1h", "timeout": "20s"}
    backends[1].up = b"HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n"
    with LoneEdge(tmp_path, slot, [b.name for b in backends[:2]], {"health": check, "when_all_down": "refuse"}) as edge:
        def health():
            return {name: server["health"] for name, server in edge.servers().items()}
        known = {backends[0].name: "up", backends[1].name: "down"}
        meridian.wait_until(lambda: health() == known, "one is up and one is down", timeout=20)
        edge.web["servers"] = [b.name for b in (backends[2], backends[1], backends[0])]
        edge.reload()
        assert health().items() >= known.items()
        assert backends[1].address not in used(edge)
        assert len(backends[1].asked("/up")) == 1


def test_a_check_that_is_gone_holds_nobody_down_and_one_that_comes_is_made(slot, backends, tmp_path):
    server = backends[0]
    with LoneEdge(tmp_path, slot, [server.name], {"health": {**CHECK, "path": "/down"}, "when_all_down": "refuse"}) as edge:
        meridian.wait_until(lambda: edge.servers()[server.name]["health"] == "down", "it is down")
        assert edge.get("/")[0] == 503
        del edge.web["health"]
        edge.reload()
        meridian.wait_until(lambda: edge.get("/")[0] == 200, "nobody checks it, so nobody calls it down", timeout=20)
        checked = len(server.asked("/down"))
        meridian.wait_until(lambda: edge.get("/")[0] == 200 and len(server.asked("/")) >= 30, "30 requests")
        assert len(server.asked("/down")) <= checked + 1, "and it is checked no more"
        edge.web["health"] = {**CHECK, "path": "/down"}
        edge.reload()
        meridian.wait_until(lambda: edge.get("/")[0] == 503, "it is checked again", timeout=20)


def test_the_worst_of_several_checks_counts_in_either_order(slot, backends, tmp_path):
    server = backends[0]
    well, ill, tired = {**CHECK, "name": "well"}, {**CHECK, "name": "ill", "path": "/down"}, {**CHECK, "name": "tired", "degraded_when": {"load": "> 0"}}
    with LoneEdge(tmp_path, slot, [server.name], {"health": [well, well | {"name": "too"}]}) as edge:
        for checks, health in (([well, ill], "down"), ([ill, well], "down"), ([well, tired], "degraded"), ([tired, well], "degraded"),
                               ([tired, ill], "down"), ([ill, tired], "down"), ([ill, tired, well], "down"), ([well, well | {"name": "too"}], "up")):
            edge.web["health"] = checks
            edge.reload()
            meridian.wait_until(lambda health=health: edge.servers()[server.name]["health"] == health, f"{[c['name'] for c in checks]}: {health}", timeout=20)
            asked = len(server.heads)
            meridian.wait_until(lambda asked=asked, count=3 * len(checks): len(server.heads) >= asked + count, "all have been made again")
            assert edge.servers()[server.name]["health"] == health, "and it stays so"


def test_a_good_reload_opens_the_access_log_again(slot, backends, tmp_path):
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    with LoneEdge(tmp_path, slot, [backends[0].name], edge={"access_log": str(log)}) as edge:
        assert edge.get("/one")[0] == 200
        meridian.wait_until(lambda: "/one" in log.read_text(), "the first line is written")
        log.rename(old)
        edge.reload()
        meridian.wait_until(log.exists, "the reload has it opened again")
        assert edge.get("/two")[0] == 200
        meridian.wait_until(lambda: "/two" in log.read_text(), "the second line is in the new file")
        assert "/two" not in old.read_text()


def test_a_pool_turns_to_a_name_and_to_a_service_and_back(slot, backends, tmp_path):
    one, two, three, four = (b.address for b in backends)
    resolver = Dns(slot_address(slot, "9.1"))
    try:
        resolver.say("web.internal.", "A", two, three)
        resolver.say(SERVICE, "SRV", "0 1 9000 a.internal.")
        resolver.say("a.internal.", "A", four)
        with LoneEdge(tmp_path, slot, [backends[0].name], edge={"resolvers": [f"{slot_address(slot, '9.1')}:5353"]}) as edge:
            assert used(edge) == {one}
            edge.web["servers"] = [{"dns": "web.internal", "port": 9000}]
            edge.reload()
            becomes_at_last(edge, {two, three})
            edge.web["servers"] = [{"srv": SERVICE.rstrip(".")}, backends[0].name]
            edge.reload()
            becomes_at_last(edge, {one, four})
            edge.web["servers"] = [backends[0].name]
            edge.reload()
            becomes(edge, {one})
            resolver.say("web.internal.", "A", three)
            assert used(edge, 40) == {one}, "nobody follows the names any more"
    finally:
        resolver.stop()


def test_names_are_asked_of_the_resolvers_that_a_reload_says(slot, backends, tmp_path):
    one, two = Dns(slot_address(slot, "9.1")), Dns(slot_address(slot, "9.2"))
    try:
        one.say("web.internal.", "A", backends[0].address)
        two.say("web.internal.", "A", backends[1].address)
        with LoneEdge(tmp_path, slot, [{"dns": "web.internal", "port": 9000}], edge={"resolvers": [f"{slot_address(slot, '9.1')}:5353"]}) as edge:
            becomes_at_last(edge, {backends[0].address})
            edge.config["edge"]["resolvers"] = [f"{slot_address(slot, '9.2')}:5353"]
            edge.reload()
            becomes_at_last(edge, {backends[1].address})
    finally:
        one.stop()
        two.stop()


def becomes_at_last(edge, wanted):
    """As becomes(), where a pool may have nobody before the DNS has answered."""
    def so():
        answers = [edge.get("/") for _ in range(16)]
        return all(a[0] == 200 for a in answers) and {a[2].decode() for a in answers} == wanted
    meridian.wait_until(so, f"{wanted} are used", timeout=30)


@pytest.mark.parametrize("change", ["workers", "listen", "access_log"])
def test_what_needs_a_restart_is_refused_with_that_word_and_all_goes_on(slot, backends, tmp_path, change):
    with LoneEdge(tmp_path, slot, [backends[0].name], edge={"access_log": f"{tmp_path}/one.log"}) as edge:
        edge.config["edge"][change] = {"workers": 2, "listen": [{"address": "{edge}:8081"}], "access_log": f"{tmp_path}/two.log"}[change]
        edge.web["servers"] = [backends[1].name]
        said = edge.reload(status=422)
        assert change in said and "restart" in said
        assert used(edge) == {backends[0].address}, "nothing of it is taken"
        assert not (tmp_path / "two.log").exists()
