"""docs/protocol.md seen from outside, line by line: static and policy names, over UDP and TCP, IPv4 and IPv6.

The server listens on wildcard sockets; every reply must come from the address that was asked. Zones, policies and the
messages made by hand are in tests/support/conformance.py; names are relative to example.com unless they end in a dot.
"""
import dataclasses
import socket
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from authority import TRANSPORTS, Authority, read_frame
from conformance import (CONFIG, DEEP_SOA, NET_SOA, SOA, US, ZONES, asking, ecs, header, opt, option, options_of, plain, question, rcode_of,
                         records)
from meridian import wait_until

@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Authority(tmp_path_factory.mktemp("conformance"), CONFIG, ZONES) as running:
        yield running.start(up=("us", "eu"))


@pytest.fixture(params=TRANSPORTS)
def via(request):
    return request.param


# -- messages

@pytest.mark.parametrize("packet", [b"", b"\x12", header()[:11], header(flags=0x8100) + question("www"), header(flags=0x8000, counts=(0,) * 4)])
def test_short_messages_and_responses_get_no_reply(server, via, packet):
    good = header(ident=0x7777) + question("static")
    if via.startswith("tcp"):
        with socket.create_connection(server.endpoint(via), timeout=10) as connection:
            connection.sendall(b"".join(struct.pack("!H", len(p)) + p for p in (packet, good)))
            reply = read_frame(connection)
        # What is no header does not speak DNS: the connection ends. A response is passed over.
        assert reply is None if len(packet) < 12 else reply[:2] == b"\x77\x77"
    else:
        with server.udp(via) as sock:
            sock.send(packet)
            sock.send(good)
            assert sock.recv(65535)[:2] == b"\x77\x77"


