"""Starts real Meridian processes on loopback addresses of their own, for the end-to-end tests, the soak and the demo.

    with Shop(binaries, directory) as shop:      # zones/shop.yaml, with 127.0.x.y moved to 127.N.x.y
        shop.start()                              # backends, three edges, DNS; waits until all answer
        shop.dig("www.shop.example", subnet="81.2.69.0/24")
        shop.edge("us-east").kill()

Everything waits for conditions, never for a fixed time. Standard library and dnspython only.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/lib"))

import certificates  # noqa: E402  (the path comes first)
from processes import Lease, Process, eventually  # noqa: E402,F401  (tests take them from here)
from shop import CERTIFIED, HTTPS, NAME, REGIONS, backends_of  # noqa: E402

SANITIZED = os.environ.get("MERIDIAN_SANITIZED") == "1"


def binaries():
    return pathlib.Path(os.environ.get("MERIDIAN_BIN", ROOT / "build/release/bin"))


def wait_until(condition, what, timeout=120.0):
    """Polls until condition() is true; its last exception or value is told when it never is."""
    return eventually(condition, what, timeout, passing=(OSError, http.client.HTTPException, dns.exception.DNSException))


def http_get(host, port, path, headers=None, method="GET", body=None, timeout=60):
    """One request on one connection: (status, headers, body)."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket, however long its path: through its open folder."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = pathlib.Path(path)

    def connect(self):
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


def ask_socket(path, target, method="POST", timeout=120):
    """One request to the admin port at its Unix socket: (status, body). Changes go there: over TCP they need a key."""
    connection = LocalConnection(path, timeout)
    try:
        connection.request(method, target)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def raw_exchange(address, data, timeout=30.0):
    """Sends bytes and reads until the peer closes or nothing comes for `timeout`."""
    with socket.create_connection(address, timeout=timeout) as connection:
        connection.sendall(data)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def patient(text):
    """An `edit` of the shop: late answers take no server out of its pool. For tests that ask something else: a machine may be busy."""
    return re.sub(r"interval: \d+s, timeout: 500ms, fall: 2", "interval: 10s, timeout: 9s, fall: 5", text)


def steady(text):
    """The same for edges, too. They announce their end for half a minute then: not for tests that restart one."""
    return patient(text).replace("interval: 1s, timeout: 500ms, fall: 3", "interval: 10s, timeout: 9s, fall: 5")


# What tests that speak plain HTTP make of the shop: port 8080 serves and is probed; 8443 is as it stands.
PLAIN = {"redirect_to_https: true, https_port: 8443": "protocol: http", "kind: https, port: 8443": "kind: http, port: 8080"}


