"""One DNS node with a configuration that the test changes as it goes; its edges are the test's own servers (lone_edge.Scripted).

    with LoneNode(directory, slot, {"eu": [address]}) as node:
        node.config["health"]["edge"]["fall"] = 1
        node.reload()
"""
import json
import pathlib

import dns.message
import dns.query
import dns.rdatatype

import meridian
from lone_edge import slot_address

ZONE = "$TTL 60\n@ SOA ns host 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.53\nstatic A 192.0.2.80\n"
PROBE = {"kind": "http", "port": 8080, "path": "/up", "interval": "250ms", "timeout": "240ms", "fall": 2, "rise": 1, "hold_down": "0ms"}


class LoneNode:
    """Name www.lone.example goes by the regions in the order of `regions`; `config` is plain dicts and lists."""

    def __init__(self, directory, slot, regions, probe=None, dns_words=None):
        self.directory, self.address = pathlib.Path(directory), slot_address(slot, "0.1")
        self.config = {
            "service": "lone", "state_directory": f"{directory}/state", "log": {"level": "debug"},
            "regions": {name: {"edges": list(edges)} for name, edges in regions.items()},
            "health": {"edge": {**PROBE, **(probe or {})}, "start_wait": "500ms", "isolation_hold": "0ms"},
            "dns": {"listen": [f"{self.address}:5300"], "workers": 1, "zones": {"lone.example": "lone.zone"},
                    "policies": {"order": [{"failover": list(regions)}]},
                    "names": {"www.lone.example": {"policy": "order", "ttl": {"min": "1s", "max": "1m"}}}, **(dns_words or {})}}
        (self.directory / "lone.zone").write_text(ZONE)
        self.file = self.directory / "node.yaml"
        (self.directory / "state").mkdir()
        self.write()
        self.process = meridian.Process([meridian.binaries() / "meridian-dns", "--config", self.file], self.directory / "dns.log")
        meridian.wait_until(lambda: not self.process.running() or self.admin("/healthz", "GET")[0] == 200, "the node serves")
        assert self.process.running(), self.process.text()

    @property
    def probe(self):
        return self.config["health"]["edge"]

    def write(self):
        self.file.write_text(json.dumps(self.config, indent=1))

    def admin(self, path, method="POST"):
        return meridian.ask_socket(self.directory / "state/dns/admin.sock", path, method)

    def reload(self, status=200):
        self.write()
        got, said = self.admin("/reload")
        assert got == status, said
        return said

    def status(self):
        return json.loads(self.admin("/status", "GET")[1])

    def metric(self, name, labels=""):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.admin("/metrics", "GET")[1].splitlines()
                   if line.startswith((name + "{", name + " ")) and labels in line)

    def ask(self, name="www.lone.example", rdtype="A", options=None, tcp=False):
        query = dns.message.make_query(name, rdtype, use_edns=0, options=options or [])
        return (dns.query.tcp if tcp else dns.query.udp)(query, self.address, port=5300, timeout=10)

    def addresses(self, name="www.lone.example", rdtype="A"):
        wanted = dns.rdatatype.from_text(rdtype)
        return sorted(str(rr) for rrset in self.ask(name, rdtype).answer for rr in rrset if rrset.rdtype == wanted)

    def becomes(self, *addresses, timeout=20):
        meridian.wait_until(lambda: self.addresses() == sorted(addresses), f"answers are {addresses}", timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
