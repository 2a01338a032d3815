"""A user who resolves anew before each request: asks a resolver for a name, then whoever it names for a page, without a pause until its
standard input ends. A connection is kept for each address. As a browser does, it goes on to the name's next address where none can be
made; nothing that was sent is repeated. Tells how it went as JSON: counts, every failure with its second, who served when, and the longest
time without a page.

Usage: resolving_asker.py RESOLVER NAME [PAUSE]
"""
import http.client
import json
import select
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype


def resolve(resolver, name):
    reply = dns.query.udp(dns.message.make_query(name, "A"), resolver, timeout=5)
    addresses = [str(rr) for rrset in reply.answer for rr in rrset if rrset.rdtype == dns.rdatatype.A]
    if not addresses:
        raise ValueError(f"no address, {dns.rcode.to_text(reply.rcode())}")
    return addresses


def connect(addresses, kept):
    """The first of them that a connection is open to, or can be made to. One that was closed while nobody used it is none."""
    for address in addresses:
        if address in kept and not select.select([kept[address].sock], [], [], 0)[0]:
            return address
        made = http.client.HTTPConnection(address, 80, timeout=1)
        try:
            made.connect()
        except OSError as problem:
            last = problem
            continue
        made.sock.settimeout(2)
        kept[address] = made
        return address
    raise last


def main():
    resolver, name = sys.argv[1:3]
    pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0.01
    began = served_at = time.monotonic()
    address = None
    told = {"queries": 0, "requests": 0, "failures": [], "served": [], "longest_gap": 0.0, "by": {}}
    kept = {}
    while not select.select([sys.stdin], [], [], pause)[0]:
        step = "dns"
        try:
            addresses = resolve(resolver, name)
            told["queries"] += 1
            address, step = None, f"http {addresses[0]}"
            address = connect(addresses, kept)
            step, connection = f"http {address}", kept[address]
            connection.request("GET", "/", headers={"Host": name})
            response = connection.getresponse()
            response.read()
            told["requests"] += 1
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            if response.will_close:
                del kept[address]
        except (dns.exception.DNSException, http.client.HTTPException, OSError, ValueError) as problem:
            told["failures"].append([round(time.monotonic() - began, 2), f"{step}: {problem!r}"])
            kept.pop(address, None)
            continue
        now = time.monotonic()
        told["longest_gap"] = round(max(told["longest_gap"], now - served_at), 2)
        served_at = now
        told["by"][address] = told["by"].get(address, 0) + 1
        if not told["served"] or told["served"][-1][1] != address:
            told["served"].append([round(now - began, 2), address])
    told |= {"began": began, "seconds": round(time.monotonic() - began, 1)}  # the clock is the machine's, whoever reads it
    print(json.dumps(told))


if __name__ == "__main__":
    main()
