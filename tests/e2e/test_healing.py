"""One of three servers fails under load: what clients see. docs/failures.md has the table that these tests hold."""
import http.client
import json
import os
import signal
import subprocess
import threading

import pytest

import meridian

PATTERN = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.\n"
BREAKER = "breaker: {failures: 5, open: 300ms, max_open: 600ms}"


def filler(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


class Farm:
    """One edge with two workers before three servers, each a process of its own."""

    def __init__(self, directory, pool=BREAKER, edge="timeout: {connect: 20s, read: 20s}", delay="2ms"):
        self.lease, self.directory, self.delay = meridian.Lease(), directory, delay
        self.host = f"127.{self.lease.number}.1.1"
        self.servers = [f"127.{self.lease.number}.1.{11 + n}" for n in range(3)]
        self.backends = [None] * 3
        self.log = directory / "access.log"
        config = directory / "farm.yaml"
        config.write_text(f"""
service: farm
state_directory: {directory}/state
regions: {{eu: {{edges: [{self.host}]}}}}
admin: {{edge: ["{{edge}}:9080"]}}
edge:
  listen: [{{address: "{{edge}}:8080"}}]
  workers: 2
  access_log: {self.log}
  {edge}
  pools:
    web:
      servers: {json.dumps([s + ":9000" for s in self.servers])}
      {pool}
  routes: [{{path: /, pool: web}}]
""")
        (directory / "state").mkdir()
        for n in range(3):
            self.start(n)
        self.process = meridian.Process([meridian.binaries() / "meridian-edge", "--config", config, "--region", "eu"], directory / "edge.log")
        meridian.wait_until(lambda: not self.process.running() or self.get("/")[0] == 200, "the edge answers")
        assert self.process.running(), self.process.text()

    def start(self, n):
        arguments = [meridian.binaries() / "meridian-test-backend", "--delay", self.delay, f"{self.servers[n]}:9000=s{n},web,eu"]
        self.backends[n] = meridian.Process(arguments, self.directory / f"s{n}.{os.urandom(2).hex()}.log")
        self.backends[n].wait_ready(f"server {n}")

    def fail(self, n, mode="ok", more=""):
        status, _, body = meridian.http_get(self.servers[n], 9000, f"/fail?mode={mode}{more}", method="POST")
        assert status == 200, body

    def served(self, n):
        return json.loads(meridian.http_get(self.servers[n], 9000, "/stats")[2])[0]["served"]

    def get(self, path, **options):
        return meridian.http_get(self.host, 8080, path, {"Host": "farm.example"}, **options)

    def admin(self, path):
        return meridian.http_get(self.host, 9080, path)[2].decode()

    def pool(self):
        return json.loads(self.admin("/status"))["pools"][0]

    def server(self, n):
        return self.pool()["servers"][n]

    def metric(self, name, n=None):
        label = f'server="{self.servers[n]}:9000"' if n is not None else ""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.admin("/metrics").splitlines()
                   if line.startswith((name + "{", name + " ")) and label in line)

    def logs(self, *words):
        """The access log gets to say all of these; a thread of its own writes it, ten times a second."""
        meridian.wait_until(lambda: all(word in self.log.read_text() for word in words), f"the access log says {words}")

    def failures(self, n):
        return self.metric("meridian_edge_server_failures_total", n)

    def close(self):
        for process in [self.process, *self.backends]:
            process.kill()
        self.lease.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Load:
    """Clients that keep their connection, each checking every byte of every answer."""

    def __init__(self, farm, method="GET", body=None, size=3000, clients=12, tolerate=()):
        self.farm, self.method, self.body, self.size, self.tolerate = farm, method, body, size, tolerate
        self.good, self.wrong, self.seen = 0, [], []
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def one(self, connection):
        connection.request(self.method, f"/x?bytes={self.size}", body=self.body, headers={"Host": "farm.example"})
        response = connection.getresponse()
        try:
            data = response.read()
        except http.client.IncompleteRead as cut:
            assert filler(self.size).startswith(cut.partial), "the beginning is another answer's"
            return "cut"
        if response.status != 200:
            return response.status
        return "good" if data == filler(self.size) else f"wrong body of {len(data)}"

    def run(self):
        connection = http.client.HTTPConnection(self.farm.host, 8080, timeout=30)
        while not self.stopping.is_set():
            try:
                seen = self.one(connection)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                seen = repr(error)
            with self.lock:
                if seen == "good":
                    self.good += 1
                else:
                    (self.seen if seen in self.tolerate else self.wrong).append(seen)
            if seen != "good":
                connection.close()
        connection.close()

    def more(self, count):
        """Waits for so many more good answers."""
        target = self.good + count
        meridian.wait_until(lambda: self.good >= target, f"{count} more good answers", timeout=90)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.more(60)
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if kind is None:
            assert self.wrong == [], self.wrong[:5]


