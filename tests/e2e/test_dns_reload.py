"""A reload of a DNS node that changes things, seen from outside: its edges, every field of its probes, cookies, what it refuses."""
import socket
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from test_discovery import Dns

import meridian
from lone_edge import Scripted, ok, slot_address
from lone_node import LoneNode


@pytest.fixture
def slot():
    held = meridian.Lease()
    yield held
    held.release()


def page(exchange):
    """/up is well, /ill is not; `server.ill` says so of both, `server.delay` seconds late."""
    while head := exchange.read_head():
        time.sleep(exchange.server.delay)
        ill = exchange.server.ill or b" /ill " in head
        exchange.send(b"HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n" if ill else ok(b'{"state":"up"}'))


@pytest.fixture
def edges(slot):
    running = [Scripted(slot_address(slot, f"{60 + n}.1"), page, port=8080, ill=False, delay=0) for n in (1, 2, 3)]
    yield running
    for edge in running:
        edge.__exit__()


def test_an_edge_that_comes_is_probed_and_answered_and_one_that_goes_is_neither(slot, edges, tmp_path):
    one, two, three = edges
    with LoneNode(tmp_path, slot, {"eu": [one.address]}) as node:
        node.becomes(one.address)
        node.config["regions"]["eu"]["edges"] = [one.address, two.address]
        node.reload()
        node.becomes(one.address, two.address)
        assert two.heads, "it is probed"
        two.ill = True
        node.becomes(one.address)
        two.ill = False
        node.becomes(one.address, two.address)
        node.config["regions"] = {"eu": {"edges": [two.address]}, "us": {"edges": [three.address]}}
        node.config["dns"]["policies"]["order"] = [{"failover": ["us", "eu"]}]
        node.reload()
        node.becomes(three.address)
        meridian.wait_until(lambda: not one.open, "nobody keeps a connection to who is gone", timeout=10)
        probed = len(one.heads), len(two.heads)
        meridian.wait_until(lambda: len(two.heads) > probed[1] + 5, "the others are probed on")
        assert len(one.heads) <= probed[0] + 1
        three.ill = True
        node.becomes(two.address)


@pytest.mark.parametrize("change", [{"path": "/ill"}, {"port": 8081}, {"kind": "https"}, {"timeout": "50ms"}, {"fall": 2}])
def test_a_field_of_the_probe_takes_an_edge_down_from_the_reload_on(slot, edges, tmp_path, change):
    """What is true before the reload keeps it up: a slow answer within the timeout, failures fewer than `fall`."""
    one, two, _ = edges
    first = {"interval": "600ms", "timeout": "500ms"} if "timeout" in change else {"fall": 100} if "fall" in change else {}
    with LoneNode(tmp_path, slot, {"eu": [one.address], "us": [two.address]}, first) as node:
        node.becomes(one.address)
        if "timeout" in change:
            one.delay = 0.15
        if "fall" in change:
            one.ill = True
        asked = len(one.heads)
        meridian.wait_until(lambda: len(one.heads) > asked + 3, "it is probed")
        assert node.addresses() == [one.address]
        node.probe.update(change)
        node.reload()
        if "port" in change:
            with Scripted(two.address, page, port=8081, ill=False, delay=0):
                node.becomes(two.address)
        elif "path" in change or "kind" in change:  # for the other one, too: the first of those that are down
            meridian.wait_until(lambda: all(r["state"] == "down" for r in node.status()["regions"]), "both are down", timeout=20)
        else:
            node.becomes(two.address)


def test_rise_host_interval_and_kind_count_from_the_reload_on(slot, edges, tmp_path):
    one, two, _ = edges
    with LoneNode(tmp_path, slot, {"eu": [one.address], "us": [two.address]}, {"rise": 100}) as node:
        node.becomes(one.address)
        one.ill = True
        node.becomes(two.address)
        one.ill = False
        time.sleep(1)
        assert node.addresses() == [two.address], "a few good results are not a hundred"
        node.probe["rise"] = 2
        node.reload()
        node.becomes(one.address)

        node.probe["host"] = "other.example"
        node.reload()
        meridian.wait_until(lambda: b"Host: other.example" in one.heads[-1][1], "the host is said", timeout=10)

        node.probe["interval"] = "30s"
        node.reload()
        time.sleep(0.5)
        asked = len(one.heads)
        time.sleep(1.5)
        assert len(one.heads) <= asked + 1, "not four times a second any more"
        node.probe["interval"] = "250ms"
        node.reload()
        meridian.wait_until(lambda: len(one.heads) > asked + 10, "as often as before", timeout=10)

        one.ill = True
        node.becomes(two.address)
        node.probe["kind"] = "tcp"
        node.probe.pop("path")
        node.probe.pop("host")
        node.reload()
        node.becomes(one.address)


