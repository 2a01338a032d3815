"""Health checks over TLS (`kind: https`): what the answer says counts, and the certificate when told to `verify`."""
import http.server
import json
import ssl
import subprocess
import threading

import pytest

import meridian
from authority import Authority

NAME = "web.internal"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority (ca.pem), what it signed for NAME (right.*) and for another name (other.*), and one of nobody (self.*)."""
    folder = tmp_path_factory.mktemp("certificates")
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(folder, *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    openssl(folder, *new, "-keyout", "self.key", "-out", "self.pem", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    for file, name in (("right", NAME), ("other", "other.internal")):
        openssl(folder, *new, "-keyout", f"{file}.key", "-out", f"{file}.pem", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                "-CA", "ca.pem", "-CAkey", "ca.key")
    return folder


class HealthPage:
    """An https server whose only page has the status that the test wants."""

    def __init__(self, address, certificate):
        self.status, self.names, self.hosts = 200, set(), set()
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page.hosts.add(self.headers["Host"])
                self.send_response(page.status if self.path == "/healthz" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        context.sni_callback = lambda _socket, name, _context: self.names.add(name)
        self.server = http.server.ThreadingHTTPServer((address, 9443), Handler)
        self.server.handle_error = lambda *_: None  # a client that refuses the certificate
        # The handshake belongs to the connection's thread, not to the one that accepts.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Checked:
    """One edge before two servers that speak HTTP to clients and https to its checks."""

    def __init__(self, directory, certificates, check=""):
        self.lease = meridian.Lease()
        self.host = f"127.{self.lease.number}.1.1"
        self.servers = [f"127.{self.lease.number}.1.{11 + n}" for n in range(2)]
        self.pages = [HealthPage(address, certificate) for address, certificate in zip(self.servers, certificates)]
        self.config = directory / "checked.yaml"
        self.config.write_text(f"""
service: checked
state_directory: {directory}
regions: {{eu: {{edges: [{self.host}]}}}}
admin: {{edge: ["{{edge}}:9080"]}}
edge:
  listen: [{{address: "{{edge}}:8080"}}]
  pools:
    web:
      servers: {json.dumps([s + ":9000" for s in self.servers])}
      health: {{kind: https, port: 9443, path: /healthz, interval: 2s, timeout: 2s, fall: 2, rise: 1{check}}}
  routes: [{{path: /, pool: web}}]
