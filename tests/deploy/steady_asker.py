"""Asks a DNS server and an HTTP server without a pause until its standard input ends, then tells how it went as JSON: what a user
would have noticed of an upgrade. Nothing is repeated; a connection that was closed while nobody used it is made anew, as browsers do.

Usage: steady_asker.py ADDRESS NAME URL-ADDRESS HOST
"""
import http.client
import json
import select
import sys

import dns.exception
import dns.message
import dns.query


def main():
    server, name, edge, host = sys.argv[1:5]
    told = {"queries": 0, "requests": 0, "failures": []}
    connection = None
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        try:
            reply = dns.query.udp(dns.message.make_query(name, "A"), server, timeout=3)
            told["queries"] += 1
            if not reply.answer:
                told["failures"].append(f"dns: {reply.rcode()}, no answer")
        except (dns.exception.DNSException, OSError) as problem:
            told["failures"].append(f"dns: {problem!r}")
        try:
            if connection is None or select.select([connection.sock], [], [], 0)[0]:
                connection = http.client.HTTPConnection(edge, 80, timeout=3)
            connection.request("GET", "/", headers={"Host": host})
            response = connection.getresponse()
            response.read()
            told["requests"] += 1
            if response.status != 200:
                told["failures"].append(f"http: {response.status}")
            if response.will_close:
                connection = None
        except (http.client.HTTPException, OSError) as problem:
            told["failures"].append(f"http: {problem!r}")
            connection = None
    print(json.dumps(told))


if __name__ == "__main__":
    main()