def test_a_certificate_that_is_for_another_name_counts_by_host(slot, edges, tmp_path):
    """Only that TLS is asked at all: a listener that never shakes hands is no edge."""
    one, two, _ = edges
    with socket.create_server((one.address, 8443)), LoneNode(tmp_path, slot, {"eu": [one.address], "us": [two.address]}) as node:
        node.becomes(one.address)
        node.probe.update({"kind": "https", "port": 8443})
        node.reload()
        meridian.wait_until(lambda: next(r for r in node.status()["regions"] if r["name"] == "eu")["state"] == "down", "eu is down", timeout=20)


def test_cookies_are_spoken_as_the_reload_says(slot, edges, tmp_path):
    def cookie(node):
        reply = node.ask("static.lone.example", options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"01234567")])
        return next((option for option in reply.options if option.otype == dns.edns.OptionType.COOKIE), None)

    with LoneNode(tmp_path, slot, {"eu": [edges[0].address]}) as node:
        assert cookie(node) is not None
        node.config["dns"]["cookies"] = {"enabled": False}
        node.reload()
        meridian.wait_until(lambda: cookie(node) is None, "none is spoken", timeout=10)
        assert all(cookie(node) is None for _ in range(5))
        node.config["dns"]["cookies"] = {"enabled": True}
        node.reload()
        meridian.wait_until(lambda: cookie(node) is not None, "they are spoken again", timeout=10)


@pytest.mark.parametrize("change", ["workers", "listen", "admin"])
def test_what_needs_a_restart_is_refused_with_that_word_and_nothing_is_taken(slot, edges, tmp_path, change):
    one, two, _ = edges
    with LoneNode(tmp_path, slot, {"eu": [one.address]}) as node:
        node.becomes(one.address)
        node.config["regions"]["eu"]["edges"] = [two.address]
        if change == "admin":
            node.config["admin"] = {"dns": [f"{node.address}:9053"]}
        else:
            node.config["dns"][change] = {"workers": 2, "listen": [f"{node.address}:5301"]}[change]
        said = node.reload(status=422)
        assert change in said and "restart" in said
        assert node.addresses() == [one.address] and not two.heads


def test_a_word_that_expires_is_published_without_anything_else_happening(slot, edges, tmp_path):
    one, two, _ = edges
    with LoneNode(tmp_path, slot, {"eu": [one.address], "us": [two.address]}, {"interval": "1h", "timeout": "10s"}) as node:
        node.becomes(one.address)
        assert node.admin("/drain?target=eu&reason=test&expires=2")[0] == 200
        began = time.monotonic()
        node.becomes(two.address, timeout=1.5)
        assert node.metric("meridian_dns_override", 'region="eu"') == 1
        node.becomes(one.address, timeout=10)
        assert 1.5 < time.monotonic() - began < 5
        assert node.metric("meridian_dns_override", 'region="eu"') == 0
        assert "override" not in next(r for r in node.status()["regions"] if r["name"] == "eu") or \
            not next(r for r in node.status()["regions"] if r["name"] == "eu")["override"]


def test_tcp_connections_are_counted_over_the_process(slot, edges, tmp_path):
    """Two workers, six connections allowed: of twenty idle ones six are left, whichever worker has them."""
    words = {"workers": 2, "tcp": {"max_connections": 6, "idle_timeout": "1m"}}
    with LoneNode(tmp_path, slot, {"eu": [edges[0].address]}, dns_words=words) as node:
        held = []
        for _ in range(20):
            held.append(socket.create_connection((node.address, 5300), timeout=10))
            time.sleep(0.02)

        def left():
            alive = 0
            for sock in held:
                sock.setblocking(False)
                try:
                    alive += sock.recv(1) != b""
                except BlockingIOError:
                    alive += 1
                except ConnectionResetError:
                    pass
            return alive
        meridian.wait_until(lambda: left() <= 6, "the rest is closed", timeout=10)
        time.sleep(0.3)
        assert 4 <= left() <= 6
        for sock in held:
            sock.close()
        assert node.ask("static.lone.example", tcp=True).answer