""")
        names = [f"{address}:9000=s{n},web,eu" for n, address in enumerate(self.servers)]
        self.processes = [meridian.Process([meridian.binaries() / "meridian-test-backend", *names], directory / "servers.log"),
                          meridian.Process([meridian.binaries() / "meridian-edge", "--config", self.config, "--region", "eu"], directory / "edge.log")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
        for page in self.pages:
            page.close()
        self.lease.release()

    def server(self, n):
        pools = json.loads(meridian.http_get(self.host, 9080, "/status")[2])["pools"]
        return pools[0]["servers"][n]

    def until(self, *health):
        meridian.wait_until(lambda: [self.server(n)["health"] for n in range(2)] == list(health), f"the servers are {health}")

    def says(self, n, reason):
        meridian.wait_until(lambda: reason in self.server(n)["reason"], f"server {n} is down for {reason}")

    def who_serves(self):
        """The servers that answer ten requests, all of them well."""
        answers = [meridian.http_get(self.host, 8080, "/", {"Host": "checked.example"}) for _ in range(10)]
        assert {status for status, _, _ in answers} == {200}
        return {json.loads(body)["server"] for _, _, body in answers}


def files(certificates, *names):
    return [certificates / f"{name}.pem" for name in names]


def test_the_status_takes_a_server_out_and_in_and_any_certificate_will_do(tmp_path, certificates):
    with Checked(tmp_path, files(certificates, "self", "other"), f", host: '{NAME}:8443'") as edge:
        edge.until("up", "up")
        assert edge.who_serves() == {"s0", "s1"}
        edge.pages[0].status = 503
        edge.until("down", "up")
        edge.says(0, "status 503")
        assert edge.who_serves() == {"s1"}
        edge.pages[0].status = 200
        edge.until("up", "up")
        assert edge.who_serves() == {"s0", "s1"}
        assert edge.pages[0].hosts == {f"{NAME}:8443"}
        assert edge.pages[0].names == {NAME}, "the name in TLS has no port"


@pytest.mark.parametrize("wrong", ["self", "other"])
def test_a_certificate_that_is_verified_must_be_of_the_authority_and_the_name(tmp_path, certificates, wrong):
    check = f", verify: true, ca_file: {certificates}/ca.pem, server_name: {NAME}"
    with Checked(tmp_path, files(certificates, "right", wrong), check) as edge:
        edge.until("up", "down")
        edge.says(1, "certificate verify failed")
        assert edge.who_serves() == {"s0"}
        assert edge.pages[0].names == {NAME}
        assert edge.pages[0].hosts == {f"{edge.servers[0]}:9000"}


def test_whom_a_check_trusts_counts_from_the_reload_on(tmp_path, certificates):
    """Each field of its TLS alone: whether it verifies, whom it trusts, and for which name."""
    def verified(authority, name):
        return f", verify: true, ca_file: {certificates}/{authority}.pem, server_name: {name}"
    with Checked(tmp_path, files(certificates, "right", "self")) as edge:
        plain = edge.config.read_text()
        edge.until("up", "up")
        for check, health in ((verified("ca", NAME), ("up", "down")), (verified("self", NAME), ("down", "up")), (verified("ca", NAME), ("up", "down")),
                              (verified("ca", "other.internal"), ("down", "down")), ("", ("up", "up"))):
            edge.config.write_text(plain.replace("rise: 1", f"rise: 1{check}"))
            assert meridian.ask_socket(tmp_path / f"edge-{edge.host}/admin.sock", "/reload", "POST")[0] == 200
            edge.until(*health)


def test_a_file_without_certificates_is_refused(tmp_path, certificates):
    check = f", verify: true, ca_file: {certificates}/ca.key"
    with Checked(tmp_path, files(certificates, "right", "right"), check) as edge:
        assert edge.processes[1].wait() != 0
        assert f"ca_file: {certificates}/ca.key holds no certificate" in edge.processes[1].text()
        command = [meridian.binaries() / "meridian", "check", edge.config]
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert checked.returncode == 2
        assert f"ca_file: {certificates}/ca.key holds no certificate" in checked.stdout + checked.stderr


REGIONS = """service: probed
state_directory: "{directory}/state"
regions: {us: {edges: ["{net}.61.1"]}, eu: {edges: ["{net}.62.1"]}}
health: {edge: {kind: https, port: 9443, path: /healthz, host: HOST, interval: 200ms, timeout: 150ms, fall: 1, rise: 1}}
admin: {dns: ["{address}:9053"]}
dns:
  listen: ["{address}:{port}"]
  workers: 1
  zones: {example.com: example.com.zone}
  geo: {database: "{geo}"}
  probe_tls: PROBE_TLS
"""


def test_dns_nodes_verify_the_edges_that_they_probe_if_they_are_told_to(tmp_path, certificates):
    zone = "$TTL 60\n@ SOA ns host 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\n"
    config = REGIONS.replace("HOST", NAME).replace("PROBE_TLS", f"{{ca: {certificates}/ca.pem}}")
    with Authority(tmp_path, config, {"example.com": zone}) as node:
        net = node.words["{net}"]
        pages = [HealthPage(f"{net}.{rest}", certificate) for rest, certificate in (("61.1", certificates / "right.pem"), ("62.1", certificates / "other.pem"))]
        try:
            node.start()

            def edges():
                regions = json.loads(node.admin("/status")[1])["regions"]
                return {region["name"]: region["edges"][0] for region in regions}
            meridian.wait_until(lambda: (edges()["us"]["probed"], edges()["eu"]["probed"]) == ("up", "down"), "one is believed, the other is not")
            assert "certificate verify failed" in json.dumps(edges()["eu"])
            assert pages[0].names == {NAME}
            node.config.write_text(node.config.read_text().replace(f"  probe_tls: {{ca: {certificates}/ca.pem}}\n", ""))
            assert node.admin("/reload", "POST")[0] == 200
            meridian.wait_until(lambda: edges()["eu"]["probed"] == "up", "anybody will do")
        finally:
            for page in pages:
                page.close()
