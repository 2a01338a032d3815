"""One meridian-dns with zones and policies of its own, for tests that look at messages and not at edges.

    with Authority(directory, config, zones) as server:
        server.start()
        server.ask(packet, via="tcp6")

Its addresses are fixed by the operator's word (`up`), so that no edge has to run and any address can be an edge's.
"""
import json
import pathlib
import socket
import struct

import dns.message

from meridian import Lease, Process, ask_socket, binaries, geo_database, http_get, wait_until

TRANSPORTS = ("udp4", "tcp4", "udp6", "tcp6")
FIRST_PORT = 15000  # below the ports that the kernel hands out


class Authority:
    """`config` and the zones may say {address} (127.N.0.1), {net} (127.N), {port}, {directory} and {geo}."""

    def __init__(self, directory, config, zones, lease=None):
        self.lease = lease or Lease()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.address = f"127.{self.lease.number}.0.1"
        self.port = FIRST_PORT + self.lease.number
        self.words = {"{address}": self.address, "{net}": f"127.{self.lease.number}", "{port}": str(self.port),
                      "{directory}": str(self.directory), "{geo}": str(geo_database("city.mmdb"))}
        for name, text in zones.items():
            (self.directory / f"{name}.zone").write_text(self.fill(text))
        self.config = self.directory / "dns.yaml"
        self.config.write_text(self.fill(config))
        (self.directory / "state").mkdir(exist_ok=True)
        self.process = None

    def fill(self, text):
        for word, value in self.words.items():
            text = text.replace(word, value)
        return text

    def start(self, up=(), timeout=120):
        """Runs the server until it answers, with the regions `up` and each of their edges forced up."""
        self.process = Process([binaries() / "meridian-dns", "--config", self.config], self.directory / "dns.log")
        wait_until(lambda: self.admin("/healthz")[0] == 200 or not self.process.running(), "the DNS server is ready", timeout)
        assert self.process.running(), self.process.text()
        for region in json.loads(self.admin("/status")[1])["regions"]:
            if region["name"] in up:
                # The edges, too: of a region that is up, those that answer probes are given if any does.
                for target in (region["name"], *(edge["address"] for edge in region["edges"])):
                    self.force(target, "up")
        return self

    def force(self, region, state):
        status, body = self.admin(f"/drain?target={region}&state={state}&reason=test", method="POST")
        assert status == 200, body

    def admin(self, path, method="GET"):
        if method != "GET":
            return ask_socket(self.directory / "state/dns/admin.sock", path, method)
        status, _, body = http_get(self.address, 9053, path, method=method)
        return status, body.decode()

    def counted(self, name, labels=""):
        """The sum of the samples of a metric whose labels contain this text."""
        lines = self.admin("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + "{", name + " ")) and labels in line)

    def endpoint(self, via):
        return ("::1" if via.endswith("6") else self.address, self.port)

    def ask(self, packet, via="udp4", timeout=30.0):
        """The reply to one message as bytes; None if the server ends the connection without one."""
        if via.startswith("tcp"):
            with socket.create_connection(self.endpoint(via), timeout=timeout) as connection:
                connection.sendall(struct.pack("!H", len(packet)) + packet)
                return read_frame(connection)
        with self.udp(via, timeout) as sock:
            sock.send(packet)
            return sock.recv(65535)

    def udp(self, via="udp4", timeout=10.0):
        """A connected socket: a reply from any other address than the one asked is never received."""
        sock = socket.socket(socket.AF_INET6 if via.endswith("6") else socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(timeout)
        sock.connect(self.endpoint(via))
        return sock

    def query(self, message, via="udp4"):
        return dns.message.from_wire(self.ask(message.to_wire(), via))

    def stop(self):
        if self.process:
            self.process.kill()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.lease.release()


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def read_frame(connection):
    """One length-prefixed message, or None at the end of the connection."""
    try:
        head = read_exactly(connection, 2)
        return read_exactly(connection, struct.unpack("!H", head)[0]) if head else None
    except ConnectionResetError:
        return None
