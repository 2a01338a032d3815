"""The DNS server seen from outside: messages, answers, EDNS and ECS, over UDP and TCP (RFC 1034, 1035, 2308, 4592, 6891, 7871)."""
import socket
import struct
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
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


# -- messages

@pytest.mark.parametrize("packet", [b"", b"\x12\x34", header()[:11], header(flags=0x8100) + question("www.shop.example")])
def test_short_packets_and_responses_get_no_reply(shop, packet):
    assert ask_raw(shop, packet, timeout=0.3) is None


@pytest.mark.parametrize(("packet", "why"), [
    (header(counts=(0, 0, 0, 0)), "no question"),
    (header(counts=(2, 0, 0, 0)) + question("www.shop.example") * 2, "two questions"),
    (header() + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", "label of 64"),
    (header() + b"\x3f" + (b"a" * 63 + b"\x3f") * 3 + b"a" * 63 + b"\0\0\1\0\1", "name of 257"),
    (header() + b"\xc0\x0c\0\1\0\1", "pointer in the question"),
    (header() + question("www.shop.example") + b"garbage", "trailing bytes"),
    (header() + question("www.shop.example")[:-2], "question cut short"),
    (header(counts=(1, 0, 0, 2)) + question("www.shop.example") + b"\0\0\x29\x04\xd0\0\0\0\0\0\0" * 2, "two OPT"),
    (header(counts=(1, 0, 0, 1)) + question("www.shop.example") + b"\1a\0\0\x29\x04\xd0\0\0\0\0\0\0", "OPT with an owner"),
])
def test_malformed_is_formerr(shop, packet, why):
    reply = ask_raw(shop, packet)
    assert reply is not None and rcode_of(reply) == dns.rcode.FORMERR, why
    assert reply[:2] == b"\x12\x34"


def test_question_case_id_rd_and_opcode_are_copied(shop):
    reply = ask_raw(shop, header(flags=0x0100, ident=0xBEEF) + question("WwW.sHoP.eXaMpLe"))
    assert reply[:2] == b"\xbe\xef" and question("WwW.sHoP.eXaMpLe") == reply[12:12 + 22]
    flags = struct.unpack("!H", reply[2:4])[0]
    assert flags & 0x8000 and flags & 0x0400 and flags & 0x0100 and not flags & 0x0080
    assert not struct.unpack("!H", ask_raw(shop, header(flags=0) + question("www.shop.example"))[2:4])[0] & 0x0100


def test_unknown_opcode_is_notimp(shop):
    for opcode in (1, 2, 3, 4, 5, 6, 15):
        reply = ask_raw(shop, header(flags=opcode << 11) + question("www.shop.example"))
        assert rcode_of(reply) == dns.rcode.NOTIMP and (reply[2] >> 3) & 15 == opcode


def test_foreign_zone_is_refused_without_referral(shop):
    response = shop.query("www.example.org", edns=0)
    assert response.rcode() == dns.rcode.REFUSED and not response.authority and not response.flags & dns.flags.AA
    assert any(o.otype == 15 and struct.unpack("!H", o.to_wire()[:2])[0] == 20 for o in response.options), "EDE 20"


def test_other_classes_are_refused(shop):
    for rdclass in (dns.rdataclass.HS, dns.rdataclass.CH):
        message = dns.message.make_query("www.shop.example", "A", rdclass)
        assert dns.query.udp(message, shop.dns_address, port=5300, timeout=30).rcode() == dns.rcode.REFUSED


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


def test_nxdomain_and_nodata_carry_the_soa_with_the_smaller_ttl(shop):
    response = both(shop, "nothing.shop.example")
    assert response.rcode() == dns.rcode.NXDOMAIN and soa_of(response).ttl == 300
    response = both(shop, "ns1.shop.example", "MX")
    assert response.rcode() == dns.rcode.NOERROR and not response.answer and soa_of(response).ttl == 300


def test_empty_non_terminal_is_nodata(shop):
    for name in ("rack.floor.shop.example", "floor.shop.example", "_tcp.www.shop.example"):
        assert both(shop, name).rcode() == dns.rcode.NOERROR and soa_of(both(shop, name))
    assert both(shop, "other.floor.shop.example").rcode() == dns.rcode.NXDOMAIN


def test_wildcard_by_closest_encloser(shop):
    assert both(shop, "anyone.customers.shop.example").answer[0][0].address == "192.0.2.80"
    assert both(shop, "a.b.customers.shop.example").answer[0][0].address == "192.0.2.80"
    assert both(shop, "*.customers.shop.example").answer[0][0].address == "192.0.2.80"
    assert both(shop, "big.customers.shop.example").answer[0][0].address == "192.0.2.81"
    assert both(shop, "other.big.customers.shop.example").rcode() == dns.rcode.NXDOMAIN
    nodata = both(shop, "anyone.customers.shop.example", "MX")
    assert nodata.rcode() == dns.rcode.NOERROR and soa_of(nodata)


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


def test_edns_version_flags_and_unknown_options(shop):
    version_1 = b"\0\0\x29\x04\xd0\0\1\0\0\0\0"
    reply = dns.message.from_wire(ask_raw(shop, header(counts=(1, 0, 0, 1)) + question("shop.example", 6) + version_1))
    assert reply.rcode() == dns.rcode.BADVERS and reply.edns == 0
    message = dns.message.make_query("shop.example", "SOA")
    message.use_edns(0, ednsflags=0x7FFF | dns.flags.DO, payload=100, options=[dns.edns.GenericOption(65001, b"hello")])
    response = dns.query.udp(message, shop.dns_address, port=5300, timeout=5)
    assert response.rcode() == dns.rcode.NOERROR and response.ednsflags == dns.flags.DO and not response.options


def test_nsid_and_identity_only_when_configured_and_asked(shop):
    response = shop.query("shop.example", "SOA", edns=0)
    assert not response.options


# -- ECS

def ecs_of(response):
    found = [o for o in response.options if isinstance(o, dns.edns.ECSOption)]
    return found[0] if found else None


def test_ecs_is_echoed_with_a_scope_and_never_volunteered(shop):
    response = both(shop, "www.shop.example", subnet="81.2.69.0/24")
    option = ecs_of(response)
    assert (option.address, option.srclen) == ("81.2.69.0", 24) and option.scopelen > 0
    assert ecs_of(shop.query("www.shop.example", edns=0)) is None
    assert ecs_of(shop.query("ns1.shop.example", subnet="81.2.69.0/24")).scopelen == 0
    assert ecs_of(shop.query("nothing.shop.example", subnet="81.2.69.0/24")).scopelen == 0
    assert ecs_of(shop.query("x.partners.shop.example", subnet="81.2.69.0/24")).scopelen == 0
    assert ecs_of(shop.query("www.shop.example", subnet="0.0.0.0/0")).scopelen == 0


@pytest.mark.parametrize("payload", [
    "00030000", "0001210001020304", "0001180001020300", "000118000102", "0001180801020300"[:-2] + "03",
    "0001140001021f", "000118180102" + "03", "00018000" + "00" * 16, "0002810000", "000118", ""])
def test_bad_ecs_is_formerr(shop, payload):
    option = bytes.fromhex(payload)
    opt = b"\0\0\x29\x04\xd0\0\0\0\0" + struct.pack("!HHH", len(option) + 4, 8, len(option)) + option
    reply = ask_raw(shop, header(counts=(1, 0, 0, 1)) + question("www.shop.example") + opt)
    assert rcode_of(reply) == dns.rcode.FORMERR, payload


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


def test_tcp_pipelining_split_frames_and_odd_lengths(shop):
    def frame(ident):
        message = header(ident=ident) + question("ns1.shop.example")
        return struct.pack("!H", len(message)) + message
    with socket.create_connection((shop.dns_address, 5300), timeout=5) as sock:
        data = b"".join(frame(i) for i in range(1, 21))
        sock.sendall(data[:1])
        for i in range(1, len(data), 7):
            sock.sendall(data[i:i + 7])
        stream = sock.makefile("rb")
        seen = set()
        for _ in range(20):
            length = struct.unpack("!H", stream.read(2))[0]
            seen.add(struct.unpack("!H", stream.read(length)[:2])[0])
        assert seen == set(range(1, 21))
    for oddity in (b"\0\0", struct.pack("!H", 65535) + b"x" * 65535):
        with socket.create_connection((shop.dns_address, 5300), timeout=5) as sock:
            sock.sendall(oddity)
        assert shop.query("ns1.shop.example", tcp=True).answer
