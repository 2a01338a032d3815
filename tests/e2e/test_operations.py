"""What operators do, and what must not hold a server up: logs that nobody reads, rotation, drains, the admin port."""
import fcntl
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess

import meridian
import pytest

KEY = "a-key-that-nobody-guesses"
CONFIG = """
service: ops
state_directory: {folder}/state
regions: {{eu: {{edges: [{edge}]}}}}
health: {{edge: {{port: 8080, interval: 200ms, timeout: 150ms}}}}
admin: {{dns: "{dns}:9053", edge: "{{edge}}:9080", key: admin.key}}
metrics: {{dns: "{dns}:9100", edge: "{{edge}}:9100", allow: [{scraper}]}}
log: {{level: debug}}
dns:
  listen: "{dns}:5300"
  zones: {{ops.example: ops.zone}}
  policies: {{p: [{{failover: [eu]}}]}}
  names: {{www.ops.example: {{policy: p}}}}
edge:
  listen: [{{address: "{{edge}}:8080"}}]
  workers: 1
  access_log: access.log
  access_log_probes: false
  access_log_fields: [query, User-Agent, Referer, X-Tenant]
  pools:
    web: {{critical: true, servers: ["{backend}:9000"], health: {{path: /, interval: 100ms, timeout: 90ms, fall: 1, rise: 1}}, retry: {{attempts: 1}}}}
    raw: {{servers: ["{backend}:9000"]}}
  routes:
    - {{path: /raw, pool: raw}}
    - {{path: /web, pool: web}}
    - {{path: /, respond: {{status: 200, body: "here\\n"}}}}
"""


