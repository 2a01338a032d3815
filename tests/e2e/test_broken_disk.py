"""Disks that are full, fail or hang under a server's state directory and logs: it goes on serving, says so, ends when it is told to,
and catches up when the disk is well again. tests/support/broken_disk.c plays the disk."""
import json
import os
import resource
import signal

import meridian
import pytest
from broken_disk import BrokenDisk
from meridian import wait_until
from test_operations import Site, command

KINDS = ("full", "fails", "hangs")


class BrokenSite(Site):
    """Both servers on a disk that can break, and their one backend, which is away at first."""

    def __init__(self, folder):
        super().__init__(folder)
        self.disk = BrokenDisk(folder)
        self.environment = self.disk.environment()

    def start_backend(self):
        self.processes["backend"] = meridian.Process([meridian.binaries() / "meridian-test-backend", f"{self.backend}:9000=b,web,eu"], self.folder / "backend.log")
        self.processes["backend"].wait_ready("the backend")

    def serves(self):
        """Queries, requests, each page of the admin port, a reload."""
        message = meridian.dns.message.make_query("www.ops.example", "A")
        assert meridian.dns.query.udp(message, self.dns, port=5300, timeout=30).answer
        assert meridian.dns.query.tcp(message, self.dns, port=5300, timeout=30).answer
        assert self.get("/here")[0] == 200
        for who in ("edge", "dns"):
            for page in ("/healthz", "/status", "/metrics"):
                assert self.post(who, page, "GET")[0] == 200, (who, page)
            assert self.post(who, "/reload")[0] == 200, who

    def region(self):
        return self.status("dns")["regions"][0]["state"]

    def problem(self, who):
        return self.status(who).get("state_problem", "")

    def metric(self, who, name):
        return next(float(line.split()[1]) for line in self.post(who, "/metrics", "GET")[1].splitlines() if line.startswith(f"meridian_{who}_{name} "))


@pytest.fixture
def site(tmp_path):
    with BrokenSite(tmp_path) as made:
        yield made.start()


def say_words(site):
    """A word to each server that it has to remember."""
    name = f"{site.backend}:9000"
    assert site.post("edge", f"/drain?pool=raw&server={name}&reason=bad+disk")[0] == 200
    status, text = site.post("dns", "/drain?target=eu&state=up&reason=bad+disk")
    assert status == 500 and "by your word, but only until this process ends" in text, (status, text)


@pytest.mark.parametrize("kind", KINDS)
def test_servers_go_on_without_their_state_directory_and_catch_up(site, kind):
    site.disk.breaks(kind, site.folder / "state")
    say_words(site)
    site.serves()
    site.start_backend()
    wait_until(lambda: site.region() == "up" and site.status("edge")["pools"][0]["servers"][0]["health"] == "up", "checks and probes go on")
    for who in ("edge", "dns"):
        wait_until(lambda: site.problem(who), f"{who} says so")
        assert site.metric(who, "state_unwritten") == 1
        event = "event=state_hangs" if kind == "hangs" else "event=state_unwritten"
        assert event in site.log(who), who
    assert site.disk.was_met() > 0
    with site.config.open("a") as file:
        file.write("# written while the disk was broken\n")
    site.serves()
    site.disk.mends()
    for who, file in (("edge", f"edge-{site.edge}/operator.json"), ("dns", "dns/overrides.json")):
        wait_until(lambda: not site.problem(who), f"{who} has caught up")
        wait_until(lambda: "bad disk" in (site.folder / "state" / file).read_text(), f"{file} is written")
        assert site.metric(who, "state_unwritten") == 0
        assert ("event=state_hangs_no_more" if kind == "hangs" else "event=state_written") in site.log(who)
    for folder in (f"edge-{site.edge}", "dns"):
        copies = site.folder / "state" / folder
        wait_until(lambda: any(b"while the disk was broken" in pack.read_bytes() for pack in copies.glob("last-good.*")), f"{folder}: the copy, too")
    wait_until(lambda: not list((site.folder / "state").rglob(".*.new.*")), "no draft is left")  # one may be under way
    for who in ("edge", "dns"):
        site.processes[who].stop()
        site.start(who)
    assert site.status("edge")["pools"][1]["servers"][0]["override"]["reason"] == "bad disk"
    assert "bad disk" in json.dumps(site.status("dns")["regions"])


