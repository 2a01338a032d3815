"""Pools whose servers the DNS names: addresses and SRV records, by TTL, while requests come in."""
import http.client
import json
import socket
import threading
import time
from collections import Counter

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

import meridian
from meridian import wait_until

REGION = "eu"
NAME = "web.internal."
SERVICE = "_http._tcp.web.internal."


class Dns:
    """A DNS server with the records that the test says; a name it does not have is NXDOMAIN."""

    def __init__(self, address, port=5353):
        self.endpoint = (address, port)
        self.records = {}
        self.rcode = dns.rcode.NOERROR
        self.over_tcp = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(self.endpoint)
        self.listener = socket.create_server(self.endpoint)
        self.over = False
        self.threads = [threading.Thread(target=self.serve, args=one) for one in ((self.socket, self.udp), (self.listener, self.tcp))]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()
        self.socket.close()
        self.listener.close()

    def say(self, name, rdtype, *values, ttl=1):
        self.records[(name, rdtype)] = dns.rrset.from_text(name, ttl, "IN", rdtype, *values) if values else None

    def serve(self, sock, answer):
        sock.settimeout(0.1)
        while not self.over:
            try:
                answer()
            except (OSError, dns.exception.DNSException):  # nobody asks, or who did has left
                pass

    def udp(self):
        data, peer = self.socket.recvfrom(4096)
        reply = self.reply(data)
        if len(reply) > 512:  # RFC 1035 4.2.1: the rest by TCP
            short = dns.message.make_response(dns.message.from_wire(data))
            short.flags |= dns.flags.TC
            reply = short.to_wire()
        self.socket.sendto(reply, peer)

    def tcp(self):
        connection, _ = self.listener.accept()
        connection.settimeout(5)
        with connection, connection.makefile("rb") as stream:
            query = stream.read(int.from_bytes(stream.read(2), "big"))
            reply = self.reply(query)
            self.over_tcp += 1
            connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def reply(self, data):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, rdtype = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        response.set_rcode(self.rcode)
        known = dict(self.records)
        if self.rcode == dns.rcode.NOERROR and not any(key[0] == name for key in known):
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif self.rcode == dns.rcode.NOERROR and known.get((name, rdtype)) is not None:
            response.answer.append(known[(name, rdtype)])
        return response.to_wire()


class Edge:
    """The shop's backends, a DNS server of the test's own and one edge whose pool web is as `servers` says."""

    def __init__(self, directory, servers, extra=""):
        def edit(text):
            slot = text.split("address: \"127.")[1].split(".")[0]
            before, _, after = text.partition("    web:\n")
            _, _, after = after.partition("    api:\n")
            pool = f"    web:\n      balance: weighted_round_robin\n      servers: {servers}\n{extra}"
            text = before + pool + "    api:\n" + after
            return text.replace("\nedge:\n", f"\nedge:\n  resolvers: [\"127.{slot}.9.1:5353\"]\n", 1)
        self.shop = meridian.Shop(directory, lambda text: meridian.patient(edit(text)))
        self.dns = Dns(self.shop.address("9.1"))

    def __enter__(self):
        self.shop.start_backends()
        return self

    def __exit__(self, *_):
        self.dns.stop()
        self.shop.close()

    def start(self):
        config = self.shop.config
        process = self.shop.launch(REGION, [meridian.binaries() / "meridian-edge", "--config", config, "--region", REGION])
        wait_until(lambda: not process.running() or self.admin("/healthz")[0] == 200, "the edge runs")
        assert process.running(), process.text()
        return self

    def admin(self, path, method="GET"):
        try:
            return self.shop.admin(REGION, path, method)
        except OSError:
            return 0, ""

    def backend(self, n):
        """Address of eu-web-N; the shop's backends are 127.N.3.11 and so on."""
        return self.shop.address(f"3.{10 + n}")

    def log(self):
        return self.shop.edge(REGION).text()

    def ask(self, count):
        """Who answers `count` requests on one connection, which never sees an error."""
        connection = http.client.HTTPConnection(self.shop.edge_address(REGION), 8080, timeout=20)
        servers = Counter()
        for _ in range(count):
            connection.request("GET", "/", headers={"Host": "www.shop.example"})
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, (response.status, body)
            servers[json.loads(body)["server"]] += 1
        connection.close()
        return servers

    def pool(self):
        return next(p for p in json.loads(self.admin("/status")[1])["pools"] if p["pool"] == "web")

    def servers(self):
        return sorted(one["server"] for one in self.pool()["servers"])

    def wait_for(self, *servers):
        wanted = sorted(servers)
        wait_until(lambda: self.servers() == wanted, f"the pool is {wanted}")