@pytest.fixture
def farm(tmp_path):
    with Farm(tmp_path) as running:
        yield running


@pytest.mark.parametrize("mode", ["close", "reset", "cut_head", "garbage"])
def test_fault_hidden(farm, mode):
    with Load(farm) as load:
        farm.fail(1, mode)
        meridian.wait_until(lambda: farm.failures(1) >= 5, "requests have failed there")
        load.more(150)
        farm.fail(1, "ok")
        before = farm.served(1)
        meridian.wait_until(lambda: farm.served(1) > before + 10, "it is used again")
    assert farm.metric("meridian_edge_pool_retries_total") >= 5
    assert farm.server(1)["breaker_opened"] >= 1


def test_killed_in_flight(farm):
    with Load(farm) as load:
        farm.backends[1].kill()
        load.more(200)
        farm.start(1)
        meridian.wait_until(lambda: farm.served(1) > 10, "it is used again")
    assert farm.server(0)["failures"] == farm.server(2)["failures"] == 0


def test_refused(farm):
    farm.backends[2].kill()
    with Load(farm, method="POST", body=b"x" * 100) as load:
        load.more(100)


def test_frozen(tmp_path):
    with Farm(tmp_path, edge="timeout: {connect: 2s, try: 700ms, read: 20s}") as farm, Load(farm) as load:
        farm.backends[1].signal(signal.SIGSTOP)
        meridian.wait_until(lambda: farm.server(1)["breaker_opened"] >= 1, "its breaker opens")
        load.more(150)
        farm.backends[1].signal(signal.SIGCONT)
        before = farm.served(1)
        meridian.wait_until(lambda: farm.served(1) > before + 10, "it is used again")


def test_cut_body_is_visible(farm):
    with Load(farm, size=5000, tolerate=("cut",)) as load:
        farm.fail(1, "cut_body")
        meridian.wait_until(lambda: len(load.seen) >= 3, "clients have seen cut answers")
        load.more(100)
    farm.logs('"end":"x"', "upstream closed inside the response body")


def test_post_is_never_doubled(farm):
    """What a server may have seen is not sent again: each good answer is one request served, and no more."""
    before = sum(farm.served(n) for n in range(3))
    with Load(farm, method="POST", body=b"order", tolerate=(502,)) as load:
        farm.fail(1, "close")
        meridian.wait_until(lambda: len(load.seen) >= 3, "clients have been told")
        load.more(100)
        farm.fail(1, "ok")
    assert sum(farm.served(n) for n in range(3)) == before + load.good


def test_put_is_repeated_while_its_body_is_kept(farm):
    with Load(farm, method="PUT", body=b"y" * 10000) as load:
        farm.fail(1, "close")
        meridian.wait_until(lambda: farm.failures(1) >= 5, "requests have failed there")
        load.more(60)
        farm.fail(1, "ok")
    with Load(farm, method="PUT", body=b"y" * 60000, tolerate=(502,)) as load:
        farm.fail(1, "close")
        meridian.wait_until(lambda: len(load.seen) >= 2, "too large to keep: clients have been told")
        load.more(60)


def test_budget_bounds_retries(tmp_path):
    """All servers fail: ten seconds' worth of the least rate, and a share of the requests; then failures are passed on."""
    with Farm(tmp_path, pool="retry: {budget: 10%, min_rate: 1}") as farm:
        for n in range(3):
            farm.fail(n, "close")
        connection = http.client.HTTPConnection(farm.host, 8080, timeout=30)
        for _ in range(200):
            connection.request("GET", "/", headers={"Host": "farm.example"})
            response = connection.getresponse()
            assert response.status == 502
            response.read()
        pool = farm.pool()
        assert pool["retries"] < 200 and pool["retries_refused"] > 50


def test_breaker_in_shadow_mode_looks_on(tmp_path):
    with Farm(tmp_path, pool="breaker: {failures: 5, open: 60s, mode: shadow}") as farm:
        with Load(farm, tolerate=(502,)) as load:
            farm.fail(1, "close")
            meridian.wait_until(lambda: farm.metric("meridian_edge_server_breaker_shadowed_total", 1) >= 5, "it would have kept requests away")
            assert farm.server(1)["breaker"] == "open" and farm.server(1)["state"] == "up"
            load.more(20)


