"""What servers answer for a name, all the time until its standard input ends. Prints JSON: for each server a list of the changes, each
[second by the machine's monotonic clock, addresses, TTL, [second, TTL] of the last answer that was another one].

Usage: answer_watcher.py NAME SERVER...
"""
import json
import select
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rdatatype


def main():
    name, *servers = sys.argv[1:]
    told = {server: [] for server in servers}
    last = {}
    query = dns.message.make_query(name, "A")
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        for server in servers:
            try:
                reply = dns.query.udp(query, server, timeout=1, ignore_unexpected=True)
            except dns.exception.DNSException:
                continue
            found = [rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A]
            addresses = sorted(str(rr) for rrset in found for rr in rrset)
            if not told[server] or told[server][-1][1] != addresses:
                told[server].append([time.monotonic(), addresses, found[0].ttl if found else 0, last.get(server)])
            last[server] = [time.monotonic(), found[0].ttl if found else 0]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
