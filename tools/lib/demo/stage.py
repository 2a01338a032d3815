"""The shop's processes: one DNS server, three edges, and per region one program that plays all backends.

Whatever was started is ended with the Stage: also after Ctrl-C or a failure, and by the kernel if the demo itself is killed.
"""

import http.client
import json
import os
import pathlib
import shutil
import socket
import tempfile

import certificates
from processes import Failed, Process, eventually, stop_all
from shop import CERTIFIED, HTTPS, NAME, REGIONS, backends_of

ROOT = pathlib.Path(__file__).resolve().parents[3]
CA = ROOT / "build/shop/ca.pem"  # where zones/shop.yaml has its certificate
EDGES = {region: f"127.0.{number}.1" for number, region in enumerate(REGIONS, 1)}
DNS = ("127.0.0.1", 5300)
DNS_ADMIN = ("127.0.0.1", 9053)
Trouble = Failed  # the demo cannot go on; the message says why


def region_of(address):
    return next((region for region, edge in EDGES.items() if edge == address), None)


NOT_YET = (OSError, http.client.HTTPException, ValueError)


def wait_until(condition, what, seconds=20.0):
    """Polls until condition() gives something true, and returns it."""
    return eventually(condition, what, seconds, passing=NOT_YET)


def get(host, port, path, timeout=2):
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": NAME if port == 8080 else f"{host}:{port}"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


class Stage:
    """Starts and ends the shop; used as a context."""

    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="meridian-demo-"))
        self.config = self.directory / "demo.yaml"
        self.config.write_text(f"include: {ROOT}/zones/shop.yaml\nstate_directory: {self.directory}/state\n")
        (self.directory / "state").mkdir()
        self.processes = {}
        self.keep_logs = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop_all(self.processes.values(), 5)
        if not self.keep_logs:
            shutil.rmtree(self.directory, ignore_errors=True)

    def check_ports(self):
        """Says which address is taken before anything starts."""
        wanted = [(DNS, socket.SOCK_DGRAM), (DNS, socket.SOCK_STREAM), (DNS_ADMIN, socket.SOCK_STREAM)]
        for region in REGIONS:
            wanted += [((EDGES[region], port), socket.SOCK_STREAM) for port in (HTTPS, 8080, 7000, 9080)]
            wanted += [((server.address, server.port), socket.SOCK_STREAM) for server in backends_of(region)]
        busy = []
        for address, kind in wanted:
            with socket.socket(socket.AF_INET, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(address)
                except OSError as error:
                    busy.append(f"{address[0]}:{address[1]} ({error.strerror})")
        if busy:
            raise Trouble("cannot use " + ", ".join(busy[:4]) + (" ..." if len(busy) > 4 else "") +
                          "; is another demo running? See who listens there: ss -lntup")

    def launch(self, name, *arguments):
        self.processes[name] = Process(arguments, self.directory / f"{name}.log", cwd=ROOT)
        return self.processes[name]

    def ready(self, name, condition):
        """Waits for a process; if it ends instead, tells the end of its log."""
        self.processes[name].wait_until(condition, f"{name} ready", 90, passing=NOT_YET)

    def start_backends(self, region):
        self.launch(f"backends-{region}", self.binaries / "meridian-test-backend", *backends_of(region)).wait_ready(region, 90)

    def start_edge(self, region):
        self.launch(region, self.binaries / "meridian-edge", "--config", self.config, "--region", region)
        self.ready(region, lambda: get(EDGES[region], 8080, "/.meridian/health")[0] == 200)

    def start_dns(self):
        self.launch("dns", self.binaries / "meridian-dns", "--config", self.config)
        self.ready("dns", lambda: get(*DNS_ADMIN, "/healthz")[0] == 200)
        wait_until(self.all_up, "all regions up")

    def check_programs(self):
        for name in ("meridian", "meridian-dns", "meridian-edge", "meridian-test-backend"):
            if not (self.binaries / name).exists():
                raise Trouble(f"{self.binaries / name} is not built")

    def start(self):
        self.check_programs()
        self.check_ports()
        certificates.site(CA.parent, *CERTIFIED)
        for region in REGIONS:
            self.start_backends(region)
        for region in REGIONS:
            self.start_edge(region)
        self.start_dns()

    def dns_status(self):
        return json.loads(get(*DNS_ADMIN, "/status")[1])

    def region_states(self):
        return {region["name"]: region["state"] for region in self.dns_status()["regions"]}

    def all_up(self):
        states = self.region_states()
        return len(states) == len(REGIONS) and all(state == "up" for state in states.values())

    def pid(self, name):
        return self.processes[name].pid


def environment_for_commands(binaries):
    """The tour's commands find `meridian` and speak English."""
    return {**os.environ, "PATH": f"{binaries}:{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin", "LC_ALL": "C"}
