"""The zones of the example service as they stand, over UDP and TCP: what is written there is served, and clients are sent to their
region. How messages are read and answered is test_dns_conformance.py's, with zones of its own over every transport."""
import socket
import struct
import subprocess

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
import pytest


def ask_raw(shop, packet, timeout=30.0):
    """The reply to a UDP packet, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.sendto(packet, (shop.dns_address, 5300))
        try:
            return sock.recv(65535)
        except TimeoutError:
            return None


def question(name, rdtype=1, rdclass=1):
    return dns.name.from_text(name).to_wire() + struct.pack("!HH", rdtype, rdclass)


def header(flags=0x0100, counts=(1, 0, 0, 0), ident=0x1234):
    return struct.pack("!HHHHHH", ident, flags, *counts)


def rcode_of(reply):
    return reply[3] & 15


# -- answers, the same over UDP and TCP

def both(shop, name, rdtype="A", **options):
    udp = shop.query(name, rdtype, **options)
    tcp = shop.query(name, rdtype, tcp=True, **options)
    assert not udp.flags & dns.flags.TC
    assert sorted(map(str, udp.answer)) == sorted(map(str, tcp.answer)) and udp.rcode() == tcp.rcode()
    assert sorted(map(str, udp.authority)) == sorted(map(str, tcp.authority))
    return udp


def soa_of(response):
    found = [r for r in response.authority if r.rdtype == dns.rdatatype.SOA]
    assert len(found) == 1
    return found[0]


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


def test_delegation_is_a_referral_with_glue(shop):
    for name in ("partners.shop.example", "www.partners.shop.example", "ns.partners.shop.example"):
        response = both(shop, name)
        assert not response.flags & dns.flags.AA and not response.answer, name
        assert response.authority[0].rdtype == dns.rdatatype.NS and len(response.authority[0]) == 2
        assert {str(r.name) for r in response.additional} == {"ns.partners.shop.example."}
        assert {dns.rdatatype.to_text(r.rdtype) for r in response.additional} == {"A", "AAAA"}
    ds = both(shop, "partners.shop.example", "DS")
    assert ds.flags & dns.flags.AA and soa_of(ds)


def test_any_is_minimal_and_meta_types_are_refused(shop):
    response = shop.query("shop.example", "ANY")
    assert response.rcode() == dns.rcode.NOERROR and len(response.answer) <= 1
    for rdtype in (41, 250, 251, 252, 128, 200):
        reply = ask_raw(shop, header() + question("shop.example", rdtype))
        assert rcode_of(reply) in (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.REFUSED), rdtype


def test_additional_addresses_that_we_hold(shop):
    response = both(shop, "shop.example", "MX")
    assert {str(r.name) for r in response.additional} == {"mail.shop.example.", "mail.backup.shop.example."}
    response = shop.query("_https._tcp.www.shop.example", "SRV", subnet="81.2.69.0/24")
    assert "www.shop.example." in {str(r.name) for r in response.additional}


# -- EDNS and size

def test_no_opt_in_no_opt_out_and_512_bytes(shop):
    assert shop.query("shop.example", "MX").edns == -1
    response = shop.query("large.shop.example", "TXT")
    assert response.flags & dns.flags.TC and len(response.to_wire()) <= 512


def test_large_answer_is_truncated_whole_over_tcp(shop):
    response = shop.query("large.shop.example", "TXT", edns=0, payload=4096)
    assert response.flags & dns.flags.TC and not response.answer
    assert response.payload == 1232
    response = shop.query("large.shop.example", "TXT", edns=0, tcp=True)
    assert len(response.answer[0]) == 60 and not response.flags & dns.flags.TC


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


def test_ipv6_forms_of_an_ipv4_address_are_looked_up_as_ipv4(shop):
    assert shop.region_of("::ffff:81.2.69.0/120") == "eu"
    assert shop.region_of("64:ff9b::128.32.1.0/120") == "us-west"
    assert shop.region_of("2002:5102:4500::/40") == "eu"


# -- transport

def test_dig_agrees_over_udp_and_tcp(shop):
    def dig(*extra):
        done = subprocess.run(["dig", f"@{shop.dns_address}", "-p", "5300", "+short", "+subnet=81.2.69.0/24", *extra, "www.shop.example"],
                              capture_output=True, text=True, timeout=20, check=True)
        return sorted(done.stdout.split())
    assert dig() == dig("+tcp") == [shop.edge_address("eu")]


