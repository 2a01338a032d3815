"""DNS servers under test: each class writes a configuration for one worker and says how the program is started.

All serve the zone bench.example: 100 static names, www by the client's continent (EU, NA, else), and, on request, a million names.
"""

import os
import pwd
import socket
from pathlib import Path

from .process import find_program, free_port

ZONE = "bench.example"
REGIONS = {"eu": "127.0.9.31", "us-east": "127.0.9.11", "us-west": "127.0.9.21"}
HEAD = f"""$ORIGIN {ZONE}.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.53
"""


def static_records():
    return "".join(f"h{i} A 192.0.2.{i + 1}\n" for i in range(100))


def million_records():
    return "".join(f"n{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(1_000_000))


class Setup:
    """Where a server lives and what it serves."""

    def __init__(self, directory, port, database, works, binaries):
        self.directory = Path(directory)
        self.port = port
        self.admin_port = 0  # any
        self.database = database
        self.works = works
        self.binaries = binaries
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.directory.mkdir(parents=True, exist_ok=True)

    def zone_text(self):
        if "million" in self.works:
            return HEAD + million_records()
        return HEAD + static_records()

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Edges:
    """What Meridian's health probes find: sockets that listen, one per region, on one port."""

    sockets = []
    port = None

    @classmethod
    def listen(cls):
        while cls.port is None:
            port = free_port()
            try:
                cls.sockets = [socket.create_server((address, port)) for address in REGIONS.values()]
                cls.port = port
            except OSError:
                continue
        return cls.port


class Floor:
    name = "floor"
    program = None
    works = ("static", "geo", "nxdomain", "million", "half", "guarded")

    @staticmethod
    def command(setup):
        return [setup.binaries / "bench_udp_echo_floor", f"127.0.0.1:{setup.port}"]


class Meridian:
    name = "meridian-dns"
    program = None
    works = ("static", "geo", "nxdomain", "million", "half", "tcp", "guarded", "workers2")

    @staticmethod
    def command(setup):
        (setup.directory / "state").mkdir()
        setup.write("bench.zone", setup.zone_text())
        regions = "".join(f"  {name}: {{edges: [{address}]}}\n" for name, address in REGIONS.items())
        geo = f"""  geo: {{database: {setup.database}}}
  policies:
    closest:
      - geo: {{EU: [eu], NA: [us-east]}}
      - failover: [us-west, us-east, eu]
  names:
    www.{ZONE}: {{policy: closest, ttl: {{min: 60s, max: 60s}}}}
"""
        # Guarded: every response is counted, none is declined. Else the limiter is off, as in the peers.
        guard = "{mode: enforce, rate: 100000/s}" if "guarded" in setup.works else "{mode: disabled}"
        path = setup.write("meridian.yaml", f"""service: bench
regions:
{regions}health:
  edge: {{kind: tcp, port: {Edges.listen()}, interval: 60s, timeout: 1s, fall: 3, rise: 1}}
  start_wait: 10ms
admin:
  dns: ["127.0.0.1:{setup.admin_port}"]
state_directory: {setup.directory}/state
dns:
  listen: ["127.0.0.1:{setup.port}"]
  workers: {2 if "workers2" in setup.works else 1}
  rate_limit: {guard}
  zones: {{{ZONE}: bench.zone}}
{geo if "geo" in setup.works else ""}""")
        return [setup.binaries / "meridian-dns", "--config", path]


class Gdnsd:
    name = "gdnsd"
    program = "gdnsd"
    works = ("static", "geo", "nxdomain", "million", "half", "tcp")

    @staticmethod
    def command(setup):
        centers = "".join(f"{name} => {address}, " for name, address in REGIONS.items())
        plugin = f"""plugins => {{ geoip => {{
  maps => {{ m => {{ geoip2_db => {setup.database}, datacenters => [us-west, us-east, eu],
    map => {{ EU => [eu, us-west, us-east], NA => [us-east, us-west, eu] }} }} }},
  resources => {{ www => {{ map => m, service_types => up, dcmap => {{ {centers} }} }} }} }} }}
"""
        setup.write("config", f"""options => {{ listen => [ "127.0.0.1:{setup.port}" ], udp_threads => 1, tcp_threads => 1,
  run_dir => {setup.directory}/run, state_dir => {setup.directory}/state, edns_client_subnet => true }}
{plugin if "geo" in setup.works else ""}""")
        geo = "www 60 DYNA geoip!www\n" if "geo" in setup.works else ""
        setup.write(f"zones/{ZONE}", setup.zone_text() + geo)
        for name in ("run", "state"):
            (setup.directory / name).mkdir(exist_ok=True)
        return [find_program("gdnsd"), "-c", setup.directory, "start"]


class Knot:
    name = "knot"
    program = "knotd"
    works = ("static", "geo", "nxdomain", "million", "half", "tcp", "guarded")

    @staticmethod
    def command(setup):
        setup.write("bench.zone", setup.zone_text() + ("www A 192.0.2.21\n" if "geo" in setup.works else ""))
        module = f"""mod-geoip:
  - id: m
    config-file: {setup.directory}/geo.yaml
    ttl: 60
    mode: geodb
    geodb-file: {setup.database}
    geodb-key: [continent/code, country/iso_code]
"""
        setup.write("geo.yaml", f"""www.{ZONE}:
  - geo: "EU;*"
    A: {REGIONS["eu"]}
  - geo: "NA;*"
    A: {REGIONS["us-east"]}
""")
        geo = "geo" in setup.works
        guard = """mod-rrl:
  - id: limit
    rate-limit: 100000
mod-cookies:
  - id: cookies
    badcookie-slip: 100000
template:
  - id: default
    global-module: [mod-cookies/cookies, mod-rrl/limit]
"""
        path = setup.write("knot.conf", f"""server:
  rundir: {setup.directory}/run
  user: {setup.user}
  listen: 127.0.0.1@{setup.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
  storage: {setup.directory}/db
{module if geo else ""}{guard if "guarded" in setup.works else ""}zone:
  - domain: {ZONE}
    file: {setup.directory}/bench.zone
{"    module: mod-geoip/m" if geo else ""}
""")
        (setup.directory / "run").mkdir(exist_ok=True)
        return [find_program("knotd"), "-c", path]


class Nsd:
    name = "nsd"
    program = "nsd"
    works = ("static", "nxdomain", "million", "half", "tcp")

    @staticmethod
    def command(setup):
        setup.write("bench.zone", setup.zone_text())
        path = setup.write("nsd.conf", f"""server:
  ip-address: 127.0.0.1@{setup.port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{setup.directory}"
  pidfile: ""
  xfrdfile: "{setup.directory}/xfrd.state"
  xfrdir: "{setup.directory}"
  zonelistfile: "{setup.directory}/zone.list"
  hide-version: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {ZONE}
  zonefile: bench.zone
""")
        return [find_program("nsd"), "-d", "-c", path]


class PowerDns:
    name = "pdns"
    program = "pdns_server"
    works = ("static", "geo", "nxdomain", "million", "half")  # not tcp: a thread for each connection, whose CPU time goes with it

    @staticmethod
    def command(setup):
        if "geo" in setup.works:
            records = f"  {ZONE}:\n    - soa: ns1.{ZONE} hostmaster.{ZONE} 1 7200 900 1209600 300\n    - ns: ns1.{ZONE}\n"
            records += "".join(f"  h{i}.{ZONE}:\n    - a: 192.0.2.{i + 1}\n" for i in range(100))
            codes = {"eu": "eu", "na": "us-east", "as": "us-west", "sa": "us-west", "af": "us-west", "oc": "us-west",
                     "an": "us-west", "unknown": "us-west", "--": "us-west"}
            records += "".join(f"  {code}.geo.{ZONE}:\n    - a: {REGIONS[region]}\n" for code, region in codes.items())
            setup.write("geo.yaml", "domains:\n- domain: " + ZONE + "\n  ttl: 60\n  records:\n" +
                        "".join(f"  {line}\n" for line in records.splitlines()) +
                        f"  services:\n    www.{ZONE}: ['%cn.geo.{ZONE}', 'unknown.geo.{ZONE}']\n")
            backend = f"""launch=geoip
geoip-database-files=mmdb:{setup.database}
geoip-zones-file={setup.directory}/geo.yaml
edns-subnet-processing=yes
"""
        else:
            setup.write("bench.zone", setup.zone_text())
            setup.write("named.conf", f'zone "{ZONE}" {{ type master; file "{setup.directory}/bench.zone"; }};\n')
            backend = f"launch=bind\nbind-config={setup.directory}/named.conf\n"
        setup.write("pdns.conf", f"""{backend}local-address=127.0.0.1
local-port={setup.port}
socket-dir={setup.directory}
receiver-threads=1
distributor-threads=1
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
zone-cache-refresh-interval=0
""")
        return [find_program("pdns_server"), f"--config-dir={setup.directory}"]


class Bind:
    name = "bind9"
    program = "named"
    works = ("static", "nxdomain", "million", "half", "tcp")

    @staticmethod
    def command(setup):
        setup.write("bench.zone", setup.zone_text())
        path = setup.write("named.conf", f"""options {{
  directory "{setup.directory}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
  listen-on port {setup.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; notify no; managed-keys-directory "{setup.directory}";
}};
controls {{ }};
zone "{ZONE}" {{ type primary; file "bench.zone"; }};
""")
        return [find_program("named"), "-g", "-n", "1", "-c", path]


ALL = (Floor, Meridian, Gdnsd, Knot, Nsd, PowerDns, Bind)