def test_ejected_for_its_error_rate(tmp_path):
    pool = "ejection: {consecutive: 0, min_requests: 10, window: 3s, time: 1s}, bad_statuses: [500-599]".replace(", bad", "\n      bad")
    with Farm(tmp_path, pool=pool) as farm, Load(farm, tolerate=(500,)) as load:
        farm.fail(1, "500")
        meridian.wait_until(lambda: farm.server(1)["state"] == "ejected", "it is ejected")
        load.more(50)
        farm.fail(1, "ok")
        meridian.wait_until(lambda: farm.server(1)["state"] == "up", "it comes back")
    log = farm.process.text()
    assert "event=server_ejected" in log and "event=server_readmitted" in log


def test_degraded_by_numbers_and_several_levels(tmp_path):
    pool = """health:
        - {name: live, kind: tcp, interval: 1s, timeout: 1s}
        - {name: deep, path: /health, interval: 1s, timeout: 1s, fall: 2, degraded_when: {cpu_usage: "> 90"}, unhealthy_when: {memory_usage: "> 95"}}"""
    with Farm(tmp_path, pool=pool) as farm, Load(farm, clients=4) as load:
        meridian.wait_until(lambda: farm.server(1)["health"] == "up", "it is up")
        farm.fail(1, "ok", "&cpu=95")
        meridian.wait_until(lambda: farm.server(1)["state"] == "degraded", "it is degraded")
        meridian.wait_until(lambda: farm.server(1)["reason"] == "cpu_usage is 95 (cpu_usage > 90)", "it says why")
        before = farm.served(1)
        meridian.wait_until(lambda: farm.served(1) > before, "it is still used")
        farm.fail(1, "ok", "&memory=97")
        meridian.wait_until(lambda: farm.server(1)["state"] == "down", "it is down")
        farm.fail(1, "ok", "&memory=10&cpu=10")
        meridian.wait_until(lambda: farm.server(1)["state"] == "up", "it is up again")
        load.more(20)
    assert 'check=deep' in farm.process.text()


def test_panic_uses_all(tmp_path):
    pool = "panic: 50%\n      health: {path: /health, interval: 1s, timeout: 1s, fall: 2}"
    with Farm(tmp_path, pool=pool) as farm, Load(farm, clients=4) as load:
        farm.fail(0, "sick")
        meridian.wait_until(lambda: farm.server(0)["state"] == "down", "it is down")
        assert not farm.pool()["panic"], "two of three are enough"
        farm.fail(1, "sick")
        meridian.wait_until(lambda: farm.pool()["panic"], "the pool is in panic")
        before = farm.served(0)
        load.more(30)
        assert farm.served(0) > before


def test_hedge_hides_a_slow_server(tmp_path):
    pool = "retry: {budget: 100%, hedge: {mode: enforce, quantile: 60%, min_delay: 20ms}}"
    with Farm(tmp_path, pool=pool, edge="timeout: {read: 60s}") as farm, Load(farm, clients=6) as load:
        load.more(600)  # each worker learns how long answers take before it hedges
        farm.fail(1, "ok", "&delay=5s")
        meridian.wait_until(lambda: farm.metric("meridian_edge_pool_hedges_won_total") >= 10, "hedges have won")
        load.more(100)
        farm.fail(1, "ok", "&delay=2ms")
        farm.logs('"hedged":true')


def test_status_is_a_table(farm):
    farm.backends[1].kill()
    for _ in range(9):
        assert farm.get("/")[0] == 200
    shown = subprocess.run([meridian.binaries() / "meridian", "status", "--server", f"{farm.host}:9080"], capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("farm eu") and lines[2].split()[:3] == ["POOL", "SERVER", "STATE"]
    assert [line.split()[1] for line in lines[3:6]] == [s + ":9000" for s in farm.servers]
    live = subprocess.Popen([meridian.binaries() / "meridian", "status", "--watch", "--server", f"{farm.host}:9080"], stdout=subprocess.PIPE)
    drawn = b""
    while drawn.count(b"POOL") < 2:
        drawn += os.read(live.stdout.fileno(), 65536)
    live.kill()
    live.wait()


def test_access_log_tells_phases_and_ending(farm):
    assert farm.get("/x?bytes=10")[0] == 200
    assert farm.get("/x", method="DELETE")[0] == 200
    records = meridian.wait_until(lambda: [json.loads(line) for line in farm.log.read_text().splitlines() if '"path":"/x"' in line][1:] and
                                  [json.loads(line) for line in farm.log.read_text().splitlines()], "the lines are written")
    for record in records:
        assert record["end"] == "-" and record["attempts"] == 1
        assert 0 < record["head_us"] + 1 <= record["picked_us"] + 1 <= record["connected_us"] + 1 <= record["first_byte_us"] + 1 <= record["total_us"] + 1