# -- ALIAS: how often a target is asked for

def asked_for(resolver, name, rdtype="A"):
    return [at for at, asked, kind in list(resolver.asked) if (asked, kind) == (name, rdtype)]


class Counting(Dns):
    """A Dns that keeps when it was asked for what."""

    def __init__(self, *arguments):
        self.asked = []
        super().__init__(*arguments)

    def reply(self, data):
        question = dns.message.from_wire(data).question[0]
        self.asked.append((time.monotonic(), question.name.to_text(), dns.rdatatype.to_text(question.rdtype)))
        return super().reply(data)


@pytest.fixture
def resolver(slot):
    running = Counting(slot_address(slot, "9.1"))
    yield running
    running.stop()


def with_alias(slot, edges, directory):
    words = {"resolvers": [f"{slot_address(slot, '9.1')}:5353"], "names": {"apex.lone.example": {"alias": "target.internal", "ttl": {"min": "1s", "max": "1h"}}}}
    return LoneNode(directory, slot, {"eu": [edges[0].address]}, dns_words=words)


def test_an_alias_whose_ttl_is_0_is_asked_for_once_a_second(slot, edges, resolver, tmp_path):
    resolver.say("target.internal.", "A", "192.0.2.7", ttl=0)
    with with_alias(slot, edges, tmp_path) as node:
        meridian.wait_until(lambda: node.addresses("apex.lone.example") == ["192.0.2.7"], "the target is known", timeout=20)
        began = time.monotonic()
        time.sleep(4)
        lately = [at for at in asked_for(resolver, "target.internal.") if at > began]
        assert 2 <= len(lately) <= 6
        resolver.say("target.internal.", "A", "192.0.2.8", ttl=0)
        meridian.wait_until(lambda: node.addresses("apex.lone.example") == ["192.0.2.8"], "a change is seen", timeout=5)


def test_an_alias_is_kept_no_longer_than_its_cname_says(slot, edges, resolver, tmp_path):
    """CNAME for 1 s, address for an hour: the CNAME may lead elsewhere in a second."""
    answer = dns.rrset.from_text("target.internal.", 1, "IN", "CNAME", "real.internal.")
    plain = resolver.reply

    def with_cname(data):
        query = dns.message.from_wire(data)
        reply = plain(data)
        if query.question[0].name.to_text() != "target.internal." or query.question[0].rdtype != dns.rdatatype.A:
            return reply
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        response.answer += [answer, dns.rrset.from_text("real.internal.", 3600, "IN", "A", resolver.now)]
        return response.to_wire()
    resolver.now, resolver.reply = "192.0.2.7", with_cname
    resolver.say("target.internal.", "A", "192.0.2.7")
    with with_alias(slot, edges, tmp_path) as node:
        meridian.wait_until(lambda: node.addresses("apex.lone.example") == ["192.0.2.7"], "the target is known", timeout=20)
        assert node.ask("apex.lone.example").answer[-1].ttl <= 1
        resolver.now = "192.0.2.8"
        meridian.wait_until(lambda: node.addresses("apex.lone.example") == ["192.0.2.8"], "it leads elsewhere", timeout=6)


def test_failures_are_asked_for_again_ever_more_seldom_and_a_success_begins_anew(slot, edges, resolver, tmp_path):
    resolver.say("target.internal.", "A", "192.0.2.7", ttl=1)
    with with_alias(slot, edges, tmp_path) as node:
        meridian.wait_until(lambda: node.addresses("apex.lone.example") == ["192.0.2.7"], "the target is known", timeout=20)
        resolver.rcode = dns.rcode.SERVFAIL
        time.sleep(9)
        tries = asked_for(resolver, "target.internal.")
        rounds = [at for n, at in enumerate(tries) if n == 0 or at - tries[n - 1] > 0.5]
        gaps = [b - a for a, b in zip(rounds, rounds[1:])][-3:]
        assert gaps == sorted(gaps) and gaps[-1] > 1.6 * gaps[-2] > 0, gaps
        assert node.addresses("apex.lone.example") == ["192.0.2.7"], "what was good stays meanwhile"
        resolver.rcode = dns.rcode.NOERROR
        before = len(asked_for(resolver, "target.internal."))
        meridian.wait_until(lambda: len(asked_for(resolver, "target.internal.")) > before + 3, "by TTL again", timeout=30)
        latest = asked_for(resolver, "target.internal.")[-3:]
        assert latest[-1] - latest[0] < 4
