"""Real resolvers in front of an authoritative server: each a process with an address of its own.

Each start_...() takes the folder to live in, the address to listen on and the zones that it asks a server of its own for:
{zone: (address, port)}; and a file of root hints, if it is to iterate from a root. None of them asks again before ten
seconds are over: the tests count what they ask, and a machine may be busy.
"""
import pathlib
import tempfile

import dns.flags
import dns.message
import dns.query

from meridian import Process, wait_until

PORT = 5353
FIRST_BIND_PORT = 15300  # plus the number of the test's loopback network


class Resolver:
    def __init__(self, command, directory, address, port=PORT, temporary=None):
        self.address, self.port, self.temporary = address, port, temporary
        self.process = Process(command, directory / "resolver.log", cwd=directory)

    def ask(self, name, rdtype="A", client=None, timeout=60):
        """One recursive query, over TCP if need be; from the address `client` if given."""
        message = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
        response = dns.query.udp(message, self.address, port=self.port, timeout=timeout, source=client)
        if response.flags & dns.flags.TC:
            response = dns.query.tcp(message, self.address, port=self.port, timeout=timeout, source=client)
        return response

    def wait(self, name):
        """Until it resolves the SOA of a zone."""
        wait_until(lambda: not self.process.running() or self.ask(name, "SOA", timeout=1).answer, "the resolver answers")
        assert self.process.running(), self.process.text()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        if self.temporary:
            self.temporary.cleanup()


def start_unbound(directory, address, zones, hints=None, subnets=False):
    directory = pathlib.Path(directory)
    config = f"""
server:
  interface: {address}
  port: {PORT}
  num-threads: 1
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  use-caps-for-id: yes
  aggressive-nsec: yes
  infra-cache-min-rtt: 10000
  unknown-server-time-limit: 10000
  local-zone: "example." nodefault
  module-config: "{"subnetcache iterator" if subnets else "iterator"}"
"""
    if hints:
        config += f'  root-hints: "{hints}"\n  qname-minimisation-strict: yes\n  harden-referral-path: yes\n'
    for server in sorted({server for server, _ in zones.values()}) if subnets else []:
        config += f"  send-client-subnet: {server}\n"
    for zone, (server, port) in zones.items():
        config += f'stub-zone:\n  name: "{zone}"\n  stub-addr: {server}@{port}\n'
    (directory / "unbound.conf").write_text(config + "remote-control:\n  control-enable: no\n")
    return Resolver(["/usr/sbin/unbound", "-d", "-c", directory / "unbound.conf"], directory, address)


def start_unbound_with_subnets(directory, address, zones, hints=None):
    return start_unbound(directory, address, zones, hints, subnets=True)


def start_recursor(directory, address, zones, hints=None):
    directory = pathlib.Path(directory)
    sockets = tempfile.TemporaryDirectory(prefix="recursor-")  # a socket's path must be short
    (directory / "recursor.conf").write_text(f"""
daemon=no
local-address={address}
local-port={PORT}
socket-dir={sockets.name}
threads=1
allow-from=127.0.0.0/8
dont-query=
forward-zones={", ".join(f"{zone}={server}:{port}" for zone, (server, port) in zones.items())}
dnssec=off
network-timeout=10000
hint-file={hints or 'no'}
security-poll-suffix=
use-incoming-edns-subnet=yes
edns-subnet-allow-list=0.0.0.0/0
ecs-add-for=0.0.0.0/0
""")
    return Resolver(["/usr/sbin/pdns_recursor", f"--config-dir={directory}"], directory, address, temporary=sockets)


def start_bind(directory, address, zones, hints=None):
    """BIND asks all servers at the one port of its options, and listens on addresses of interfaces only: a port of our own."""
    directory = pathlib.Path(directory)
    own_port = FIRST_BIND_PORT + int(address.split(".")[1])
    (port,) = {port for _, port in zones.values()} or {53}
    config = f"""
options {{
  directory "{directory}"; pid-file none; session-keyfile none; dnssec-validation no; recursion yes;
  port {port}; listen-on port {own_port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  allow-query {{ any; }}; allow-query-cache {{ any; }}; allow-recursion {{ any; }};
  resolver-retry-interval 10000;
}};
controls {{ }};
"""
    if hints:
        config += f'zone "." {{ type hint; file "{hints}"; }};\n'
    for zone, (server, _) in zones.items():
        config += f'zone "{zone}" {{ type static-stub; server-addresses {{ {server}; }}; }};\n'
    (directory / "named.conf").write_text(config)
    return Resolver(["/usr/sbin/named", "-g", "-n", "1", "-c", directory / "named.conf"], directory, "127.0.0.1", own_port)
