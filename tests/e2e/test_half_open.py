"""Connections that ask for nothing, or never finish asking, must not take a region out of service."""
import socket

import meridian
import pytest
from meridian import wait_until

CAP = 40
HOST = b"Host: www.shop.example\r\n"


def small(text):
    return meridian.patient(text).replace("\nedge:\n", f"\nedge:\n  workers: 2\n  client: {{max_connections: {CAP}}}\n", 1)


@pytest.fixture
def region(tmp_path):
    """One region that is probed by a DNS node, with few connections for clients."""
    with meridian.Shop(tmp_path, edit=small) as shop:
        shop.start_backends()
        shop.start_edge("eu")
        shop.start_dns()
        wait_until(lambda: state(shop) == "up", "the region is up")
        yield shop


def state(shop):
    return next(r["state"] for r in shop.status()["regions"] if r["name"] == "eu")


def flood(shop, octets, count):
    held = []
    for _ in range(count):
        connection = socket.create_connection((shop.edge_address("eu"), 8080), timeout=30)
        try:
            connection.sendall(octets)
        except OSError:  # it had to go already
            pass
        held.append(connection)
    return held


def evicted(shop, how):
    return shop.metric("eu", "meridian_edge_connections_evicted_total", state=how)


@pytest.mark.parametrize("octets", [b"", b"G", b"GET / HTTP/1.1\r\n" + HOST])
def test_half_heads_neither_refuse_a_client_nor_take_the_region_out(region, octets):
    held = []
    for _ in range(8):
        held += flood(region, octets, CAP)
        for _ in range(5):
            assert region.edge_get("eu", "/")[0] == 200
        assert state(region) == "up"
    assert evicted(region, "head") >= 6 * CAP
    assert region.metric("eu", "meridian_edge_connections_refused_total") == 0
    assert region.metric("eu", "meridian_edge_connections") <= CAP + 16
    for connection in held:
        connection.close()


def test_slow_bodies_make_room(region):
    half_a_body = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\na"
    held = flood(region, half_a_body, CAP)

    def served_under_pressure():
        held.extend(flood(region, half_a_body, 4))
        try:
            return region.edge_get("eu", "/")[0] == 200
        except OSError:  # they were not yet known to be slow
            return False
    wait_until(lambda: served_under_pressure() and evicted(region, "slow") >= 4, "slow bodies make room")
    wait_until(served_under_pressure, "others are served")
    assert state(region) == "up"
    for connection in held:
        connection.close()


def test_idle_connections_make_room_and_a_node_that_probes_keeps_its_own(region):
    held = []
    for _ in range(4):
        held += flood(region, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", CAP)
        wait_until(lambda: region.metric("eu", "meridian_edge_requests_in_flight") == 0, "all are idle")
        assert region.edge_get("eu", "/")[0] == 200
        assert state(region) == "up"
    assert evicted(region, "idle") + evicted(region, "head") >= 2 * CAP
    for connection in held:
        connection.close()


def test_a_flood_over_the_limit_of_descriptors_is_over_when_it_is_over(tmp_path):
    descriptors = 300
    with meridian.Shop(tmp_path, edit=meridian.patient) as shop:
        shop.start_backends()
        shop.launch("eu", ["bash", "-c", f'ulimit -n {descriptors}; exec "$@"', "-", meridian.binaries() / "meridian-edge",
                           "--config", shop.config, "--region", "eu"])
        wait_until(lambda: shop.all_up("eu"), "the edge and its servers are well")
        assert "event=connections_limited" in shop.edge("eu").text()
        failed = shop.metric("eu", "meridian_edge_responses_total", **{"class": "5xx"})  # it was not always up
        held = flood(shop, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\na", 2 * descriptors)
        assert shop.edge("eu").descriptors() < descriptors
        for connection in held:
            connection.close()
        wait_until(lambda: shop.metric("eu", "meridian_edge_connections_total") >= len(held), "all were accepted")
        wait_until(lambda: shop.metric("eu", "meridian_edge_connections") <= 2, "they are gone")
        for _ in range(20):
            assert shop.edge_get("eu", "/")[0] == 200
        assert "breaker_opened" not in shop.edge("eu").text() and "server_down" not in shop.edge("eu").text()
        assert shop.metric("eu", "meridian_edge_responses_total", **{"class": "5xx"}) == failed
