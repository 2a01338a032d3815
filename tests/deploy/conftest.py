"""The packages that tools/package has built, and hosts to install them on."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/lib"))

import hosts  # noqa: E402  (the path comes first)


@pytest.fixture(scope="session")
def packages():
    """name -> .deb; only those that tools/package made last are there."""
    found = {path.name.split("_")[0]: path for path in (ROOT / "build/packages").glob("*.deb") if "-dbgsym_" not in path.name}
    assert sorted(found) == ["meridian-dns", "meridian-doc", "meridian-edge", "meridian-tools"], "run tools/package first"
    return found


def as_version(packages, version, folder):
    """The same packages with another version: what an upgrade does does not depend on what changed inside."""
    made = []
    for name, path in packages.items():
        tree = folder / f"{name}-{version}"
        subprocess.run(["dpkg-deb", "-R", path, tree], check=True)
        control = tree / "DEBIAN/control"
        was = subprocess.run(["dpkg-deb", "-f", path, "Version"], capture_output=True, text=True, check=True).stdout.strip()
        control.write_text(control.read_text().replace(was, version))
        made.append(folder / f"{name}_{version}.deb")
        subprocess.run(["dpkg-deb", "-Znone", "-b", tree, made[-1]], check=True, capture_output=True)
        shutil.rmtree(tree)
    return made


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if os.geteuid() != 0 or shutil.which("systemd-nspawn") is None or shutil.which("debootstrap") is None:
        pytest.skip("whole hosts need root, systemd-container and debootstrap")
    lab = hosts.Lab(tmp_path_factory.mktemp("lab"))
    try:
        lab.__enter__()
    except hosts.HostError as error:
        pytest.skip(f"no network of its own on this machine: {error}")
    yield lab
    lab.__exit__()
