"""A region fails: how long answers still name it, and that nobody ever gets an error or an empty answer."""
import http.client
import signal
import threading
import time

import dns.exception
import dns.rcode
import pytest

import meridian

US_CLIENT = "192.0.2.0/24"  # Virginia in the demo's database


class Watcher:
    """Asks for one name again and again, as a resolver without a cache would, and keeps every answer with its time."""

    def __init__(self, shop, subnet=US_CLIENT, name="www.shop.example"):
        self.shop, self.subnet, self.name = shop, subnet, name
        self.seen, self.errors = [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping.is_set():
            asked = time.monotonic()
            try:
                response = self.shop.query(self.name, subnet=self.subnet)
                addresses = [str(rr) for rrset in response.answer for rr in rrset]
                if response.rcode() != dns.rcode.NOERROR or not addresses:
                    self.errors.append(response.to_text())
                self.seen.append((asked, addresses))
            except (dns.exception.DNSException, OSError) as error:
                self.errors.append(repr(error))
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def last_naming(self, address, since):
        """How long after `since` a query was sent whose answer still named the address; 0 if none was."""
        return max([t - since for t, addresses in self.seen if address in addresses and t > since], default=0.0)

    def names_now(self):
        return self.seen[-1][1] if self.seen else []


class Visitor:
    """A new client of one edge again and again: when it was served, and when it was not."""

    def __init__(self, shop, region):
        self.shop, self.region = shop, region
        self.served, self.failed = [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping.is_set():
            came = time.monotonic()
            try:
                status = self.shop.edge_get(self.region, "/api/", timeout=5)[0]
                (self.served if status == 200 else self.failed).append(came)
            except (OSError, http.client.HTTPException):
                self.failed.append(came)
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def settled(shop, watcher, address):
    return meridian.wait_until(lambda: watcher.names_now() == [address], f"answers name {address}")


def test_killed_edge_leaves_before_silence_could_tell_and_comes_back(fragile_shop):
    shop = fragile_shop
    east, west = shop.edge_address("us-east"), shop.edge_address("us-west")
    with Watcher(shop) as watcher:
        settled(shop, watcher, east)
        killed = time.monotonic()
        shop.edge("us-east").kill()
        settled(shop, watcher, west)
        assert watcher.last_naming(east, killed) < 2, "fall 3 x interval 1 s is for silence: a refused connection says more"
        shop.start_edge("us-east")
        settled(shop, watcher, east)
    assert watcher.errors == []


def test_frozen_edge_leaves_within_fall_times_interval_and_timeout(fragile_shop):
    shop = fragile_shop
    east, west = shop.edge_address("us-east"), shop.edge_address("us-west")
    with Watcher(shop) as watcher:
        settled(shop, watcher, east)
        frozen = time.monotonic()
        shop.edge("us-east").signal(signal.SIGSTOP)
        settled(shop, watcher, west)
        took = watcher.last_naming(east, frozen)
        shop.edge("us-east").signal(signal.SIGCONT)
        settled(shop, watcher, east)
    assert watcher.errors == []
    # fall 3 x interval 1 s (+-10 % jitter) + timeout 0.5 s; rounds in which our own machine stood still do not count
    assert took < 3 * 1.1 + 0.5 + 3


def test_region_whose_critical_pool_died_leaves(fragile_shop):
    """The edge runs and answers 503 on /.meridian/health: the truth about the region, not about the process."""
    shop = fragile_shop
    east, west = shop.edge_address("us-east"), shop.edge_address("us-west")
    with Watcher(shop) as watcher:
        settled(shop, watcher, east)
        for n in (1, 2, 3):
            meridian.http_get(shop.address("1.11"), 9000, f"/fail?mode=500&name=us-east-web-{n}", method="POST")
        settled(shop, watcher, west)
        status, _, body = shop.edge_get("us-east", "/.meridian/health")
        assert status == 503 and b"web" in body
        for n in (1, 2, 3):
            meridian.http_get(shop.address("1.21"), 9000, f"/fail?mode=ok&name=us-east-web-{n}", method="POST")
        settled(shop, watcher, east)
    assert watcher.errors == []


def test_clean_restart_moves_no_answer_before_its_drain(fragile_shop):
    shop = fragile_shop
    east, west = shop.edge_address("us-east"), shop.edge_address("us-west")
    with Watcher(shop) as watcher:
        settled(shop, watcher, east)
        with Visitor(shop, "us-east") as visitor:
            meridian.wait_until(lambda: visitor.served, "visitors come")
            stopped = time.monotonic()
            shop.edge("us-east").signal(signal.SIGTERM)
            settled(shop, watcher, west)
            assert shop.edge("us-east").wait() == 0
            meridian.wait_until(lambda: visitor.failed, "the doors are closed")
        # The drain begins before the doors close: whom an answer sent there was served, and others a while longer.
        left = watcher.last_naming(east, stopped) + stopped
        assert left + 0.3 < visitor.served[-1] < visitor.failed[0], (left - stopped, visitor.served[-1] - stopped, visitor.failed[0] - stopped)
        assert visitor.failed[0] - stopped > 2, "it tells a node twice before it closes: 2 x interval 1 s + timeout 0.5 s"
        shop.start_edge("us-east")
        settled(shop, watcher, east)
    assert watcher.errors == []


@pytest.mark.parametrize("first", ["us-east", "eu"])
def test_all_regions_lost_one_after_another_answers_all(fragile_shop, first):
    """when_all_down: answer_all is the default: the least bad answer is better than none."""
    shop = fragile_shop
    order = [first] + [r for r in meridian.REGIONS if r != first]
    with Watcher(shop) as watcher:
        for region in order:
            shop.edge(region).kill()
            meridian.wait_until(lambda: next(r for r in shop.status()["regions"] if r["name"] == region)["state"] != "up", f"{region} is not up")
            time.sleep(4.5)  # longer than the isolation window, so that the losses are not one event
        assert watcher.names_now()
    assert watcher.errors == []


def tls_probe_config(text):
    return text.replace("kind: http, port: 8080", "kind: https, port: 8443")


def test_edge_whose_tls_is_dead_leaves(tmp_path):
    """TLS ends in front of the edge; the port stays open and the handshake never comes."""
    import subprocess
    with meridian.Shop(tmp_path, edit=tls_probe_config) as shop:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=www.shop.example", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
        site = tmp_path / ".meridian"
        site.mkdir()
        (site / "health").write_text("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
        servers = {}
        for region in meridian.REGIONS:
            servers[region] = meridian.Process(
                ["openssl", "s_server", "-quiet", "-accept", f"{shop.edge_address(region)}:8443", "-HTTP",
                 "-cert", tmp_path / "cert.pem", "-key", tmp_path / "key.pem"], tmp_path / f"tls-{region}.log", cwd=tmp_path)
        try:
            shop.start_dns()
            meridian.wait_until(lambda: all(r["state"] == "up" for r in shop.status()["regions"]), "TLS probes succeed")
            with Watcher(shop) as watcher:
                settled(shop, watcher, shop.edge_address("us-east"))
                servers["us-east"].signal(signal.SIGSTOP)  # the kernel still accepts; nobody shakes hands
                settled(shop, watcher, shop.edge_address("us-west"))
            assert watcher.errors == []
        finally:
            for server in servers.values():
                server.signal(signal.SIGCONT)
                server.kill()
