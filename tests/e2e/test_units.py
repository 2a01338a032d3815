"""The systemd units confine the servers, as systemd itself judges."""
import re
import shutil
import subprocess

import pytest

import meridian

UNITS = sorted((meridian.ROOT / "systemd").glob("meridian-*@.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_exposure_is_low(unit, tmp_path):
    instance = tmp_path / unit.name.replace("@.", "@a.")
    shutil.copy(unit, instance)
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", instance], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "Overall exposure level" in judged.stdout, judged.stdout + judged.stderr


def test_both_servers_have_a_unit():
    assert [u.name for u in UNITS] == ["meridian-dns@.service", "meridian-edge@.service"]
    for unit in UNITS:
        text = unit.read_text()
        for line in ("Type=notify", "WatchdogSec=10s", "NoNewPrivileges=yes", "User=meridian", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"):
            assert f"\n{line}\n" in text, f"{unit}: {line}"
    assert "\nLimitNICE=+10\n" in UNITS[0].read_text(), "the builder comes back from SCHED_IDLE"


def filtered(unit):
    """The system calls that a unit's SystemCallFilter lines allow (systemd.exec(5))."""
    def expand(word):
        if not word.startswith("@"):
            return {word}
        listed = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
        words = [line.split()[0] for line in listed.splitlines()[1:] if line.startswith(" ") and not line.lstrip().startswith("#")]
        return set().union(*map(expand, words))
    allowed = set()
    for rule in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.MULTILINE):
        calls = set().union(*map(expand, rule.lstrip("~").split()))
        allowed = allowed - calls if rule.startswith("~") else allowed | calls
    return allowed


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_allow_what_the_servers_allow_themselves(unit):
    own = set(re.findall(r"\bSYS_(\w+)\b", (meridian.ROOT / "shared/serve/os/system_calls.cc").read_text().split("kAllowed = ")[1].split("});")[0]))
    assert len(own) > 100
    assert own - filtered(unit) == set()
