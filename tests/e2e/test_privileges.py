"""Started by root with `user`, a server keeps one capability and a filter of system calls, and can still do its work."""
import os
import pathlib
import re
import shutil
import threading

import pytest

import meridian
from meridian import wait_until

BIND_SERVICE = "0000000000000400"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def confined_shop(tmp_path):
    def as_nobody(text):
        """With a geo database that he can read: the checkout may stand in a home that is its owner's alone."""
        database = shutil.copy(meridian.geo_database("city.mmdb"), tmp_path)
        text = text.replace(str(meridian.geo_database("city.mmdb")), str(database))
        return text.replace("service: shop\n", "service: shop\nuser: nobody\n", 1)

    with meridian.Shop(tmp_path, edit=as_nobody) as running:
        for folder in (tmp_path, *tmp_path.parents):  # pytest's folders are root's alone
            if folder.stat().st_mode & 0o005 != 0o005:
                folder.chmod(folder.stat().st_mode | 0o055)
        shutil.chown(running.ca.parent / "site.key", "nobody")  # a key is its user's alone
        yield running.start()


def fields(path):
    return dict(re.findall(r"^(\w+):\s+(.*)$", pathlib.Path(path).read_text(), re.MULTILINE))


def test_every_thread_has_given_up_what_it_does_not_need(confined_shop):
    shop = confined_shop
    for who in ("dns", "eu"):
        process = shop.processes[who]
        threads = list(pathlib.Path(f"/proc/{process.pid}/task").iterdir())
        assert len(threads) >= 3
        for thread in threads:
            status = fields(thread / "status")
            assert status["Uid"].split() == ["65534"] * 4, status
            assert "65534" in status["Gid"] and not {"0"} & set(status["Groups"].split()), status
            assert status["CapEff"] == status["CapPrm"] == status["CapBnd"] == BIND_SERVICE, status
            assert status["CapInh"] == status["CapAmb"] == "0" * 16, status
            assert status["NoNewPrivs"] == "1", status
            if not meridian.SANITIZED:
                assert status["Seccomp"] == "2", status


def scheduling(process):
    """The niceness and the policy of each thread, by name."""
    threads = {}
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        try:
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        threads[name] = int(rest.split()[16]), int(rest.split()[38])
    return threads


def test_the_builder_leaves_the_core_to_the_workers(confined_shop):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for who in ("dns", "eu"):
        threads = scheduling(confined_shop.processes[who])
        for polite in ("builder", "state"):
            assert threads.pop(polite) == (min(own + 10, 19), os.SCHED_OTHER), (polite, threads)
        assert len(threads) >= 2 and set(threads.values()) == {(own, os.SCHED_OTHER)}, threads


def may_raise_limits():
    """Root may, but not in every container."""
    return int(fields("/proc/self/status")["CapEff"], 16) >> 24 & 1 == 1


@pytest.mark.parametrize("who", ["root", "nobody"])
def test_a_reload_of_the_dns_server_has_what_workers_leave_at_first(request, who):
    shop = request.getfixturevalue("fragile_shop" if who == "root" else "confined_shop")
    if who == "nobody" and not may_raise_limits():
        assert re.search(r"Max nice priority +0 ", pathlib.Path(f"/proc/{shop.dns.pid}/limits").read_text())
        pytest.skip("needs CAP_SYS_RESOURCE at the start; without it the thread keeps its niceness")
    seen = set()

    def reload_and_look():
        reload = threading.Thread(target=lambda: shop.admin("dns", "/reload", method="POST"))
        reload.start()
        while reload.is_alive():
            seen.add(scheduling(shop.dns)["builder"][1])
        return os.SCHED_IDLE in seen
    wait_until(reload_and_look, "the builder goes into the background")
    wait_until(lambda: scheduling(shop.dns)["builder"][1] == os.SCHED_OTHER, "its time there is over")


def test_reload_state_and_upgrade_work_without_privileges(confined_shop):
    shop = confined_shop
    assert shop.addresses("ns1.shop.example")
    assert shop.edge_get("eu", "/api/items")[0] == 200
    for who in ("dns", "eu"):
        status, body = shop.admin(who, "/reload", method="POST")
        assert status == 200, body
    assert shop.admin("dns", "/drain?target=eu&reason=test", method="POST")[0] == 200
    overrides = shop.directory / "state/dns/overrides.json"
    wait_until(lambda: overrides.exists() and "eu" in overrides.read_text(), "state is written")
    assert overrides.stat().st_uid == 65534
    zone = shop.zones / "shop.example.zone"
    zone.chmod(0o600)  # root's alone now: a reload must say so, and the old world goes on
    status, body = shop.admin("dns", "/reload", method="POST")
    assert status == 422 and "ermission denied" in body, body
    assert shop.addresses("ns1.shop.example")
    zone.chmod(0o644)
    for who in ("dns", "eu"):
        old = shop.processes[who]
        shop.processes[who] = meridian.Process([*old.arguments, "--upgrade"], shop.directory / f"{who}-upgraded.log")
        assert old.wait() == 0, old.text()
        assert fields(f"/proc/{shop.processes[who].pid}/status")["CapEff"] == BIND_SERVICE
    assert shop.addresses("ns1.shop.example")
    assert "test" in str(shop.status()["regions"])
    assert shop.edge_get("eu", "/api/items")[0] == 200


def test_a_user_that_does_not_exist_is_an_error(idle_shop):
    shop = idle_shop
    shop.config.write_text(shop.config.read_text().replace("service: shop\n", "service: shop\nuser: no-such-user\n", 1))
    process = shop.start_dns(wait=False)
    assert process.wait() == 1
    assert "there is no user 'no-such-user'" in process.text()


@pytest.mark.parametrize("program", ["meridian-dns", "meridian-edge"])
def test_root_does_not_stay_root_unless_somebody_says_so(idle_shop, program):
    arguments = [str(meridian.binaries() / program), "--config", str(idle_shop.config), *(["--region", "eu"] if program == "meridian-edge" else [])]
    environment = {name: value for name, value in os.environ.items() if name != "MERIDIAN_ALLOW_ROOT"}
    process = meridian.Process(arguments, idle_shop.directory / "root.log", environment=environment)
    try:
        if "\nmeridian:" not in pathlib.Path("/etc/passwd").read_text():
            assert process.wait(60) == 1
            assert "`user: NAME`" in process.text()
        else:
            wait_until(lambda: not process.running() or fields(f"/proc/{process.pid}/status")["Uid"].split()[1] != "0", "it is not root any more")
    finally:
        process.kill()
