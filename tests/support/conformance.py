"""The zones and policies that tests/e2e/test_dns_conformance.py asks for, and messages made by hand, right and wrong.

Names are relative to example.com unless they end in a dot.
"""
import socket
import struct

import dns.message
import dns.name
import dns.rdatatype

CONFIG = """
service: conformance
state_directory: "{directory}/state"
regions:
  us: {edges: [192.0.2.11, 192.0.2.12, "2001:db8:1::11"]}
  eu: {edges: [203.0.113.31, "2001:db8:3::31"]}
health: {edge: {kind: tcp, port: 9, interval: 1h, timeout: 1s}, start_wait: 0ms}
admin: {dns: ["{address}:9053"]}
dns:
  listen: ["0.0.0.0:{port}", "[::]:{port}"]
  workers: 2
  nsid: node-1
  version: conformance
  zones: {example.com: example.com.zone, example.net: example.net.zone, deep.example.com: deep.zone}
  geo: {database: "{geo}"}
  policies:
    closest:
      - subnets: {"203.0.113.0/24": [eu], "198.51.100.0/28": [eu], "2001:db8:e::/48": [eu], "127.0.0.0/8": [us], "::1/128": [us]}
      - failover: [us, eu]
    fenced:
      - fence: {EU: [eu]}
      - failover: [us, eu]
    spread:
      - failover: [{us: 1, eu: 1}]
    homely:
      - subnets: {"10.77.0.0/16": [eu]}
      - resolvers: {"127.0.0.0/8": [us], "::1/128": [us]}
      - failover: [eu, us]
  names:
    www.example.com: {policy: closest, ttl: {min: 10s, max: 60s}}
    "*.geo.example.com": {policy: closest, ttl: {min: 10s, max: 60s}}
    spread.example.com: {policy: spread, ttl: {min: 10s, max: 60s}, answers: 1}
    homely.example.com: {policy: homely, ttl: {min: 10s, max: 60s}}
    fenced.example.com: {policy: fenced, ttl: {min: 10s, max: 60s}, when_all_down: nodata}
"""

ZONE = """
$TTL 1h
@        SOA ns1 hostmaster 7 7200 900 1209600 300
@        NS ns1
@        NS ns2.example.net.
@        MX 10 mail
@        MX 20 www
@  600   TXT hello
ns1      A 192.0.2.53
ns1      AAAA 2001:db8::53
mail     A 192.0.2.25
www      TXT shop
static 120 A 192.0.2.80
static 300 A 192.0.2.81
static 300 A 192.0.2.81
static   TXT text
alias    CNAME static
steered  CNAME www
steered2 CNAME x.geo
nowhere  CNAME missing
nothing  CNAME b.ent
outside  CNAME www.example.org.
across   CNAME host.example.net.
loop1    CNAME loop2
loop2    CNAME loop1
intosub  CNAME host.sub
a.b.ent  A 192.0.2.99
*.wild   A 192.0.2.42
host.wild TXT sibling
a.ent.wild TXT below
*.wildalias CNAME www
sibling.geo TXT here
a.ent.geo TXT here
old      DNAME new
toold    CNAME host.old
host.new A 192.0.2.77
twice.new CNAME host.old
bigger   DNAME still.bigger
long     DNAME xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.new
sub      NS ns.sub
sub      NS ns2.example.net.
sub      NS www
sub      DS 1 8 2 0011223344556677889900112233445566778899001122334455667788990011
ns.sub   A 192.0.2.54
ns.sub   AAAA 2001:db8::54
deep     NS ns.deep
ns.deep  A 192.0.2.55
deep     DS 2 8 2 0011223344556677889900112233445566778899001122334455667788990011
$GENERATE 1-30 wide NS a-long-name-of-a-server-${0,3,d}.wide
$GENERATE 1-30 a-long-name-of-a-server-${0,3,d}.wide A 192.0.2.$
$GENERATE 1-60 large TXT "line ${0,3,d} of a record set that does not fit in one datagram"
biglink  CNAME large
_sip._tcp SRV 10 5 5060 mail
_sip._tcp SRV 20 5 5060 www
svc      HTTPS 0 bound
bound    HTTPS 1 . port=8443 alpn=h2,h3
bound    A 192.0.2.60
own      SVCB 1 . alpn=h2 port=53
own      A 192.0.2.61
strange  TYPE65400 \\# 3 abcdef
"""

ZONE_NET = """
$TTL 1h
@     SOA ns2 hostmaster 7 7200 900 1209600 86400
@     NS ns2
ns2   A 198.51.100.53
host  A 198.51.100.7
@     DS 3 8 2 0011223344556677889900112233445566778899001122334455667788990011
"""

ZONE_DEEP = """
$TTL 1h
@     SOA ns hostmaster 7 7200 900 1209600 300
@     NS ns
ns    A 192.0.2.55
"""


ZONES = {"example.com": ZONE, "example.net": ZONE_NET, "deep": ZONE_DEEP}


def absolute(name):
    return name if name.endswith(".") else f"{name}.example.com." if name else "example.com."


def question(name, rdtype=1, rdclass=1):
    return dns.name.from_text(absolute(name)).to_wire() + struct.pack("!HH", rdtype, rdclass)


def header(flags=0x0100, counts=(1, 0, 0, 0), ident=0x1234):
    return struct.pack("!HHHHHH", ident, flags, *counts)


def opt(options=b"", size=1232, ttl=0, owner=b"\0"):
    return owner + struct.pack("!HHIH", 41, size, ttl, len(options)) + options


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def asking(name, rdtype=1, options=b"", size=1232, ttl=0, flags=0x0100, rdclass=1):
    """A query with EDNS."""
    return header(flags, (1, 0, 0, 1)) + question(name, rdtype, rdclass) + opt(options, size, ttl)


def plain(name, rdtype=1, rdclass=1):
    return header() + question(name, rdtype, rdclass)


def ecs(text, scope=0):
    address, _, length = text.partition("/")
    family = 2 if ":" in address else 1
    raw = socket.inet_pton(socket.AF_INET6 if family == 2 else socket.AF_INET, address)
    return option(8, struct.pack("!HBB", family, int(length), scope) + raw[:(int(length) + 7) // 8])


def options_of(reply):
    """{code: data} of the OPT record of a reply; None without one. Found by hand: what a library ignores must show, too."""
    message = dns.message.from_wire(reply)
    if message.edns < 0:
        return None
    found = {}
    data = message.opt[0].to_wire() if message.opt else b""
    while data:
        code, size = struct.unpack("!HH", data[:4])
        assert code not in found, "an option twice"
        found[code] = data[4:4 + size]
        data = data[4 + size:]
    return found


def rcode_of(reply):
    return dns.message.from_wire(reply).rcode()


def records(section):
    """Every record as text without TTL, sorted."""
    return sorted(f"{rrset.name.relativize(ORIGIN)} {dns.rdatatype.to_text(rrset.rdtype)} {rr.to_text(ORIGIN, True)}"
                  for rrset in section for rr in rrset)


ORIGIN = dns.name.from_text("example.com.")
SOA = "@ SOA ns1 hostmaster 7 7200 900 1209600 300"
NET_SOA = "example.net. SOA ns2.example.net. hostmaster.example.net. 7 7200 900 1209600 86400"
DEEP_SOA = "deep SOA ns.deep hostmaster.deep 7 7200 900 1209600 300"
US = ["192.0.2.11", "192.0.2.12"]