MALFORMED = {
    "no question": header(counts=(0, 0, 0, 0)),
    "two questions": header(counts=(2, 0, 0, 0)) + question("www") * 2,
    "label of 64": header() + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
    "label type 10": header() + b"\x80a\0\0\1\0\1",
    "name of 257": header() + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",
    "pointer in the question": header() + b"\xc0\x0c\0\1\0\1",
    "pointer to itself behind a label": header() + b"\3www\xc0\x0c\0\1\0\1",
    "pointer over the end": header() + b"\xc0\xff\0\1\0\1",
    "trailing garbage": plain("www") + b"garbage",
    "question cut short": plain("www")[:-2],
    "counts promise more": header(counts=(1, 0, 0, 1)) + question("www"),
    "answer count promises more": header(counts=(1, 9, 0, 0)) + question("www"),
    "two OPT": header(counts=(1, 0, 0, 2)) + question("www") + opt() * 2,
    "OPT with an owner": header(counts=(1, 0, 0, 1)) + question("www") + opt(owner=b"\1a\0"),
    "OPT with a pointer as owner": header(counts=(1, 0, 0, 1)) + question("www") + opt(owner=b"\xc0\x0c"),
    "option over the end of OPT": asking("www", options=b"\0\3\0\x09"),
    "half an option": asking("www", options=b"\0\3"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_is_formerr(server, via, what):
    reply = server.ask(MALFORMED[what], via)
    assert reply[:2] == b"\x12\x34" and reply[2] & 0x80 and reply[3] & 15 == dns.rcode.FORMERR
    assert struct.unpack("!HHH", reply[6:12])[:2] == (0, 0)


def test_pointer_loops_end(server, via):
    """Owners of additional records are not followed, whatever they point to: the query is answered."""
    first = 12 + len(question("static"))
    loop = struct.pack("!H", 0xC000 | first) + struct.pack("!HHIH", 16, 1, 0, 0)
    reply = server.ask(header(counts=(1, 0, 0, 1)) + question("static") + loop, via)
    assert rcode_of(reply) == dns.rcode.NOERROR


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_unknown_opcode_is_notimp_with_header_and_edns(server, via, opcode):
    reply = server.ask(asking("www", flags=opcode << 11 | 0x0100, ttl=0x8000), via)
    assert struct.unpack("!H", reply[2:4])[0] == 0x8100 | opcode << 11 | dns.rcode.NOTIMP
    assert reply[4:12] == struct.pack("!HHHH", 1, 0, 0, 1) and reply[12:] == question("www") + opt(ttl=0x8000)
    bare = server.ask(header(flags=opcode << 11) + question("www"), via)
    assert struct.unpack("!H", bare[2:4])[0] == 0x8000 | opcode << 11 | dns.rcode.NOTIMP and bare[12:] == question("www")


@pytest.mark.parametrize("name", ["StAtIc.eXaMpLe.CoM.", "wWw.ExAmPlE.cOm.", "NoThInG-hErE.example.COM.", "x.GEO.example.com."])
def test_id_rd_and_question_are_copied(server, via, name):
    for ident, flags in ((0xBEEF, 0x0100), (0, 0), (0xFFFF, 0x0130)):
        reply = server.ask(header(flags, ident=ident) + question(name), via)
        assert struct.unpack("!H", reply[:2])[0] == ident
        assert reply[12:12 + len(question(name))] == question(name)
        got = struct.unpack("!H", reply[2:4])[0]
        assert got & 0x0100 == flags & 0x0100, "RD"
        assert got & 0x8400 == 0x8400 and not got & 0x00F0, "QR and AA; neither RA, Z, AD nor CD"


@pytest.mark.parametrize("name", ["www.example.org.", ".", "com.", "badexample.com."])
def test_foreign_zones_are_refused(server, via, name):
    reply = server.ask(asking(name), via)
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.REFUSED and not message.flags & dns.flags.AA
    assert not message.answer and not message.authority and not message.additional
    assert options_of(reply)[15][:2] == b"\0\x14", "EDE 20"
    assert options_of(server.ask(plain(name), via)) is None


def test_chaos_says_what_is_configured(server, via):
    for name, text in (("id.server.", b"node-1"), ("hostname.bind.", b"node-1"), ("VERSION.bind.", b"conformance")):
        message = dns.message.from_wire(server.ask(plain(name, 16, 3), via))
        assert message.rcode() == dns.rcode.NOERROR and message.answer[0][0].strings == (text,), name
    for name, rdtype in (("authors.bind.", 16), ("version.bind.", 1), ("www", 16)):
        assert rcode_of(server.ask(plain(name, rdtype, 3), via)) == dns.rcode.REFUSED


@pytest.mark.parametrize("rdclass", [0, 2, 4, 254, 255])
def test_other_classes_are_refused(server, via, rdclass):
    for name in ("static", "www"):
        assert rcode_of(server.ask(plain(name, 1, rdclass), via)) == dns.rcode.REFUSED


def test_replies_leave_from_the_address_that_was_asked(server):
    """The sockets are wildcards; each client is connected, so the kernel drops what comes from elsewhere."""
    for last in (1, 2, 77):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect((f"127.{server.lease.number}.9.{last}", server.port))
            sock.send(plain("static"))
            assert rcode_of(sock.recv(65535)) == dns.rcode.NOERROR
    assert rcode_of(server.ask(plain("static"), "udp6")) == dns.rcode.NOERROR


# -- answers

@dataclasses.dataclass
class Row:
    name: str
    rdtype: str = "A"
    answer: tuple = ()
    authority: tuple = ()
    rcode: int = dns.rcode.NOERROR
    aa: bool = True


def nodata(name, rdtype="A", soa=SOA, answer=()):
    return Row(name, rdtype, answer, (soa,))


def nxdomain(name, rdtype="A", soa=SOA, answer=()):
    return Row(name, rdtype, answer, (soa,), dns.rcode.NXDOMAIN)


def addresses(name, chain=()):
    return (*chain, *(f"{name} A {address}" for address in US))


STATIC = [f"static A 192.0.2.{n}" for n in (80, 81)]
DNAME = "old DNAME new"
SUB = ("sub NS ns.sub", "sub NS ns2.example.net.", "sub NS www")

DATA = [
    Row("static", "A", tuple(STATIC)),
    Row("static", "TXT", ('static TXT "text"',)),
    Row("www", "A", addresses("www")),
    Row("www", "AAAA", ("www AAAA 2001:db8:1::11",)),
    Row("www", "TXT", ('www TXT "shop"',)),
    Row("strange", "TYPE65400", ("strange TYPE65400 \\# 3 abcdef",)),
    Row("example.net.", "SOA", (NET_SOA,)),
    Row("ns.deep", "A", ("ns.deep A 192.0.2.55",)),  # both sides of this cut are ours: the child answers
    Row("deep", "NS", ("deep NS ns.deep",)),
]
NEGATIVE = [
    nxdomain("missing"), nxdomain("x.static"), nxdomain("x.www"), nxdomain("x.example.net.", soa=NET_SOA),
    nodata("static", "AAAA"), nodata("static", "MX"), nodata("www", "MX"), nodata("", "AAAA"),
    nxdomain("missing", "ANY"), nodata("b.ent", "ANY"), nxdomain("x.deep", soa=DEEP_SOA), nodata("deep", "TXT", soa=DEEP_SOA),
]
EMPTY = [nodata("b.ent"), nodata("ent"), nodata("ent", "TXT"), nodata("_tcp"), nodata("geo"), nodata("ent.geo"), nodata("wild", "TXT")]
WILDCARDS = [
    Row("x.wild", "A", ("x.wild A 192.0.2.42",)),
    Row("a.b.wild", "A", ("a.b.wild A 192.0.2.42",)),
    Row("*.wild", "A", ("*.wild A 192.0.2.42",)),
    nodata("x.wild", "TXT"), nodata("host.wild"), nxdomain("x.host.wild"), nodata("ent.wild"), nxdomain("x.ent.wild"), nxdomain("x.*.wild"),
    Row("x.wildalias", "A", addresses("www", ("x.wildalias CNAME www",))),
    Row("x.geo", "A", addresses("x.geo")),
    Row("a.b.geo", "AAAA", ("a.b.geo AAAA 2001:db8:1::11",)),
    Row("*.geo", "A", addresses("*.geo")),
    nodata("x.geo", "TXT"), nodata("sibling.geo"), nxdomain("x.sibling.geo"), nodata("ent.geo"), nxdomain("x.ent.geo"), nxdomain("x.*.geo"),
]
ALIASES = [
    Row("alias", "A", ("alias CNAME static", *STATIC)),
    Row("alias", "CNAME", ("alias CNAME static",)),
    nodata("alias", "MX", answer=("alias CNAME static",)),
    nxdomain("nowhere", answer=("nowhere CNAME missing",)),
    nodata("nothing", answer=("nothing CNAME b.ent",)),
    Row("outside", "A", ("outside CNAME www.example.org.",)),
    Row("across", "A", ("across CNAME host.example.net.", "host.example.net. A 198.51.100.7")),
    Row("steered", "A", addresses("www", ("steered CNAME www",))),
    Row("steered2", "A", addresses("x.geo", ("steered2 CNAME x.geo",))),
    Row("steered", "TXT", ("steered CNAME www", 'www TXT "shop"')),
    Row("loop1", "A", ("loop1 CNAME loop2", "loop2 CNAME loop1")),
    Row("host.old", "A", (DNAME, "host.old CNAME host.new", "host.new A 192.0.2.77")),
    Row("toold", "A", ("toold CNAME host.old", DNAME, "host.old CNAME host.new", "host.new A 192.0.2.77")),
    Row("host.old", "CNAME", (DNAME, "host.old CNAME host.new")),
    nxdomain("y.old", answer=(DNAME, "y.old CNAME y.new")),
    nodata("old"), Row("old", "DNAME", (DNAME,)),
]
REFERRALS = [
    *(Row(name, rdtype, (), SUB, aa=False) for name in ("sub", "ns.sub", "x.y.sub") for rdtype in ("A", "NS", "TXT", "ANY")),
    Row("intosub", "A", ("intosub CNAME host.sub",), SUB),
    Row("x.sub", "DS", (), SUB, aa=False),
]
DS = "0011223344556677889900112233445566778899001122334455667788990011"
CUTS = [
    Row("sub", "DS", (f"sub DS 1 8 2 {DS}",)),
    Row("deep", "DS", (f"deep DS 2 8 2 {DS}",)),  # both sides of this cut are ours
    nodata("", "DS"),
]
TYPES = [
    Row("", "ANY", ('@ TXT "hello"',)), Row("www", "ANY", addresses("www")), Row("alias", "ANY", ("alias CNAME static",)),
    nodata("static", "RRSIG"), nodata("www", "RRSIG"),
]


def check(server, via, row):
    packet = asking(row.name, dns.rdatatype.from_text(row.rdtype))
    message = dns.message.from_wire(server.ask(packet, via))
    assert message.rcode() == row.rcode
    assert bool(message.flags & dns.flags.AA) == row.aa and not message.flags & (dns.flags.TC | dns.flags.RA)
    assert records(message.answer) == sorted(row.answer)
    assert records(message.authority) == sorted(row.authority)
    for section in (message.answer, message.authority, message.additional):
        keys = [(r.name, r.rdtype) for r in section]
        assert len(keys) == len(set(keys)), "an RRset in two pieces, or with two TTLs"
    return message


def ids(rows):
    return [f"{row.name or '@'} {row.rdtype}" for row in rows]


@pytest.mark.parametrize("row", DATA, ids=ids(DATA))
def test_data_is_authoritative(server, via, row):
    check(server, via, row)


@pytest.mark.parametrize("row", NEGATIVE, ids=ids(NEGATIVE))
def test_negative_answers_carry_the_soa(server, via, row):
    soa = check(server, via, row).authority[0]
    assert soa.ttl == (3600 if "net" in row.name else 300), "the smaller of the SOA's TTL and MINIMUM"


@pytest.mark.parametrize("row", EMPTY, ids=ids(EMPTY))
def test_empty_non_terminals_are_nodata(server, via, row):
    check(server, via, row)


@pytest.mark.parametrize("row", WILDCARDS, ids=ids(WILDCARDS))
def test_wildcards(server, via, row):
    check(server, via, row)


@pytest.mark.parametrize("row", ALIASES, ids=ids(ALIASES))
def test_aliases_and_dnames(server, via, row):
    check(server, via, row)


def test_a_dname_met_again_is_not_said_again(server, via):
    """RFC 2181 section 5: each record once. One that only grows ends where it comes back to."""
    message = dns.message.from_wire(server.ask(asking("twice.old"), via), one_rr_per_rrset=True)
    assert records(message.answer) == ["host.new A 192.0.2.77", "host.old CNAME host.new", "old DNAME new", "twice.new CNAME host.old",
                                       "twice.old CNAME twice.new"]
    grown = dns.message.from_wire(server.ask(asking("x.bigger"), via), one_rr_per_rrset=True)
    assert records(grown.answer) == ["bigger DNAME still.bigger", "x.bigger CNAME x.still.bigger"] and not grown.flags & dns.flags.TC


def test_a_dname_that_makes_too_long_a_name_is_yxdomain(server, via):
    message = dns.message.from_wire(server.ask(asking("a" * 60 + ".long"), via))
    assert message.rcode() == dns.rcode.YXDOMAIN and message.flags & dns.flags.AA
    assert [r.rdtype for r in message.answer] == [dns.rdatatype.DNAME] and not message.authority


@pytest.mark.parametrize("row", REFERRALS, ids=ids(REFERRALS))
def test_referrals_have_servers_and_glue(server, via, row):
    message = check(server, via, row)
    assert records(message.additional) == ["ns.sub A 192.0.2.54", "ns.sub AAAA 2001:db8::54", "ns2.example.net. A 198.51.100.53"]


def test_glue_that_does_not_fit_truncates(server, via):
    reply = server.ask(asking("x.wide"), via)
    message = dns.message.from_wire(reply)
    glue = [r for r in message.additional if r.rdtype == dns.rdatatype.A]
    if via.startswith("udp"):
        assert message.flags & dns.flags.TC and len(reply) <= 1232 and len(glue) < 30
    else:
        assert not message.flags & dns.flags.TC and len(glue) == 30 and len(message.authority[0]) == 30


@pytest.mark.parametrize("row", CUTS, ids=ids(CUTS))
def test_ds_is_the_parents(server, via, row):
    check(server, via, row)


def test_ds_at_a_childs_own_apex_is_nodata(server, via):
    """The file of example.net has one; it is the parent's to say, and the parent is not ours."""
    message = dns.message.from_wire(server.ask(asking("example.net.", 43), via))
    assert message.rcode() == dns.rcode.NOERROR and message.flags & dns.flags.AA
    assert not message.answer and records(message.authority) == [NET_SOA]


@pytest.mark.parametrize("row", TYPES, ids=ids(TYPES))
def test_any_and_rrsig_are_minimal(server, via, row):
    check(server, via, row)


@pytest.mark.parametrize("name", ["static", "www"])
def test_meta_types_have_no_data(server, via, name):
    for rdtype in (41, 128, 129, 200, 248, 249, 250, 251, 252, 253, 254):
        assert rcode_of(server.ask(plain(name, rdtype), via)) in (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.REFUSED), rdtype


def test_one_ttl_and_no_duplicates(server, via):
    rrset = check(server, via, DATA[0]).answer[0]
    assert rrset.ttl == 120 and len(rrset) == 2


def test_service_bindings(server, via):
    message = dns.message.from_wire(server.ask(asking("bound", 65), via))
    rdata = message.answer[0][0].to_wire()
    assert rdata == struct.pack("!HB", 1, 0) + b"\0\1\0\6\2h2\2h3" + b"\0\3\0\2\x20\xfb", "parameters by ascending key"
    assert records(message.additional) == ["bound A 192.0.2.60"]
    message = dns.message.from_wire(server.ask(asking("svc", 65), via))
    assert message.answer[0][0].priority == 0 and not message.answer[0][0].params
    assert {(str(r.name), r.rdtype) for r in message.additional} == {("bound.example.com.", 65), ("bound.example.com.", 1)}
    message = dns.message.from_wire(server.ask(asking("own", 64), via))
    assert records(message.additional) == ["own A 192.0.2.61"]


def test_additional_addresses(server, via):
    steered = [f"www A {address}" for address in US] + ["www AAAA 2001:db8:1::11"]
    for name, rdtype, wanted in (
            ("", 15, ["mail A 192.0.2.25", *steered]),
            ("_sip._tcp", 33, ["mail A 192.0.2.25", *steered]),
            ("", 2, ["ns1 A 192.0.2.53", "ns1 AAAA 2001:db8::53", "ns2.example.net. A 198.51.100.53"])):
        message = dns.message.from_wire(server.ask(asking(name, rdtype), via))
        assert message.answer and records(message.additional) == sorted(wanted)


# -- EDNS and size

@pytest.mark.parametrize("name", ["static", "www", "missing", "x.sub", "www.example.org."])
def test_opt_only_for_opt(server, via, name):
    assert options_of(server.ask(plain(name), via)) is None
    message = dns.message.from_wire(server.ask(asking(name), via))
    assert message.edns == 0 and message.payload == 1232


@pytest.mark.parametrize("name", ["large", "biglink"])
def test_sizes(server, via, name):
    for packet, limit in ((plain(name, 16), 512), (asking(name, 16, size=0), 512), (asking(name, 16, size=511), 512), (asking(name, 16, size=600), 600),
                          (asking(name, 16, size=1232), 1232), (asking(name, 16, size=65535), 1232)):
        reply = server.ask(packet, via)
        message = dns.message.from_wire(reply)
        texts = [r for r in message.answer if r.rdtype == dns.rdatatype.TXT]
        if via.startswith("udp"):
            assert len(reply) <= limit and message.flags & dns.flags.TC and not texts, "whole RRsets only"
        else:
            assert len(texts[0]) == 60 and not message.flags & dns.flags.TC
    assert len(server.ask(plain("", 15), via)) <= 512


def test_names_in_data_are_shortened(server, via):
    """What gdnsd, Knot and NSD send: for a name of two letters NXDOMAIN has 82 octets, where it had 104."""
    assert len(server.ask(plain("no"), via)) == 12 + (16 + 4) + 12 + (4 + 2) + (11 + 2) + 20
    assert len(server.ask(plain("alias"), via)) == 12 + (19 + 4) + (12 + 7 + 2) + 2 * 16
    assert len(server.ask(plain("host.old"), via)) == 12 + (22 + 4) + (12 + 17) + (12 + 5 + 2) + 16
    for name, rdtype in (("", 2), ("", 6), ("", 15), ("x.sub", 1), ("alias", 1), ("toold", 1), ("a.wildalias", 1), ("intosub", 1)):
        assert dns.message.from_wire(server.ask(plain(name, rdtype), via)).to_text()


@pytest.mark.parametrize("name", ["static", "www", "missing"])
def test_version_flags_and_options(server, via, name):
    message = dns.message.from_wire(server.ask(asking(name, ttl=0x00010000, options=b"\xff"), via))
    assert message.rcode() == dns.rcode.BADVERS and message.edns == 0 and not message.answer
    for flags in (0, 0x8000):
        reply = server.ask(asking(name, ttl=flags | 0x7FFF, options=option(65001, b"hello") + option(12, bytes(32))), via)
        assert dns.message.from_wire(reply).ednsflags == flags, "DO copied, unknown flags cleared"
        assert options_of(reply) == {}, "neither unknown options nor padding come back"


def test_opt_anywhere_in_the_additional_section(server, via):
    other = b"\0" + struct.pack("!HHIH", 16, 1, 0, 1) + b"\0"
    for records_ in (opt(ttl=0x8000) + other, other + opt(ttl=0x8000)):
        message = dns.message.from_wire(server.ask(header(counts=(1, 0, 0, 2)) + question("www") + records_, via))
        assert message.rcode() == dns.rcode.NOERROR and message.ednsflags == dns.flags.DO


@pytest.mark.parametrize("name", ["static", "www", "missing", "x.sub"])
def test_nsid_and_keepalive_only_when_asked(server, via, name):
    assert options_of(server.ask(asking(name, options=option(3)), via)) == {3: b"node-1"}
    with_keepalive = options_of(server.ask(asking(name, options=option(11)), via))
    assert with_keepalive == ({} if via.startswith("udp") else {11: struct.pack("!H", 100)})


# -- client subnet

def subnet_of(reply):
    return options_of(reply).get(8)


@pytest.mark.parametrize(("name", "rdtype", "subnet", "scope", "answer"), [
    ("www", 1, "203.0.113.0/24", 24, "203.0.113.31"),
    ("www", 1, "203.0.113.7/32", 24, "203.0.113.31"),
    ("www", 1, "203.0.0.0/8", None, "192.0.2.11"),
    ("www", 1, "198.51.100.0/24", 28, "203.0.113.31"),  # the scope is longer than the source
    ("x.geo", 1, "203.0.113.0/24", 24, "203.0.113.31"),
    ("steered", 1, "203.0.113.0/24", 24, "203.0.113.31"),
    ("www", 28, "203.0.113.0/24", 24, "2001:db8:3::31"),
    ("www", 1, "2001:db8:e::/48", 48, "203.0.113.31"),
    ("www", 1, "::ffff:203.0.113.0/120", 120, "203.0.113.31"),
    ("www", 1, "64:ff9b::203.0.113.0/120", 120, "203.0.113.31"),
    ("www", 1, "2002:cb00:7100::/40", 40, "203.0.113.31"),
    ("www", 1, "2001::34ff:8e00/120", 120, "203.0.113.31"),  # Teredo: all bits of the IPv4 turned over
    ("spread", 1, "40.1.2.0/24", 24, None),
    ("static", 1, "203.0.113.0/24", 0, "192.0.2.80"),
    ("static", 1, "2001:db8:e::/56", 0, "192.0.2.80"),
    ("missing", 1, "203.0.113.0/24", 0, None),
    ("www", 15, "203.0.113.0/24", 0, None),
    ("x.sub", 1, "203.0.113.0/24", 0, None),
    ("www.example.org.", 1, "203.0.113.0/24", 0, None),
])
def test_ecs_is_echoed_with_the_scope(server, via, name, rdtype, subnet, scope, answer):
    sent = ecs(subnet)
    reply = server.ask(asking(name, rdtype, options=sent), via)
    got = subnet_of(reply)
    assert got[:3] + b"\0" + got[4:] == sent[4:], "family, source and address as they came"
    assert scope is None or got[3] == scope
    if answer:
        assert answer in [rr.to_text() for rrset in dns.message.from_wire(reply).answer for rr in rrset]


@pytest.mark.parametrize("name", ["static", "www", "x.geo", "spread"])
def test_no_ecs_in_none_out(server, via, name):
    assert options_of(server.ask(asking(name), via)) == {}


@pytest.mark.parametrize("name", ["static", "www", "missing"])
@pytest.mark.parametrize("data", [
    "0003 00 00", "0003 08 00 0a", "ffff 00 00", "0001 21 00 0102030400", "0002 81 00" + "00" * 17, "0001 18 00 010203 00", "0001 18 00 0102",
    "0001 14 00 01021f", "0001 18 18 010203", "0001 00 00 00", "0001 00 20", "0000 18 00 010203", "0001 18", ""])
def test_bad_ecs_is_formerr(server, via, name, data):
    reply = server.ask(asking(name, options=option(8, bytes.fromhex(data))), via)
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.FORMERR and message.edns == 0 and not message.answer


@pytest.mark.parametrize("data", ["0001 00 00", "0002 00 00", "0000 00 00"])  # the last is what `dig +subnet=0` sends
def test_source_zero_is_answered_by_the_resolvers_address(server, via, data):
    for name, answer in (("www", "192.0.2.11"), ("static", "192.0.2.80")):
        reply = server.ask(asking(name, options=option(8, bytes.fromhex(data))), via)
        assert reply[3] & 15 == dns.rcode.NOERROR and socket.inet_aton(answer) in reply
        assert reply.endswith(opt(option(8, bytes.fromhex(data)))), "echoed, scope 0"


@pytest.mark.parametrize("subnet, scope", [("10.1.2.0/24", 10), ("192.168.1.0/24", 16), ("172.16.5.0/24", 12), ("127.0.0.1/32", 8), ("100.64.9.0/24", 10),
                                           ("169.254.3.0/24", 16), ("fd00:1::/56", 7), ("fe80::1/64", 10), ("::1/128", 128)])
def test_private_subnets_are_answered_by_the_resolvers_address(server, via, subnet, scope):
    """They say nothing of a place (RFC 7871 section 10); the resolver is at home with us, everybody else's region is eu."""
    reply = server.ask(asking("homely", options=ecs(subnet)), via)
    assert socket.inet_aton("192.0.2.11") in reply and subnet_of(reply)[3] == scope
    own = server.ask(asking("homely", options=ecs("10.77.5.0/24")), via)
    assert socket.inet_aton("203.0.113.31") in own and subnet_of(own)[3] == 16, "a row for it is meant for it"
    public = server.ask(asking("homely", options=ecs("11.1.2.0/24")), via)
    assert socket.inet_aton("203.0.113.31") in public and subnet_of(public)[3] >= 8, "and no public answer holds for a private block"


def test_overlapping_scopes_have_one_answer(server, via):
    """The first and the last address of a scope's block, and the block itself, are answered alike."""
    def told(address, length):
        reply = server.ask(asking("spread", options=ecs(f"{address}/{length}")), via)
        return subnet_of(reply)[3], [rr.to_text() for rr in dns.message.from_wire(reply).answer[0]]
    for n in range(24):
        scope, answer = told(f"40.{n}.7.0", 24)
        assert scope == 24 and told(f"40.{n}.7.255", 32) == told(f"40.{n}.7.1", 32) == (24, answer)
        assert told(f"40.{n}.0.0", 16) == told(f"40.{n}.0.0", 24)


def test_no_address_for_one_client_is_not_none_for_all(server, via):
    """A fenced client whose regions are all down is told so for its own block only; the rest has answers."""
    def told(subnet):
        reply = server.ask(asking("fenced", options=ecs(subnet)), via)
        return subnet_of(reply)[3], len(dns.message.from_wire(reply).answer)
    try:
        server.force("eu", "down")
        wait_until(lambda: told("81.2.69.0/24")[1] == 0, "eu is down")
        assert told("81.2.69.0/24")[0] > 0 and told("192.0.2.0/24")[1] == 1
        server.force("us", "down")
        wait_until(lambda: told("192.0.2.0/24")[1] == 0, "us is down")
        assert rcode_of(server.ask(asking("fenced"), via)) == dns.rcode.NOERROR, "the name exists all the same"
    finally:
        for region in ("us", "eu"):
            server.force(region, "up")
        wait_until(lambda: told("81.2.69.0/24")[1] == told("192.0.2.0/24")[1] == 1, "all are up again")


# -- TCP

def test_many_queries_in_one_connection(server):
    for via in ("tcp4", "tcp6"):
        with socket.create_connection(server.endpoint(via), timeout=10) as connection:
            data = b"".join(struct.pack("!H", len(p)) + p for p in (header(ident=i) + question(("static", "www")[i % 2]) for i in range(40)))
            for at in range(0, len(data), 13):
                connection.sendall(data[at:at + 13])
            seen = {struct.unpack("!H", read_frame(connection)[:2])[0] for _ in range(40)}
            assert seen == set(range(40))


def test_the_server_took_no_harm(server):
    """After everything above: still there, and nothing it could not send."""
    assert server.process.running() and server.counted("meridian_dns_send_failures_total") == 0

