"""One process takes over from another while real load runs: no query is lost, no connection refused or reset.

MERIDIAN_UPGRADES says how often (10 if it does not).
"""
import contextlib
import os
import re
import signal
import socket
import subprocess

import pytest

import meridian
from meridian import wait_until

UPGRADES = int(os.environ.get("MERIDIAN_UPGRADES", "10"))
LONGER_THAN_ANY_TEST = 7200  # seconds; the test ends the load itself


@contextlib.contextmanager
def running(arguments):
    """Whatever happens, the load ends with the test."""
    load = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield load
    finally:
        load.kill()
        load.wait()


def finish(load):
    """The report that the load generator prints when it is interrupted."""
    assert load.poll() is None, "the load ended before the upgrades"
    load.send_signal(signal.SIGINT)
    return load.communicate(timeout=60)[0]


class Upgrader:
    """Replaces a server of the shop by a new process of the same, again and again."""

    def __init__(self, shop, who):
        self.shop, self.who, self.count = shop, who, 0

    def start_successor(self, config=None):
        self.count += 1
        old = self.shop.processes[self.who]
        arguments = [config if config and a == str(self.shop.config) else a for a in old.arguments if a != "--upgrade"]
        return old, meridian.Process([*arguments, "--upgrade"], self.shop.directory / f"{self.who}-{self.count}.log")

    def upgrade(self):
        """Returns the old process, which drains; the new one serves."""
        old, new = self.start_successor()
        self.shop.processes[self.who] = new
        wait_until(lambda: not new.running() or "event=taken_over" in old.text(), f"{self.who} taken over")
        assert new.running(), new.text()
        return old


def dnsperf(shop, *options):
    names = shop.directory / "queries"
    names.write_text("www.shop.example A\napi.shop.example A\nns1.shop.example A\nnothing.shop.example A\nshop.example MX\n")
    return ["dnsperf", "-s", shop.dns_address, "-p", "5300", "-d", names, "-l", str(LONGER_THAN_ANY_TEST), "-Q", "3000", "-c", "8", "-t", "30", *options]


@pytest.mark.load
def test_dns_upgrades_lose_no_query(fragile_shop):
    shop = fragile_shop
    upgrader = Upgrader(shop, "dns")
    shop.admin("dns", "/drain?target=us-west&reason=kept+over+upgrades", method="POST")
    with running(dnsperf(shop)) as load:
        for _ in range(UPGRADES):
            old = upgrader.upgrade()
            assert old.wait() == 0, old.text()
            old.forget()
        output = finish(load)
    assert int(re.search(r"Queries completed:\s+(\d+)", output).group(1)) > 1000, output
    assert int(re.search(r"Queries lost:\s+(\d+)", output).group(1)) == 0, output
    assert "SERVFAIL" not in output and "REFUSED" not in output, output
    states = {r["name"]: r for r in shop.status()["regions"]}
    assert "kept over upgrades" in str(states["us-west"]), states
    wait_until(lambda: {r["state"] for r in shop.status()["regions"] if r["name"] != "us-west"} == {"up"}, "the others are up")


@pytest.mark.load
def test_edge_upgrades_fail_no_request(fragile_shop):
    shop = fragile_shop
    upgrader = Upgrader(shop, "eu")
    with running(["wrk", "-t1", "-c16", f"-d{LONGER_THAN_ANY_TEST}s", "--timeout", "60s", "-H", "Host: www.shop.example",
                  f"http://{shop.edge_address('eu')}:8080/api/items"]) as load:
        for _ in range(min(UPGRADES, 10)):
            old = upgrader.upgrade()
            assert old.wait() == 0, old.text()
            old.forget()
        output = finish(load)
    assert int(re.search(r"(\d+) requests in", output).group(1)) > 1000, output
    assert "Socket errors" not in output and "Non-2xx" not in output, output