class Shop:
    """The example service of zones/ on 127.N.0.0/16: the same files, with the addresses moved and `edit` applied. With `https` customers
    come by https alone, as zones/shop.yaml says; else port 8080 serves, too."""

    def __init__(self, directory, edit=None, https=False):
        self.lease = Lease()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.zones = self.directory / "zones"
        shutil.copytree(ROOT / "zones", self.zones)
        self.config = self.zones / "shop.yaml"
        text = self.moved((ROOT / "zones/shop.yaml").read_text())
        text = text.replace("../build/geo/city.mmdb", str(geo_database("city.mmdb")))
        self.ca = certificates.site(self.directory / "certificates", *CERTIFIED)[0]
        text = text.replace("../build/shop", str(self.ca.parent))
        for before, after in () if https else PLAIN.items():
            assert text.count(before) == 1, f"shop.yaml has changed: {before}"
            text = text.replace(before, after)
        if "state_directory" not in text:
            text = text.replace("service: shop\n", f"service: shop\nstate_directory: {self.directory}/state\n", 1)
        self.config.write_text(edit(text) if edit else text)
        (self.directory / "state").mkdir()
        self.processes = {}

    def moved(self, text):
        return text.replace("127.0.", f"127.{self.lease.number}.")

    def address(self, rest):
        return self.lease.address(rest)

    @property
    def dns_address(self):
        return self.address("0.1")

    def edge_address(self, region):
        return self.address(f"{REGIONS.index(region) + 1}.1")

    # -- processes

    def start_backends(self):
        servers = [server for region in REGIONS for server in backends_of(region, f"127.{self.lease.number}")]
        process = self.launch("backends", [binaries() / "meridian-test-backend", *map(str, servers)])
        process.wait_ready("the backends")

    def start_edge(self, region):
        process = self.launch(region, [binaries() / "meridian-edge", "--config", self.config, "--region", region])
        try:
            wait_until(lambda: not process.running() or self.all_up(region), f"edge {region} and all of its servers are well")
        except AssertionError as error:
            servers = [server for pool in self.status(region)["pools"] for server in pool["servers"] if server["health"] != "up"]
            raise AssertionError(f"{error}\n{servers}\n{process.text()[-4000:]}") from None
        assert process.running(), process.text()
        return process

    def all_up(self, region):
        servers = [server for pool in self.status(region)["pools"] for server in pool["servers"] if server["addresses"]]
        return self.edge_get(region, "/.meridian/health")[0] == 200 and all(server["health"] in ("up", "unchecked") for server in servers)

    def start_dns(self, wait=True):
        process = self.launch("dns", [binaries() / "meridian-dns", "--config", self.config])
        if wait:
            wait_until(lambda: not process.running() or self.query("shop.example", "SOA", timeout=2).answer, "the DNS server answers")
            assert process.running(), process.text()
        return process

    def start(self):
        self.start_backends()
        for region in REGIONS:
            self.start_edge(region)
        self.start_dns()
        wait_until(lambda: all(r["state"] == "up" for r in self.status()["regions"]), "all regions are up")
        return self

    def launch(self, name, arguments):
        old = self.processes.get(name)
        assert old is None or not old.running(), f"{name} runs already"
        self.processes[name] = Process(arguments, self.directory / f"{name}.log")
        return self.processes[name]

    def edge(self, region):
        return self.processes[region]

    @property
    def dns(self):
        return self.processes["dns"]

    def close(self):
        for process in self.processes.values():
            process.kill()
        self.lease.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- asking

    def query(self, name, rdtype="A", subnet=None, tcp=False, timeout=30, **options):
        """One query to the DNS server; the whole response message."""
        message = dns.message.make_query(name, rdtype, use_edns=options.pop("edns", 0 if subnet else -1), **options)
        if subnet:
            address, _, length = subnet.partition("/")
            message.use_edns(0, payload=1232, options=[dns.edns.ECSOption(address, int(length or 32))])
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(message, self.dns_address, port=5300, timeout=timeout)

    def addresses(self, name, rdtype="A", **options):
        return sorted(str(rr) for rrset in self.query(name, rdtype, **options).answer for rr in rrset if rrset.rdtype == dns.rdatatype.from_text(rdtype))

    def region_of(self, subnet, name="www.shop.example"):
        """The region whose edge a client of this subnet is sent to."""
        found = self.addresses(name, subnet=subnet)
        assert len(found) == 1, found
        return REGIONS[int(found[0].split(".")[2]) - 1]

    def https_get(self, region, path, headers=None, method="GET", body=None, timeout=60):
        """One request over TLS on one connection: (status, headers, body)."""
        connection = certificates.HttpsConnection(self.edge_address(region), HTTPS, NAME, certificates.trusting(self.ca), timeout=timeout)
        try:
            connection.request(method, path, body=body, headers={"Host": NAME, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def edge_get(self, region, path, headers=None, **options):
        return http_get(self.edge_address(region), 8080, path, {"Host": "www.shop.example", **(headers or {})}, **options)

    def socket_path(self, who):
        """Where the admin port of a server has its Unix socket."""
        return self.directory / "state" / ("dns" if who == "dns" else f"edge-{self.edge_address(who)}") / "admin.sock"

    def server(self, who):
        """The same as `meridian --server` takes it."""
        return f"unix:{self.socket_path(who)}"

    def admin(self, who, path, method="GET"):
        if method != "GET":
            return ask_socket(self.socket_path(who), path, method)
        host, port = (self.dns_address, 9053) if who == "dns" else (self.edge_address(who), 9080)
        status, _, body = http_get(host, port, path, method=method, timeout=120)
        return status, body.decode()

    def status(self, who="dns"):
        status, body = self.admin(who, "/status")
        assert status == 200, body
        return json.loads(body)

    def metric(self, who, name, **labels):
        """The sum of the samples of a metric whose labels include these."""
        total = 0.0
        for line in self.admin(who, "/metrics")[1].splitlines():
            found = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", line)
            if found and found.group(1) == name:
                have = dict(re.findall(r'(\w+)="([^"]*)"', found.group(2) or ""))
                if all(have.get(k) == v for k, v in labels.items()):
                    total += float(found.group(3))
        return total


def geo_database(name):
    """A database made by tools/geo."""
    return ROOT / "build/geo" / name


def make_asn_database(path):
    """A small database of AS numbers: of the example networks alone."""
    subprocess.run([ROOT / "tools/geo/make-database", "--layout", "asn", "--no-world", "--out", path], check=True, timeout=60)
