"""The zones of the example service as they stand, over UDP and TCP: what is written there is served, and clients are sent to their
region. How messages are read and answered is test_dns_conformance.py's, with zones of its own over every transport."""
import subprocess

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest


# -- answers, the same over UDP and TCP

def both(shop, name, rdtype="A", **options):
    udp = shop.query(name, rdtype, **options)
    tcp = shop.query(name, rdtype, tcp=True, **options)
    assert not udp.flags & dns.flags.TC
    assert sorted(map(str, udp.answer)) == sorted(map(str, tcp.answer)) and udp.rcode() == tcp.rcode()
    assert sorted(map(str, udp.authority)) == sorted(map(str, tcp.authority))
    return udp


def test_static_data_is_authoritative(shop):
    response = both(shop, "ns1.shop.example")
    assert response.flags & dns.flags.AA and [str(rr) for rr in response.answer[0]] == ["192.0.2.53"]
    for rdtype in ("MX", "TXT", "CAA", "HTTPS", "NS", "SOA"):
        assert both(shop, "shop.example", rdtype).answer, rdtype
    assert both(shop, "strange.shop.example", "TYPE65400").answer
    assert len(both(shop, "key.shop.example", "TXT").answer[0][0].strings) == 2
    assert both(shop, "node-7.shop.example").answer[0][0].address == "192.0.2.107"


def test_cname_chain_ends_at_the_steered_name(shop):
    response = both(shop, "shop.shop.example", subnet="81.2.69.0/24")
    assert [dns.rdatatype.to_text(r.rdtype) for r in response.answer] == ["CNAME", "CNAME", "A"]
    assert str(response.answer[2].name) == "www.shop.example."
    assert str(response.answer[2][0]) == shop.edge_address("eu")
    outside = both(shop, "status.shop.example")
    assert len(outside.answer) == 1 and outside.rcode() == dns.rcode.NOERROR


def test_dname_is_synthesised_across_zones(shop):
    response = both(shop, "old.letters.archive.shop.example")
    assert [dns.rdatatype.to_text(r.rdtype) for r in response.answer] == ["DNAME", "CNAME", "A"]
    assert str(response.answer[2][0]) == "192.0.2.71"


# -- steering

@pytest.mark.parametrize(("subnet", "region"), [
    ("81.2.69.0/24", "eu"),  # Britain
    ("128.32.1.0/24", "us-west"),  # Berkeley, California: a row of our own
    ("203.0.113.0/24", "eu"),  # Ireland, a row of our own
    ("192.0.2.0/24", "us-east"),  # Virginia, a row of our own
    ("198.51.100.0/24", "us-west"),  # the partner's private line
    ("2a00:1450::/48", "eu"),
])
def test_clients_are_sent_to_their_region(shop, subnet, region):
    assert shop.region_of(subnet) == region


# -- transport

def test_dig_agrees_over_udp_and_tcp(shop):
    def dig(*extra):
        done = subprocess.run(["dig", f"@{shop.dns_address}", "-p", "5300", "+short", "+subnet=81.2.69.0/24", *extra, "www.shop.example"],
                              capture_output=True, text=True, timeout=20, check=True)
        return sorted(done.stdout.split())
    assert dig() == dig("+tcp") == [shop.edge_address("eu")]
