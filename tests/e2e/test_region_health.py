"""What a DNS node believes of its regions: isolation, edges that are new, edges that come and go, drains.

The edges are small servers of the test's own, told to answer, to be silent, or to be gone.
"""
import json
import resource
import socket
import threading
import time

import dns.message
import dns.rdatatype
import pytest

import meridian
from authority import Authority

ZONE = "$TTL 60\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n"
CONFIG = """
service: regions
state_directory: "{directory}/state"
regions:
  us: {edges: [US]}
  eu: {edges: ["{net}.62.1"]}
  cdn: {cname: shop.cdn.example.net}
health:
  edge: {kind: http, port: 8080, interval: 200ms, timeout: 150ms, fall: 3, rise: 2}
  isolation_hold: 60s
admin: {dns: ["{address}:9053"]}
dns:
  listen: ["{address}:{port}"]
  workers: 1
  zones: {example.com: example.com.zone}
  geo: {database: "{geo}"}
  policies: {all: [failover: [ORDER]]}
  names: {www.example.com: {policy: all, ttl: {min: 2s, max: 30s}}}
"""


class Edge:
    """An edge's health page, in a thread. `mode`: up, draining, ill (503) or silent; gone() and back() as a process."""

    def __init__(self, address):
        self.address, self.mode = address, "up"
        self.listener, self.connections, self.lock = None, [], threading.Lock()
        self.back()

    def back(self):
        listener = socket.create_server((self.address, 8080))
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with self.lock:
                self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while connection.recv(4096):
                if self.mode == "silent":
                    continue
                status = "503 Ill" if self.mode == "ill" else "200 OK"
                body = json.dumps({"state": "draining" if self.mode == "draining" else "up"}, separators=(",", ":"))
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        except OSError:
            pass

    def gone(self):
        """As if its process were killed: the kernel ends its connections and refuses new ones."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        self.hang_up()

    def hang_up(self):
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                connection.close()
            self.connections = []


class Node:
    """A DNS node with `us` (four edges, or as many as told), `eu` and an unprobed platform `cdn`."""

    def __init__(self, directory, order, us=1, edit=lambda text: text):
        lease = meridian.Lease()
        net = f"127.{lease.number}"
        self.us = [f"{net}.61.{n}" for n in range(1, us + 1)]
        self.eu = f"{net}.62.1"
        text = CONFIG.replace("US", ", ".join(f'"{a}"' for a in self.us)).replace("ORDER", ", ".join(order))
        self.server = Authority(directory, edit(text), {"example.com": ZONE}, lease)
        self.edges = {address: Edge(address) for address in (*self.us, self.eu)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        for edge in self.edges.values():
            edge.gone()

    def start(self, settled=True):
        self.server.start()
        if settled:
            meridian.wait_until(lambda: all(e["verified"] for r in ("us", "eu") for e in self.region(r)["edges"]), "all edges were seen")
        return self

    def answer(self):
        """(what www.example.com is: addresses, or the platform's name; the TTL)"""
        response = self.server.query(dns.message.make_query("www.example.com", "A"))
        rrset = response.answer[0]
        return sorted(str(rr) for rr in rrset), rrset.ttl

    def addresses(self):
        return self.answer()[0]

    def status(self):
        return json.loads(self.server.admin("/status")[1])

    def region(self, name):
        return next(r for r in self.status()["regions"] if r["name"] == name)

    def edge(self, address):
        return next(e for r in self.status()["regions"] for e in r.get("edges", []) if e["address"] == address)

    def explain(self):
        return self.server.admin("/explain?name=www.example.com&client=192.0.2.1")[1]

    def set_all(self, addresses, mode):
        for address in addresses:
            self.edges[address].mode = mode


# -- isolation

def test_a_dead_region_is_not_held_while_the_platform_can_serve(tmp_path):
    with Node(tmp_path, ["us", "cdn"]) as node:
        node.start()
        assert node.addresses() == node.us
        node.edges[node.eu].gone()  # in no step, and probed all the same
        node.edges[node.us[0]].gone()
        meridian.wait_until(lambda: node.region("us")["state"] == "down" and node.region("eu")["state"] == "down", "both are lost")
        assert node.addresses() == ["shop.cdn.example.net."]
        assert not node.status()["isolated"]
        # Silence is no other matter: the platform is left.
        node.edges[node.us[0]].back()
        meridian.wait_until(lambda: node.addresses() == node.us, "it is back")
        node.set_all(node.us, "silent")
        meridian.wait_until(lambda: node.addresses() == ["shop.cdn.example.net."], "silence is believed")
        assert not node.status()["isolated"]


@pytest.mark.parametrize("word", ["up", "drained"])
def test_a_dead_region_is_not_held_while_a_forced_one_can_serve(tmp_path, word):
    with Node(tmp_path, ["us", "eu"], edit=lambda text: text.replace("  cdn: {cname: shop.cdn.example.net}\n", "")) as node:
        node.start()
        node.server.force("eu", word)
        node.set_all(node.us, "silent")
        meridian.wait_until(lambda: node.addresses() == [node.eu], "eu serves")
        assert not node.status()["isolated"]


def test_edges_that_refuse_are_no_isolation(tmp_path):
    with Node(tmp_path, ["us", "eu"], us=4, edit=lambda text: text.replace("  cdn: {cname: shop.cdn.example.net}\n", "")) as node:
        node.start()
        for edge in node.edges.values():
            edge.gone()
        meridian.wait_until(lambda: all(r["state"] == "down" for r in node.status()["regions"]), "all are down")
        assert not node.status()["isolated"]
        assert node.answer() == (sorted([*node.us, node.eu]), 2), "answer_all"


def test_silence_of_all_is_held_with_all_edges_until_it_ends(tmp_path):
    with Node(tmp_path, ["us", "eu"], us=4, edit=lambda text: text.replace("  cdn: {cname: shop.cdn.example.net}\n", "")) as node:
        node.start()
        meridian.wait_until(lambda: node.answer() == (node.us, 30), "all is well")
        node.set_all(node.edges, "silent")
        meridian.wait_until(lambda: node.status()["isolated"], "the node suspects itself")
        assert node.answer() == (node.us, 2), "the answer from before, all of it"
        told = node.explain()
        assert "as before the silence" in told and "this node suspects itself" in told, told
        assert node.region("us")["edges"][0]["as_before_the_silence"]
        node.set_all(node.edges, "up")
        meridian.wait_until(lambda: not node.status()["isolated"] and node.answer() == (node.us, 30), "all is well again")


def test_a_fresh_node_claims_nothing_that_it_never_saw(tmp_path):
    with Node(tmp_path, ["us", "eu"], edit=lambda text: text.replace("  cdn: {cname: shop.cdn.example.net}\n", "")) as node:
        node.set_all(node.edges, "silent")
        node.start()
        assert not node.status()["isolated"]
        told = node.explain()
        assert "as before" not in told and "us is down" in told, told


# -- edges that are not known yet

def test_a_region_that_was_never_probed_comes_after_those_known_to_serve(tmp_path):
    with Node(tmp_path, ["eu"], edit=lambda text: text.replace("timeout: 150ms", "timeout: 20s").replace("interval: 200ms", "interval: 20s")) as node:
        node.start(settled=False)
        meridian.wait_until(lambda: node.answer() == ([node.eu], 30), "eu was seen")
        new = node.us[0].replace(".61.1", ".63.1")
        node.edges[new] = Edge(new)
        node.edges[new].mode = "silent"
        config = node.server.config
        config.write_text(config.read_text().replace("regions:\n", f'regions:\n  first: {{edges: ["{new}"]}}\n').replace("failover: [eu]", "failover: [first, eu]"))
        status, body = node.server.admin("/reload", method="POST")
        assert status == 200, body
        assert node.answer() == ([node.eu], 2), "what is known to serve, for the least time"
        assert node.region("first")["state"] == "unknown"
        told = node.explain()
        assert "first is not probed yet -> passed over: not probed yet" in told, told
        assert f"first {new}: not probed yet" in told, told
        # What has just come back is no other than before: by its probes.
        assert "cdn is up, nobody probes it -> stands in no step of policy all" in told, told
        assert "cdn: nobody probes it" in told and "it stands in no step of any policy" in told, told
        assert node.region("cdn")["policies"] == [] and node.region("eu")["policies"] == ["all"]


# -- edges that come and go

def test_an_edge_that_crash_loops_stays_away_and_the_operators_word_brings_it_back(tmp_path):
    with Node(tmp_path, ["us", "eu"]) as node:
        node.start()
        us = node.us[0]
        falls = 0
        while node.edge(us)["state"] != "held_down":
            assert falls < 5
            node.edges[us].gone()
            falls += 1
            meridian.wait_until(lambda: node.edge(us)["probed"] == "down" and node.addresses() == [node.eu], "leaving is not delayed")
            node.edges[us].back()
            meridian.wait_until(lambda: node.edge(us)["probed"] == "up", "well again")
        assert falls >= 2, "the first fall costs nothing"
        edge = node.edge(us)
        assert edge["falls_lately"] == falls and 0 < edge["held_down_for_ms"] <= 5000 * 2 ** (falls - 2)
        assert edge["last_fall"]["reason"] == "connection refused"
        assert node.answer() == ([node.eu], 2)
        told = node.explain()
        assert "us is held down: well again" in told and f"after {falls} falls lately" in told, told
        assert node.server.counted("meridian_dns_edge_held_down_seconds", us) > 0
        assert node.server.counted("meridian_dns_edge_falls", us) == falls
        node.server.force("us", "up")
        assert node.addresses() == [us]


def test_an_edge_that_is_held_down_serves_if_nothing_else_does(tmp_path):
    with Node(tmp_path, ["us", "eu"], edit=lambda text: text.replace("rise: 2", "rise: 2, hold_down: 1h, hold_down_max: 1h")) as node:
        node.start()
        us = node.us[0]
        for _ in range(2):
            node.edges[us].gone()
            meridian.wait_until(lambda: node.edge(us)["probed"] == "down", "down")
            node.edges[us].back()
            meridian.wait_until(lambda: node.edge(us)["probed"] == "up", "well again")
        assert node.addresses() == [node.eu]
        node.edges[node.eu].gone()
        meridian.wait_until(lambda: node.addresses() == [us], "it is better than nothing")


# -- drains

def test_a_drain_that_is_long_known_no_longer_shortens_the_ttl(tmp_path):
    with Node(tmp_path, ["us", "eu"], edit=lambda text: text.replace("ttl: {min: 2s, max: 30s}", "ttl: {min: 1s, max: 4s}")) as node:
        node.start()
        said = time.monotonic()
        node.server.force("us", "drained")
        assert node.answer() == ([node.eu], 1)
        meridian.wait_until(lambda: node.answer() == ([node.eu], 4), "all who had an older answer have asked again")
        assert time.monotonic() - said >= 4
        assert node.region("us")["state"] == "drained"
        assert "4 s, the maximum" in node.explain()


# -- what is told

def test_status_and_explain_say_how_far_a_flip_is_and_since_when_a_word_stands(tmp_path):
    slow = "kind: http, port: 8080, interval: 4s, timeout: 150ms, fall: 3, rise: 100, "
    with Node(tmp_path, ["us", "eu"], edit=lambda text: text.replace("kind: http, port: 8080, interval: 200ms, timeout: 150ms, fall: 3, rise: 2", slow.rstrip(", "))) as node:
        node.start()
        us = node.us[0]
        node.server.force("eu", "drained")
        since = node.region("eu")["override"]["since"]
        assert since.endswith("Z")
        node.edges[us].gone()
        meridian.wait_until(lambda: node.edge(us)["probed"] == "down", "down")
        reason = node.edge(us)["last_fall"]["reason"]
        assert reason == "connection refused"
        node.edges[us].back()
        meridian.wait_until(lambda: node.edge(us)["against"] >= 1, "one good probe")
        told = node.explain()
        assert " of 100 good, next probe in " in told, told
        assert "the operator's word: drained (test), until it is taken back, since " in told, told
        # All of it is kept over a reload, and what a person has to know over a restart.
        assert node.server.admin("/reload", method="POST")[0] == 200
        edge = node.edge(us)
        assert edge["last_fall"]["reason"] == reason and edge["against"] >= 1 and edge["against_needed"] == 100
        assert node.region("eu")["override"]["since"] == since
        node.server.process.stop()
        node.server.start()
        assert abs(int(node.region("eu")["override"]["since"][-3:-1]) - int(since[-3:-1])) in (0, 1, 59)


# -- what this machine lacks

def test_a_want_of_descriptors_of_our_own_says_nothing_of_an_edge(tmp_path):
    with Node(tmp_path, ["us", "eu"]) as node:
        node.start()
        meridian.wait_until(lambda: node.answer() == (node.us, 30), "all is well")
        pid = node.server.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
        try:
            for edge in node.edges.values():
                edge.hang_up()  # each has to be connected to anew, which takes a descriptor
            meridian.wait_until(lambda: "Too many open files" in node.server.process.text(), "the log says what is missing")
            end = time.monotonic() + 2  # ten rounds
            while time.monotonic() < end:
                assert node.answer() == (node.us, 30)
                time.sleep(0.05)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        status = node.status()
        assert [e["failures"] for r in status["regions"] for e in r.get("edges", [])] == [0, 0]
        assert node.server.counted("meridian_dns_probe_rounds_discarded_total") > 0
