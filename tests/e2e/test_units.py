"""The systemd units confine the servers, as systemd itself judges."""
import shutil
import subprocess

import pytest

import meridian

UNITS = sorted((meridian.ROOT / "ansible/roles").glob("meridian_*/files/*.service"))


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