class Load:
    """Requests on a few connections all the time; the answers that were not 200."""

    def __init__(self, edge, connections=3):
        self.edge, self.bad, self.seen, self.over = edge, [], Counter(), False
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]

    def run(self):
        while not self.over:
            try:
                self.seen.update(self.edge.ask(20))
            except (AssertionError, OSError, http.client.HTTPException) as error:
                self.bad.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join()

    def wait_for(self, servers):
        """Until exactly these answer, for a while."""
        def settled():
            before = Counter(self.seen)
            wait_until(lambda: sum(self.seen.values()) >= sum(before.values()) + 60, "requests are answered")
            return {name for name, count in dict(self.seen).items() if count > before[name]} == set(servers)
        wait_until(settled, f"{servers} answer")


def test_a_pool_follows_the_addresses_of_a_name(tmp_path):
    with Edge(tmp_path, "{dns: web.internal, port: 9000}") as edge:
        edge.start()  # before the name exists
        status, _, body = edge.shop.edge_get(REGION, "/")
        assert status == 503
        assert edge.pool()["sources"][0]["state"] in ("waiting", "failing") and edge.servers() == []
        first = {f"eu-web-{n}" for n in (1, 2, 3)}
        edge.dns.say(NAME, "A", *(edge.backend(n) for n in (1, 2, 3)))
        edge.wait_for(*(f"{edge.backend(n)}:9000" for n in (1, 2, 3)))
        answered = edge.ask(30)
        assert answered == Counter({name: 10 for name in first}), answered

        with Load(edge) as load:
            load.wait_for(first)
            kept = {one["server"]: one["requests"] for one in edge.pool()["servers"]}
            edge.dns.say(NAME, "A", edge.backend(2), edge.shop.address("3.21"))
            load.wait_for({"eu-web-2", "eu-api-1"})
            edge.dns.say(NAME, "A", edge.backend(3))
            load.wait_for({"eu-web-3"})
            edge.dns.say(NAME, "A", edge.backend(2), edge.backend(3))
            load.wait_for({"eu-web-2", "eu-web-3"})
        assert not load.bad, load.bad[:3]
        # Who stayed, or came back, is who it was.
        now = {one["server"]: one["requests"] for one in edge.pool()["servers"]}
        assert now[f"{edge.backend(2)}:9000"] > kept[f"{edge.backend(2)}:9000"]
        assert edge.shop.metric(REGION, "meridian_edge_discovery_servers", pool="web", source="web.internal:9000") == 2


def test_failed_lookups_take_nobody_away(tmp_path):
    with Edge(tmp_path, "{dns: web.internal, port: 9000}") as edge:
        edge.dns.say(NAME, "A", edge.backend(1), edge.backend(2))
        edge.start()
        both = [f"{edge.backend(n)}:9000" for n in (1, 2)]
        edge.wait_for(*both)

        def source():
            return edge.pool()["sources"][0]

        def keeps_on(what):
            wait_until(lambda: source()["state"] == "failing", f"{what} shows")
            assert edge.servers() == both and source()["reason"]
            # Two clients of one worker may take turns such that each meets one server.
            wait_until(lambda: set(edge.ask(10)) == {"eu-web-1", "eu-web-2"}, "both serve")

        with Load(edge, 1) as load:
            failed, recovered = (edge.log().count(f"discovery_{word}") for word in ("failing", "recovered"))
            edge.dns.rcode = dns.rcode.SERVFAIL
            keeps_on("SERVFAIL")
            assert edge.log().count("discovery_failing") == failed + 1
            assert edge.shop.metric(REGION, "meridian_edge_discovery_failing", pool="web", source="web.internal:9000") == 1
            edge.dns.rcode = dns.rcode.NOERROR
            wait_until(lambda: source()["state"] == "found", "it has recovered")
            assert edge.log().count("discovery_recovered") == recovered + 1
            edge.dns.stop()
            keeps_on("a server that is gone")
            # An upgrade must not empty it either: the successor knows what was found.
            old = edge.shop.processes.pop(REGION)
            edge.shop.processes["old"] = old
            edge.shop.launch(REGION, [*old.arguments, "--upgrade"])
            wait_until(lambda: "event=taken_over" in old.text(), "the successor serves")
            assert edge.servers() == both
            # Two clients of one worker may take turns such that each meets one server.
            wait_until(lambda: set(edge.ask(10)) == {"eu-web-1", "eu-web-2"}, "both serve")
        assert not load.bad, load.bad[:3]


