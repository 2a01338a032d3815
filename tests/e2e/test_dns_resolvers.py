"""Real resolvers in front: all resolve everything, and those that carry client subnets cache by the scope that we give."""
import re

import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest

import resolvers
from authority import Authority

ALL = {"unbound": resolvers.start_unbound, "unbound-subnetcache": resolvers.start_unbound_with_subnets,
       "recursor": resolvers.start_recursor, "bind": resolvers.start_bind}
STEERED = ["shop.example", "www.shop.example", "api.shop.example", "static.shop.example", "orders.shop.example", "accounts.shop.example"]


def names_of(shop, origin):
    """Every (name, type) of a zone file that we answer ourselves: not what a delegation, a DNAME or a wildcard covers."""
    text = (shop.zones / f"{origin}.zone").read_text()
    for first, last, owner, rdtype in re.findall(r"^\$GENERATE (\d+)-(\d+) (\S+) +(\S+)", text, re.M):
        yield from ((f"{owner.replace('$', str(n))}.{origin}.", rdtype) for n in range(int(first), int(last) + 1))
    text = re.sub(r"^\$GENERATE.*$", "", text, flags=re.M)
    zone = dns.zone.from_text(text, origin, relativize=False)
    cuts = [dns.name.from_text(f"partners.{origin}")]
    for name, rdataset in zone.iterate_rdatasets():
        if not name.is_wild() and not any(name.is_subdomain(cut) for cut in cuts):
            yield name.to_text(), dns.rdatatype.to_text(rdataset.rdtype)


def told(response):
    return sorted(f"{r.name} {dns.rdatatype.to_text(r.rdtype)} {rr.to_text()}".lower() for r in response.answer for rr in r)


@pytest.mark.parametrize("kind", ALL)
def test_every_name_resolves(shop, tmp_path, kind):
    zones = {zone: (shop.dns_address, 5300) for zone in ("shop.example", "old-shop.example")}
    with ALL[kind](tmp_path, shop.address("9.53"), zones) as resolver:
        resolver.wait("shop.example")
        resolver.wait("old-shop.example")
        asked = set(names_of(shop, "shop.example")) | set(names_of(shop, "old-shop.example"))
        if kind == "recursor":  # refuses types for private use by itself
            asked.discard(("strange.shop.example.", "TYPE65400"))
        assert len(asked) > 50
        for name, rdtype in sorted(asked):
            response = resolver.ask(name, rdtype)
            assert response.rcode() == dns.rcode.NOERROR, (name, rdtype, response.to_text())
            assert told(response) == told(shop.query(name, rdtype, edns=0, tcp=True)), (name, rdtype)
        for name in [*STEERED, "shop.shop.example", "www.old-shop.example", "catalogue.old-shop.example", "www.archive.shop.example"]:
            addresses = [rr.to_text() for r in resolver.ask(name).answer for rr in r if r.rdtype == dns.rdatatype.A]
            assert len(addresses) == 1 and addresses[0] in map(shop.edge_address, ("us-east", "us-west", "eu")), name
        for name, address in (("anyone.customers.shop.example", "192.0.2.80"), ("a.b.customers.shop.example", "192.0.2.80"),
                              ("letters.archive.shop.example", "192.0.2.70"), ("old.letters.archive.shop.example", "192.0.2.71")):
            assert address in [rr.to_text() for r in resolver.ask(name).answer for rr in r], name
        for name, rcode in (("nothing.shop.example", dns.rcode.NXDOMAIN), ("x.big.customers.shop.example", dns.rcode.NXDOMAIN),
                            ("floor.shop.example", dns.rcode.NOERROR), ("www.shop.example", dns.rcode.NOERROR)):
            response = resolver.ask(name, "NAPTR")
            assert response.rcode() == rcode and not response.answer, name


CONFIG = """
service: scopes
state_directory: "{directory}/state"
regions: {us: {edges: [192.0.2.11]}, eu: {edges: [203.0.113.31]}}
health: {edge: {kind: tcp, port: 9, interval: 1h, timeout: 1s}, start_wait: 0ms}
admin: {dns: ["{address}:9053"]}
dns:
  listen: ["{address}:{port}"]
  zones: {example.com: example.com.zone}
  policies:
    closest: [{subnets: {"{net}.16.0/20": [eu], "{net}.32.0/24": [eu]}}, {failover: [us, eu]}]
    spread: [{subnets: {"{net}.0.0/16": [{us: 1, eu: 1}]}}, {failover: [us, eu]}]
    whole: [{failover: [eu, us]}]
  names:
    www.example.com: {policy: closest, ttl: {min: 600s, max: 600s}}
    spread.example.com: {policy: spread, ttl: {min: 600s, max: 600s}}
    same.example.com: {policy: whole, ttl: {min: 600s, max: 600s}}
"""
ZONE = """
$TTL 1h
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A {address}
alias CNAME www
"""


@pytest.fixture
def scopes(tmp_path):
    with Authority(tmp_path / "server", CONFIG, {"example.com": ZONE}) as server:
        yield server.start(up=("us", "eu"))


@pytest.mark.parametrize("kind", ["unbound-subnetcache", "recursor"])
def test_subnets_are_cached_by_scope(scopes, tmp_path, kind):
    """Queries that reach us are counted. Clients have real addresses, from which the resolver makes the subnet."""
    def client(rest):
        return f"127.{scopes.lease.number}.{rest}"

    def asked(name):
        return scopes.counted("meridian_dns_steered_total", f'name="{name}.example.com"')

    with ALL[kind](tmp_path, client("9.53"), {"example.com": (scopes.address, scopes.port)}) as resolver:
        resolver.wait("example.com")
        for name, rest, region, so_far in (
                ("www", "16.5", "eu", 1), ("www", "16.5", "eu", 1),
                ("www", "16.77", "eu", 1),  # the same /24
                ("www", "31.9", "eu", 1),  # another /24 of the same scope, a /20
                ("www", "32.1", "eu", 2), ("www", "32.200", "eu", 2),  # the same region by another row: a scope of its own
                ("www", "200.1", "us", 3), ("www", "201.1", "us", 3),  # the rest of that half of the network is one block
                ("www", "16.6", "eu", 3), ("www", "32.7", "eu", 3),  # all still known
                ("spread", "40.1", None, 1), ("spread", "40.2", None, 1), ("spread", "41.1", None, 2),  # shares: by /24
                ("same", "40.1", "eu", 1), ("same", "241.1", "eu", 1)):  # not tailored: one for all
            addresses = [rr.to_text() for rr in resolver.ask(f"{name}.example.com", client=client(rest)).answer[-1]]
            assert region is None or addresses == [{"us": "192.0.2.11", "eu": "203.0.113.31"}[region]], (name, rest)
            assert asked(name) == so_far, (name, rest)
        assert scopes.counted("meridian_dns_subnet_queries_total") > 0, "the resolver does send client subnets"


def test_without_subnets_one_answer_serves_all_clients(scopes, tmp_path):
    """BIND sends none: it is steered by its own address, and asks once."""
    with resolvers.start_bind(tmp_path, f"127.{scopes.lease.number}.9.53", {"example.com": (scopes.address, scopes.port)}) as resolver:
        resolver.wait("example.com")
        for rest in ("16.5", "32.1", "200.1"):
            resolver.ask("www.example.com", client=f"127.{scopes.lease.number}.{rest}")
        assert scopes.counted("meridian_dns_steered_total", 'name="www.example.com"') == 1
        assert scopes.counted("meridian_dns_subnet_queries_total") == 0