def test_kept_tcp_connections_outlive_an_upgrade(fragile_shop):
    """DNS over TCP goes on with the old process; an edge's client hears "Connection: close" with its next answer."""
    shop = fragile_shop
    query = meridian.dns.message.make_query("ns1.shop.example", "A").to_wire()
    shop.config.write_text(shop.config.read_text().replace("dns:\n", "dns:\n  tcp: {idle_timeout: 5m}\n", 1))  # longer than two upgrades take
    status, body = shop.admin("dns", "/reload", method="POST")
    assert status == 200, body
    with socket.create_connection((shop.dns_address, 5300), timeout=60) as kept, \
            socket.create_connection((shop.edge_address("eu"), 8080), timeout=60) as client:
        request = b"GET /api/items HTTP/1.1\r\nHost: www.shop.example\r\n\r\n"
        client.sendall(request)
        assert b"200 OK" in client.recv(65536)
        old_dns = Upgrader(shop, "dns").upgrade()
        old_edge = Upgrader(shop, "eu").upgrade()
        assert old_dns.running() and old_edge.running()
        kept.sendall(len(query).to_bytes(2, "big") + query)
        assert int.from_bytes(kept.recv(2), "big") > 20
        client.sendall(request)
        answer = client.recv(65536)
        assert b"200 OK" in answer and b"connection: close" in answer.lower(), answer
    assert old_dns.wait() == 0 and old_edge.wait() == 0
    assert shop.edge_get("eu", "/.meridian/health")[0] == 200


def test_a_successor_that_fails_leaves_the_old_one_serving(fragile_shop):
    shop = fragile_shop
    old, bad = Upgrader(shop, "dns").start_successor(config="/nonexistent.yaml")
    assert bad.wait() == 2, bad.text()
    # This one is well until it binds: an address that no interface has.
    config = shop.zones / "elsewhere.yaml"
    config.write_text(shop.config.read_text().replace(f'"{shop.dns_address}:5300"', f'"{shop.dns_address}:5300", "192.0.2.1:5300"', 1))
    old, bad = Upgrader(shop, "dns").start_successor(config=config)
    assert bad.wait() == 1, bad.text()
    wait_until(lambda: "event=upgrade_failed" in old.text(), "the old one says why")
    assert "192.0.2.1:5300" in old.text().split("event=upgrade_failed")[1], old.text()
    assert old.running() and shop.addresses("ns1.shop.example")
    assert shop.status()["regions"]
    assert Upgrader(shop, "dns").upgrade().wait() == 0, "and can be upgraded after that"


@pytest.mark.parametrize("who", ["dns", "eu"])
def test_a_reload_is_refused_while_a_successor_takes_over(fragile_shop, who):
    """It has read the files already: what the old process took over would be gone with it."""
    shop = fragile_shop
    directory = os.open(shop.socket_path(who).parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as successor:
            successor.connect(f"/proc/self/fd/{directory}/upgrade")
            successor.send(b"meridian 1")
            assert successor.recv(65536) == b"lock"
            status, body = shop.admin(who, "/reload", method="POST")
            assert status == 422 and "an upgrade is under way: reload when the new process serves" in body, body
        wait_until(lambda: "event=upgrade_failed" in shop.processes[who].text(), "the successor is gone")
    finally:
        os.close(directory)
    status, body = shop.admin(who, "/reload", method="POST")
    assert status == 200, body


def test_a_killed_successor_or_predecessor_harms_nobody(fragile_shop):
    shop = fragile_shop
    old, new = Upgrader(shop, "dns").start_successor()
    new.kill()
    wait_until(lambda: "event=upgrade_failed" in old.text() or "event=upgrade_begun" not in old.text() or
               "event=taken_over" in old.text(), "the old one has noticed")
    if "event=taken_over" in old.text():  # the kill came too late
        old.wait()
        shop.start_dns()
    else:
        assert shop.addresses("ns1.shop.example")
        assert Upgrader(shop, "dns").upgrade() is old
    shop.processes["dns"].kill()
    old.kill()
    shop.start_dns()
    wait_until(lambda: shop.addresses("www.shop.example"), "a plain start after it")


def test_without_upgrade_a_second_server_is_refused(fragile_shop):
    shop = fragile_shop
    for who in ("dns", "eu"):
        process = meridian.Process(shop.processes[who].arguments, shop.directory / f"second-{who}.log")
        assert process.wait() == 1, process.text()
        assert "is in use by process" in process.text() and "--upgrade" in process.text(), process.text()
        process.forget()
    assert shop.addresses("ns1.shop.example")
    assert shop.edge_get("eu", "/.meridian/health")[0] == 200


def test_workers_may_be_fewer_or_more_after_an_upgrade(fragile_shop):
    shop = fragile_shop
    text = shop.config.read_text()
    for workers in (1, 3, 2):
        shop.config.write_text(text.replace("dns:\n", f"dns:\n  workers: {workers}\n", 1))
        old = Upgrader(shop, "dns").upgrade()
        assert old.wait() == 0, old.text()
        for _ in range(30):  # each from a port of its own, so that every socket of the group has its turn
            assert shop.addresses("ns1.shop.example")
