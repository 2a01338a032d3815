"""Listeners of a pool that limit connections: how often a client may come, and how many it may have at a time."""
import contextlib
import json

import pytest

import meridian
from lone_edge import Scripted, slot_address
from meridian import wait_until
from test_tcp import Edge, ask, echo


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


@pytest.fixture
def server(slot):
    with Scripted(slot_address(slot, "2.1"), echo) as running:
        yield running


def turned_away(edge, source=None):
    """A connection that is reset, or closed, without a word."""
    with contextlib.suppress(ConnectionResetError), edge.tcp(source) as client:
        client.sendall(b"hello")
        return client.recv(100) == b""
    return True


def per_client(edge):
    return json.loads(edge.admin("/status", "GET")[1])["listeners"][0]["per_client"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_client_may_come_so_often(slot, server, tmp_path, workers):
    limits = {"conns": {"rate": "10/h", "burst": 4}}
    with Edge(tmp_path, slot, [server.name], listener={"limits": ["conns"]}, edge={"limits": limits, "workers": workers}) as edge:
        assert [ask(edge) for _ in range(3)] == [b"hello"] * 3
        edge.reload()
        assert [ask(edge) for _ in range(2)] == [b"hello"] * 2, "a reload forgets nothing"
        assert turned_away(edge) and turned_away(edge)
        line = edge.line(end="Q")
        assert line["reason"] == "over the limit 'conns'" and line["server"] == ""
        assert ask(edge, source=slot_address(slot, "5.5")) == b"hello", "another client"
        assert edge.metric("meridian_edge_limit_requests_total", 'limit="conns",ruling="rejected"') == 2
        assert edge.metric("meridian_edge_errors_total", 'kind="rate_limited"') == 2
        said = edge.admin("/explain?listener=7000&client=127.0.0.1", "GET")[1]
        assert "limit: conns" in said and "answer: refused: over the limit 'conns'" in said
        assert server.connections == 6, "no server hears of those that are turned away"


def test_a_limit_in_shadow_mode_only_counts(slot, server, tmp_path):
    limits = {"conns": {"rate": "10/h", "burst": 0, "mode": "shadow"}}
    with Edge(tmp_path, slot, [server.name], listener={"limits": "conns"}, edge={"limits": limits}) as edge:
        assert [ask(edge) for _ in range(3)] == [b"hello"] * 3
        assert edge.metric("meridian_edge_limit_requests_total", 'limit="conns",ruling="shadowed"') == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_client_may_have_so_many_at_a_time(slot, server, tmp_path, workers):
    with Edge(tmp_path, slot, [server.name], listener={"per_client": {"max": 3}}, edge={"workers": workers}) as edge:
        held = [edge.tcp() for _ in range(3)]
        for client in held:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
        assert turned_away(edge)
        assert edge.line(end="Q")["reason"] == "the client has per_client connections"
        assert ask(edge, source=slot_address(slot, "5.5")) == b"hello", "another client"
        assert per_client(edge) == {"max": 3, "mode": "enforce", "refused": 1, "shadowed": 0, "uncounted": 0}
        assert edge.metric("meridian_edge_listener_over_per_client_total", 'ruling="refused"') == 1
        assert "per_client: 3 of 3 connections: refused" in edge.admin("/explain?listener=7000&client=127.0.0.1", "GET")[1]
        edge.reload()
        assert turned_away(edge), "a reload keeps the count"
        held.pop().close()
        wait_until(lambda: not turned_away(edge), "one has gone, another may come")
        # In shadow mode one more is only counted.
        edge.listener["per_client"]["mode"] = "shadow"
        edge.reload()
        before = per_client(edge)["shadowed"]
        wait_until(lambda: edge.metric("meridian_edge_sessions", 'protocol="tcp"') == 2, "two are left")
        with edge.tcp() as third:
            third.sendall(b"x")
            assert third.recv(1) == b"x"
            assert ask(edge) == b"hello"
        assert per_client(edge)["shadowed"] == before + 1
        for client in held:
            client.close()


def test_a_limit_that_cannot_be_kept_is_an_error(slot, server, tmp_path):
    with Edge(tmp_path, slot, [server.name]) as edge:
        edge.config["edge"]["limits"] = {"slow": {"rate": "1/s", "burst": 3, "excess": "delay"}, "header": {"rate": "1/s", "key": {"header": "X-A"}}}
        edge.listener["limits"] = ["slow", "header", "none"]
        said = edge.reload(status=422)
        assert "delays, which is for requests" in said and "its key must be client" in said and "unknown limit 'none'" in said
        edge.listener["limits"] = []
        edge.config["edge"]["listen"][0]["per_client"] = {"max": 1}
        assert "per_client has no effect" in edge.reload(status=422)