def test_srv_records_bring_ports_and_weights(tmp_path):
    with Edge(tmp_path, "{srv: _http._tcp.web.internal}") as edge:
        for n in (1, 2, 3):
            edge.dns.say(f"b{n}.web.internal.", "A", edge.backend(n))
        extra = edge.shop.launch("extra", [meridian.binaries() / "meridian-test-backend", f"{edge.backend(1)}:9441=other-port,web,eu"])
        extra.wait_ready("the server on another port")
        edge.dns.say(SERVICE, "SRV", "10 30 9000 b1.web.internal.", "10 10 9441 b1.web.internal.", "20 0 9000 b3.web.internal.")
        edge.start()
        edge.wait_for("b1.web.internal:9000", "b1.web.internal:9441", "b3.web.internal:9000")
        assert edge.ask(40) == Counter({"eu-web-1": 30, "other-port": 10})

        with Load(edge) as load:
            # All of the better priority are drained: those of the next take over.
            for port in (9000, 9441):
                assert edge.admin(f"/drain?pool=web&server=b1.web.internal:{port}", "POST")[0] == 200
            load.wait_for({"eu-web-3"})
            # A whole new set, and the operator's word on who comes back holds.
            edge.dns.say(SERVICE, "SRV", "5 0 9000 b2.web.internal.", "5 9 9000 b1.web.internal.")
            load.wait_for({"eu-web-2"})
            assert edge.admin("/enable?pool=web&server=b1.web.internal:9000", "POST")[0] == 200
            load.wait_for({"eu-web-1", "eu-web-2"})
        assert not load.bad, load.bad[:3]
        shares = edge.ask(100)
        assert shares == Counter({"eu-web-1": 90, "eu-web-2": 10}), shares


def test_an_answer_that_is_too_large_for_udp_comes_by_tcp(tmp_path):
    with Edge(tmp_path, "{srv: _http._tcp.web.internal}") as edge:
        edge.dns.say("b1.web.internal.", "A", edge.backend(1))
        edge.dns.say(SERVICE, "SRV", *(f"0 1 {port} b1.web.internal." for port in range(9000, 9060)))
        edge.start()
        edge.wait_for(*(f"b1.web.internal:{port}" for port in range(9000, 9060)))
        assert edge.dns.over_tcp > 0


def test_checks_sessions_and_slow_starts_hold_for_servers_that_were_found(tmp_path):
    sticky = ("      health: {path: /health, interval: 1s, timeout: 1s, fall: 9, rise: 1}\n      slow_start: 1h\n"
              "      sticky: {keys: sticky.keys, secure: false}\n")
    with Edge(tmp_path, "{dns: web.internal, port: 9000}", sticky) as edge:
        (edge.shop.zones / "sticky.keys").write_text("0123456789abcdef0123456789abcdef\n")
        edge.dns.say(NAME, "A", edge.backend(1))
        edge.start()
        wait_until(lambda: [one["health"] for one in edge.pool()["servers"]] == ["up"], "it is checked")
        _, headers, _ = edge.shop.edge_get(REGION, "/")
        cookie = headers["set-cookie"].split(";")[0]
        # The newcomer is known to be up, and begins with a sixteenth of its weight.
        edge.dns.say(NAME, "A", edge.backend(1), edge.backend(2))
        edge.wait_for(*(f"{edge.backend(n)}:9000" for n in (1, 2)))
        wait_until(lambda: [one["health"] for one in edge.pool()["servers"]] == ["up", "up"], "both are checked")
        shares = edge.ask(170)
        assert 5 <= shares["eu-web-2"] <= 15, shares
        stuck = {json.loads(edge.shop.edge_get(REGION, "/", {"Cookie": cookie})[2])["server"] for _ in range(10)}
        assert stuck == {"eu-web-1"}
        # Its server leaves: the session goes on elsewhere, with a new cookie.
        edge.dns.say(NAME, "A", edge.backend(2))
        edge.wait_for(f"{edge.backend(2)}:9000")
        status, headers, body = edge.shop.edge_get(REGION, "/", {"Cookie": cookie})
        assert status == 200 and json.loads(body)["server"] == "eu-web-2" and headers["set-cookie"]


def test_many_names_are_published_together(tmp_path):
    """200 servers that are names, and 100 sources: what is found within a short time is one publication."""
    names = [f"n{n}.internal" for n in range(200)]
    sources = [f"{{dns: s{n}.internal, port: 9000}}" for n in range(100)]
    servers = "{eu: [" + ", ".join([f'"{name}:9000"' for name in names] + sources) + "]}"
    with Edge(tmp_path, servers) as edge:
        for n, name in enumerate(names):
            edge.dns.say(name + ".", "A", edge.backend(1 + n % 3), ttl=600)
        for n in range(100):
            edge.dns.say(f"s{n}.internal.", "A", edge.backend(1 + n % 3), ttl=600)
        began = time.monotonic()
        edge.start()
        wait_until(lambda: edge.log().count("event=name_resolved") == 200 and edge.log().count("event=servers_found") == 100, "all names are known")
        # At most one for each quiet time of 20 ms, of names and of sources, and far fewer than names; the health of the
        # shop's other servers is none.
        took = time.monotonic() - began
        published = json.loads(edge.admin("/status")[1])["generation"]
        assert published <= min(4 + 2 * took / 0.02, 60), (published, took)
        # Three servers by discovery, since what has one address and port is one server.
        wait_until(lambda: len(edge.servers()) == 203, "all are in the pool")
        assert set(edge.ask(300)) == {f"eu-web-{n}" for n in (1, 2, 3)}