@pytest.mark.parametrize("kind", KINDS)
def test_servers_end_without_their_state_directory(site, kind):
    site.disk.breaks(kind, site.folder / "state")
    say_words(site)
    for who in ("edge", "dns"):
        site.processes[who].signal(signal.SIGTERM)
    for who in ("edge", "dns"):
        assert site.processes[who].wait(60) == 0, site.log(who)


@pytest.mark.parametrize("kind", KINDS)
def test_an_access_log_on_a_broken_disk_holds_nobody_and_no_line_is_torn(site, kind):
    log = site.folder / "access.log"
    assert site.get("/before")[0] == 200
    wait_until(lambda: "/before" in log.read_text(), "it is written")
    site.disk.breaks(kind, log, room=1000)  # two lines and a part of one
    for number in range(20):
        assert site.get(f"/while-{number}")[0] == 200
    wait_until(lambda: site.disk.was_met() > 0, "the log has met it")
    site.serves()
    if kind != "hangs":
        wait_until(lambda: "event=access_log_not_written" in site.log("edge"), "the log says so")
    site.disk.mends()
    wait_until(lambda: "/while-19" in log.read_text(), "it has caught up")
    assert [line["path"] for line in site.access() if line["path"].startswith("/while")] == [f"/while-{number}" for number in range(20)]


@pytest.mark.parametrize("kind", ("full", "fails"))
def test_a_line_torn_by_a_full_disk_spoils_no_file_over_a_rotation(site, kind):
    log = site.folder / "access.log"
    site.disk.breaks(kind, log, room=700)
    for number in range(10):
        assert site.get(f"/while-{number}")[0] == 200
    wait_until(lambda: "event=access_log_not_written" in site.log("edge"), "the disk is full")
    os.rename(log, site.folder / "moved")
    site.disk.mends()
    assert "reopened" in command("logs", "reopen", "--server", site.server("edge"))
    assert site.get("/after")[0] == 200
    wait_until(lambda: log.exists() and "/after" in log.read_text(), "the new file is written")
    old, new = (site.folder / "moved").read_text().splitlines(), log.read_text().splitlines()
    for line in new:
        json.loads(line)
    for line in old[:-1]:
        json.loads(line)
    seen = {json.loads(line)["path"] for line in [*old[:-1], *new]}
    assert len({f"/while-{number}" for number in range(10)} - seen) <= 1, "the torn line at most"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", ("edge", "dns"))
def test_a_servers_own_log_on_a_broken_disk_holds_nobody(site, who, kind):
    log = site.folder / f"{who}.log"
    site.disk.breaks(kind, log, room=150)
    for _ in range(5):
        assert site.post(who, "/reload")[0] == 200
    wait_until(lambda: site.disk.was_met() > 0, "the log has met it")
    site.serves()
    if kind != "hangs":
        wait_until(lambda: site.metric(who, "log_dropped_total") > 0, "dropped lines are counted")
    site.disk.mends()
    before = site.log(who).count("event=reloaded")
    assert site.post(who, "/reload")[0] == 200
    wait_until(lambda: site.log(who).count("event=reloaded") > before, "it logs again")
    assert all(line.count("event=") <= 1 for line in site.log(who).splitlines()), "no line begins inside another"


@pytest.mark.parametrize("who", ("edge", "dns"))
def test_a_file_that_may_not_grow_ends_no_server(tmp_path, who):
    """RLIMIT_FSIZE sends a signal that ends a process which does not expect it."""
    with Site(tmp_path) as site:
        site.start(who)
        hard = resource.prlimit(site.processes[who].pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(site.processes[who].pid, resource.RLIMIT_FSIZE, ((site.folder / f"{who}.log").stat().st_size, hard))
        for _ in range(3):
            assert site.post(who, "/reload")[0] == 200
        assert site.processes[who].running()