def command(*arguments, status=0):
    done = subprocess.run([meridian.binaries() / "meridian", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


class Site:
    """A DNS node and an edge, without a backend."""

    def __init__(self, folder, edit=lambda text: text):
        self.lease = meridian.Lease()
        self.folder = pathlib.Path(folder)
        net = f"127.{self.lease.number}"
        self.dns, self.edge, self.scraper, self.backend = f"{net}.0.1", f"{net}.1.1", f"{net}.0.9", f"{net}.2.1"
        self.config = self.folder / "ops.yaml"
        self.config.write_text(edit(CONFIG.format(folder=folder, dns=self.dns, edge=self.edge, scraper=self.scraper, backend=self.backend)))
        self.key = self.folder / "admin.key"
        self.key.write_text(KEY + "\n")
        self.key.chmod(0o640)
        (self.folder / "ops.zone").write_text("$TTL 60\n@ SOA ns host 1 2h 15m 2w 5m\n@ NS ns\nns A 192.0.2.53\n")
        (self.folder / "state").mkdir()
        self.processes = {}
        self.environment = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
        self.lease.release()

    def arguments(self, who):
        program = [meridian.binaries() / f"meridian-{who}", "--config", self.config]
        return program + (["--region", "eu"] if who == "edge" else [])

    def start(self, *who):
        for one in who or ("edge", "dns"):
            self.processes[one] = meridian.Process(self.arguments(one), self.folder / f"{one}.log", environment=self.environment)
            self.ready(one, self.processes[one].running)
        return self

    def ready(self, who, running):
        meridian.wait_until(lambda: not running() or self.post(who, "/healthz", "GET")[0] == 200, f"{who} serves")
        assert running(), who

    def log(self, who):
        return (self.folder / f"{who}.log").read_text()

    def socket_path(self, who):
        return self.folder / "state" / ("dns" if who == "dns" else f"edge-{self.edge}") / "admin.sock"

    def server(self, who):
        return f"unix:{self.socket_path(who)}"

    def tcp(self, who):
        return (self.dns, 9053) if who == "dns" else (self.edge, 9080)

    def post(self, who, target, method="POST"):
        return meridian.ask_socket(self.socket_path(who), target, method)

    def status(self, who):
        return json.loads(self.post(who, "/status", "GET")[1])

    def get(self, path, **headers):
        return meridian.http_get(self.edge, 8080, path, {"Host": "www.ops.example", **headers})

    def access(self):
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Shared by tests that change nothing for good."""
    with Site(tmp_path_factory.mktemp("ops")) as running:
        yield running.start()


@pytest.fixture
def own_site(tmp_path):
    with Site(tmp_path) as idle:
        yield idle


def full_pipe():
    """A small pipe in which nothing has room: (its reading end, its writing end)."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"." * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    return reading, writing


# -- logs

@pytest.mark.parametrize("who", ("edge", "dns"))
def test_a_full_standard_error_holds_nobody(own_site, who):
    reading, writing = full_pipe()
    process = meridian.Process(own_site.arguments(who), own_site.folder / f"{who}.log", error=writing)
    try:
        own_site.ready(who, process.running)
        for number in range(100):
            if who == "edge":
                assert own_site.get(f"/raw?{number}")[0] in (502, 503)
            else:
                assert own_site.post("dns", f"/drain?target=eu&reason={'x' * 200}{number}")[0] == 200
        for _ in range(100):
            assert own_site.post(who, "/reload")[0] == 200
        metrics = own_site.post(who, "/metrics", "GET")[1]
        assert f"meridian_{who}_log_dropped_total" in metrics
        process.signal(signal.SIGTERM)
        assert process.wait(120) == 0
    finally:
        process.kill()
        os.close(reading)
        os.close(writing)


def test_an_access_log_without_a_reader_or_with_one_that_stops_holds_nobody(own_site):
    fifo = own_site.folder / "access.log"
    os.mkfifo(fifo)
    own_site.start("edge")  # nobody reads
    assert own_site.get("/first")[0] == 200
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    text = b""

    def read():
        nonlocal text
        try:
            text += os.read(reader, 65536)
        except BlockingIOError:
            pass
        return b'"path":"/first"' in text
    meridian.wait_until(read, "the reader that comes late gets what was kept")
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    for number in range(50):  # more than it takes
        assert own_site.get(f"/{number}?{'x' * 500}")[0] == 200
    for _ in range(3):
        assert own_site.post("edge", "/reload")[0] == 200
        assert own_site.post("edge", "/healthz", "GET")[0] == 200
    own_site.processes["edge"].signal(signal.SIGUSR1)
    assert own_site.get("/last")[0] == 200
    assert own_site.processes["edge"].stop() == 0
    os.close(reader)


def test_logs_are_rotated_whatever_the_configuration_looks_like(own_site):
    own_site.start()
    log, old = own_site.folder / "access.log", own_site.folder / "access.log.1"
    assert own_site.get("/one")[0] == 200
    meridian.wait_until(lambda: "/one" in log.read_text(), "the first line is written")
    own_site.config.write_text(own_site.config.read_text() + "nonsense: true\n")
    assert own_site.post("edge", "/reload")[0] == 422
    os.rename(log, old)
    own_site.processes["edge"].signal(signal.SIGUSR1)
    meridian.wait_until(log.exists, "SIGUSR1 has it opened again")
    assert own_site.get("/two")[0] == 200
    meridian.wait_until(lambda: "/two" in log.read_text(), "the second line is in the new file")
    os.rename(log, own_site.folder / "access.log.2")
    assert "reopened" in command("logs", "reopen", "--server", own_site.server("edge"))
    meridian.wait_until(log.exists, "so has the command")
    assert "/one" in old.read_text() and "/two" not in old.read_text()
    own_site.processes["dns"].signal(signal.SIGUSR1)  # has no file, and does not die of it
    meridian.wait_until(lambda: "event=logs_reopened" in own_site.log("dns"), "the DNS node has heard it")
    assert "nothing to reopen" in command("logs", "reopen", "--server", own_site.server("dns"))


def test_the_access_log_holds_what_is_asked_for_and_no_probes(site):
    fields = {"User-Agent": 'an "agent"', "Referer": "http://elsewhere/", "X-Tenant": "t7"}
    assert site.get("/page?q=1&r=2", **fields)[0] == 200
    lines = meridian.wait_until(lambda: [line for line in site.access() if line["path"] == "/page"], "the line is written")
    assert [lines[0].get(key) for key in ("query", "user_agent", "referer", "x_tenant")] == ["q=1&r=2", 'an "agent"', "http://elsewhere/", "t7"]
    assert site.get("/.meridian/health")[0] in (200, 503)
    assert site.get("/after")[0] == 200
    meridian.wait_until(lambda: any(line["path"] == "/after" for line in site.access()), "the line is written")
    assert not [line for line in site.access() if line["path"].startswith("/.meridian")]


def test_no_process_repeats_the_request_ids_of_another(own_site):
    """Their keys are drawn at the start: whoever knows the ids of one process knows nothing of the next one's."""
    for start in range(3):
        own_site.start("edge")
        for number in range(5):
            assert own_site.get(f"/raw?{start}-{number}")[0] in (502, 503)
        assert own_site.processes["edge"].stop() == 0
    ids = [line["request_id"] for line in own_site.access()]
    assert len(ids) == 15 and len({half for one in ids for half in (one[:16], one[16:])}) == 30


# -- drains

def test_a_drain_says_whom_it_means(own_site):
    own_site.start()
    edge, dns = own_site.server("edge"), own_site.server("dns")
    name = f"{own_site.backend}:9000"
    for wrong in ("/drain", "/undrain", "/drain?pool=web", f"/drain?server={name}", f"/drain?target={name}", "/drain?scope=all",
                  f"/drain?scope=edge&pool=web&server={name}", f"/drain?pool=web&server={name}&raeson=x", "/drain?scope=edge&expires=soon"):
        status, text = own_site.post("edge", wrong)
        assert status == 400, (wrong, text)
    assert "override" not in own_site.status("edge")
    assert "at that edge" in own_site.post("dns", "/drain?target=eu&pool=web")[1]
    # As it was told in a report: the server's address without its pool, at an edge.
    assert "target: unknown here" in command("drain", name, "--server", edge, "--reason", "bad disk", status=1)
    assert "override" not in own_site.status("edge")
    for wrong in (("drain",), ("drain", "--pool", "web"), ("drain", "eu", "--edge"), ("drain", "--edge", "--state", "down"), ("undrain",)):
        command(*wrong, "--server", edge, status=2)
    assert "drains" in command("drain", name, "--pool", "web", "--server", edge, "--reason", "bad disk", "--expires", "2h")
    server = own_site.status("edge")["pools"][0]["servers"][0]
    assert server["override"]["reason"] == "bad disk" and server["override"]["since"].endswith("Z")
    assert 0 < server["override"]["expires_in_seconds"] <= 7200
    command("drain", "--edge", "--server", edge, "--reason", "kernel", "--expires", "1h")
    assert own_site.status("edge")["override"]["reason"] == "kernel" and own_site.status("edge")["state"] == "draining"
    assert own_site.processes["edge"].stop() == 0
    own_site.start("edge")
    assert own_site.status("edge")["override"]["reason"] == "kernel", "it survives a restart"
    meridian.wait_until(lambda: "state=draining" in own_site.log("dns"), "the DNS node's log tells it")
    command("undrain", "--edge", "--server", edge)
    command("undrain", name, "--pool", "web", "--server", edge)
    assert "override" not in own_site.status("edge") and "override" not in own_site.status("edge")["pools"][0]["servers"][0]
    command("drain", "--edge", "--server", edge, "--expires", "1s")
    meridian.wait_until(lambda: "override" not in own_site.status("edge"), "the word ends by itself")
    assert "unknown here" in command("reload", "--overrides", "--server", edge, status=1)
    assert "is drained" in command("drain", "eu", "--server", dns)


# -- the admin port

def test_changes_want_the_socket_or_the_key(site, tmp_path):
    for who in ("edge", "dns"):
        mode = site.socket_path(who).stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
        host, port = site.tcp(who)
        assert meridian.http_get(host, port, "/status")[0] == 200
        for headers in ({}, {"Authorization": "Bearer " + KEY[:-1]}):
            assert meridian.http_get(host, port, "/reload", headers, method="POST")[0] == 403
        assert meridian.http_get(host, port, "/reload", {"Authorization": f"Bearer {KEY}"}, method="POST")[0] == 200
        assert "need the key" in command("reload", "--server", f"{host}:{port}", status=1)
        assert "reloaded" in command("reload", "--server", f"{host}:{port}", "--key", site.key)
    site.key.chmod(0o644)
    assert "everybody can read" in command("check", site.config)
    site.key.chmod(0o640)
    assert "everybody" not in command("check", site.config)
    short = tmp_path / "short.yaml"
    short.write_text(site.config.read_text().replace("key: admin.key", "key: short.key").replace("ops.zone", str(site.folder / "ops.zone")))
    (tmp_path / "short.key").write_text("short\n")
    assert "at least 16" in command("check", short, status=2)


@pytest.mark.parametrize("who", ("edge", "dns"))
def test_slow_admin_connections_do_not_lock_the_operator_out(site, who):
    held = []
    try:
        for where in (site.tcp(who), site.socket_path(who)):
            for _ in range(100):
                connection = socket.socket(socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX)
                connection.connect(where if isinstance(where, tuple) else str(where))
                connection.sendall(b"GET /sta")
                held.append(connection)
        for _ in range(5):
            assert meridian.http_get(*site.tcp(who), "/healthz")[0] == 200
            assert site.post(who, "/healthz", "GET")[0] == 200
    finally:
        for connection in held:
            connection.close()


def test_an_edge_without_descriptors_answers_its_operator(own_site):
    arguments = ["prlimit", "--nofile=80:80", *map(str, own_site.arguments("edge"))]
    own_site.processes["edge"] = meridian.Process(arguments, own_site.folder / "edge.log")
    own_site.ready("edge", own_site.processes["edge"].running)
    held = []
    try:
        for _ in range(300):
            connection = socket.socket()
            connection.connect(own_site.tcp("edge"))
            connection.sendall(b"GET /sta")
            held.append(connection)
        for _ in range(10):
            assert meridian.http_get(*own_site.tcp("edge"), "/healthz")[0] == 200
            assert own_site.post("edge", "/healthz", "GET")[0] == 200
    finally:
        for connection in held:
            connection.close()


def test_commands_find_the_servers_of_a_configuration(site):
    for text in (command("status", site.config), command("status", "--server", site.server("dns"), "--server", site.server("edge"))):
        assert site.server("dns") in text and site.server("edge") in text
        assert "meridian-dns" in text and "ops eu" in text
    assert command("reload", site.config).count("reloaded") == 2
    nobody = f"unix:{site.folder}/none.sock"
    text = command("status", "--server", nobody, "--server", site.server("edge"), status=1)
    assert "ops eu" in text and nobody in text
    assert "route" in command("explain", site.config, "--host", "www.ops.example", "--path", "/raw")


def test_status_gives_up_on_a_frozen_process(own_site):
    own_site.start("dns")
    own_site.processes["dns"].signal(signal.SIGSTOP)
    try:
        assert "no answer within 3s" in command("status", "--server", own_site.server("dns"), status=1)
    finally:
        own_site.processes["dns"].signal(signal.SIGCONT)


def test_metrics_are_shown_to_whom_they_may_be_and_nothing_else(site):
    for host, who in ((site.edge, "edge"), (site.dns, "dns")):
        def ask(source, path="/metrics", method="GET"):
            connection = meridian.http.client.HTTPConnection(host, 9100, timeout=60, source_address=(source, 0))
            try:
                connection.request(method, path, headers={"Host": "node7.example:9100"})
                response = connection.getresponse()
                return response.status, response.read().decode()
            finally:
                connection.close()
        status, text = ask(site.scraper)
        assert status == 200 and f"meridian_{who}_build_info" in text
        assert ask(site.scraper, "/status")[0] == 404 and ask(site.scraper, "/reload", "POST")[0] == 403
        with pytest.raises((OSError, meridian.http.client.HTTPException)):
            ask(site.backend)


# -- what both say of themselves

def test_both_servers_tell_the_same_of_themselves_under_the_same_names(own_site):
    own_site.start()
    hashes = set()
    for who in ("edge", "dns"):
        status = own_site.status(who)
        assert {"program", "version", "service", "config", "config_hash", "started", "configured", "generation", "reloads_done", "reloads_refused"} <= set(status)
        hashes.add(status["config_hash"])
        assert own_site.post(who, "/reload")[0] == 200
    assert len(hashes) == 1, "two nodes with one file say so"
    text = own_site.config.read_text()
    own_site.config.write_text(text + "nonsense: 1\n")
    for who in ("edge", "dns"):
        assert own_site.post(who, "/reload")[0] == 422
        metrics = own_site.post(who, "/metrics", "GET")[1]
        for name in ('build_info{version="', "start_time_seconds ", 'config_info{hash="', "configured_time_seconds ",
                     'reloads_total{outcome="done"} 1\n', 'reloads_total{outcome="refused"} 1\n'):
            assert f"meridian_{who}_{name}" in metrics
        for event in ("event=started", "event=reloaded", "event=config_error", "event=reload_refused", "level=debug"):
            assert event in own_site.log(who), (who, event)
    own_site.config.write_text(text.replace("retry: {attempts: 1}", "retry: {attempts: 2}"))
    assert own_site.post("edge", "/reload")[0] == 200 and own_site.status("edge")["config_hash"] not in hashes


def test_the_reason_of_an_edges_503_is_told_everywhere(site):
    words = "critical pool web is empty"
    meridian.wait_until(lambda: words in site.log("edge"), "the edge's log")
    meridian.wait_until(lambda: words in site.log("dns"), "the DNS node's log")
    assert words in json.dumps(site.status("dns")["regions"])
    assert words in command("explain", "--server", site.server("dns"), "--name", "www.ops.example")


def test_a_request_is_explained_by_the_edge_that_would_serve_it(site):
    edge = site.server("edge")
    text = command("explain", "--server", edge, "--host", "www.ops.example", "--path", "/raw/x?y=1", "--header", "Accept: text/plain", "--client", "192.0.2.7")
    assert "192.0.2.7" in text and "pool raw" in text and f"{site.backend}:9000" in text
    assert "whose servers are all down, as checked, and are tried all the same" in command("explain", "--server", edge, "--host", "www.ops.example", "--path", "/web")
    assert "--name" in command("explain", "--server", edge, status=2)
    command("explain", "--server", edge, "--host", "www.ops.example", "--header", "no colon", status=1)
