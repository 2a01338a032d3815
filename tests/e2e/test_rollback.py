"""`meridian rollback`: the last good configuration, on a DNS node and on an edge, after a change that was refused and one that was not."""
import os

import pytest

from lone_edge import LoneEdge, Scripted, answering, ok, slot_address
from lone_node import ZONE, LoneNode
from meridian import Lease, wait_until
from test_operator import meridian_command


@pytest.fixture(scope="module")
def slot():
    lease = Lease()
    yield lease
    lease.release()


@pytest.fixture(name="node")
def a_node(tmp_path, slot):
    with LoneNode(tmp_path, slot, {"eu": ["192.0.2.1"]}) as node:
        yield node


def kept_after(folder, what):
    """Does `what`, and waits until the copy of last resort is another."""
    manifest = folder / "last-good"
    wait_until(manifest.exists, "there is a copy")
    before = manifest.read_text()
    what()
    wait_until(lambda: manifest.read_text() != before, "what serves is kept")


def static_address(node):
    return node.addresses("static.lone.example")


def test_back_to_what_serves_and_to_what_served_before(node):
    folder, zone = node.directory / "state/dns", node.directory / "lone.zone"
    good = node.file.read_text()
    changed = ZONE.replace("host 1", "host 2").replace("192.0.2.80", "192.0.2.81")

    def change():
        zone.write_text(changed)
        node.reload()
    kept_after(folder, change)
    assert static_address(node) == ["192.0.2.81"]

    # A reload that was refused: what serves is put back, and what was refused is kept beside it.
    node.file.write_text(good.replace('"failover"', '"fallover"'))
    assert node.admin("/reload")[0] == 422
    said = meridian_command("rollback", node.file, "--dry-run")
    assert "back to what serves" in said and str(node.file) in said and node.file.read_text() != good
    said = meridian_command("rollback", node.file)
    assert node.file.read_text() == good and "reloaded" in said, said
    assert "fallover" in (node.directory / "node.yaml.before-rollback").read_text()
    assert static_address(node) == ["192.0.2.81"]

    # A change that was good and is regretted; once more brings it back.
    zone.chmod(0o640)
    kept_after(folder, lambda: meridian_command("rollback", node.file))
    assert zone.read_text() == ZONE and zone.stat().st_mode & 0o777 == 0o640
    assert static_address(node) == ["192.0.2.80"]
    kept_after(folder, lambda: meridian_command("rollback", node.file))
    assert zone.read_text() == changed and static_address(node) == ["192.0.2.81"]


def test_a_file_that_is_no_yaml_any_more_and_one_that_is_gone(node):
    good = node.file.read_text()
    wait_until((node.directory / "state/dns/last-good").exists, "there is a copy")
    node.file.write_text("service: [")
    (node.directory / "lone.zone").unlink()
    said = meridian_command("rollback", node.file, "--no-reload", "--state", node.directory / "state")
    assert "(was gone)" in said and node.file.read_text() == good and (node.directory / "lone.zone").read_text() == ZONE


def test_nothing_is_written_outside_the_configurations_folder(node, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "lone.zone"
    outside.write_text(ZONE)
    zone = node.directory / "lone.zone"

    def link():
        zone.unlink()
        os.symlink(outside, zone)
        node.config["dns"]["nsid"] = "x"
        node.reload()
    kept_after(node.directory / "state/dns", link)
    outside.write_text(ZONE.replace("host 1", "host 2"))
    said = meridian_command("rollback", node.file, status=1)
    assert "outside the configuration's folder" in said and str(zone) in said, said
    assert "host 2" in outside.read_text()


@pytest.mark.parametrize("name", ["node.yaml", "lone.zone"])
def test_nothing_is_read_from_a_pipe_nor_written_over_it(node, name):
    """Nobody writes into this one: who opened it would wait for ever."""
    wait_until((node.directory / "state/dns/last-good").exists, "there is a copy")
    place = node.directory / name
    good = place.read_text()
    place.unlink()
    os.mkfifo(place)
    said = meridian_command("rollback", node.file, "--no-reload", "--state", node.directory / "state", status=1)
    assert "something else now" in said and str(place) in said, said
    meridian_command("rollback", node.file, status=1)  # has to find the state directory first, and waits for nobody either
    assert place.is_fifo()
    place.unlink()
    node.directory.chmod(0o750)
    meridian_command("rollback", node.file, "--no-reload", "--state", node.directory / "state")
    assert place.read_text() == good
    if name == "node.yaml":
        assert place.stat().st_mode & 0o777 == 0o640, "of the file nothing is left: who reads the folder reads it"


def test_a_copy_that_is_a_pipe_is_told(node):
    kept = node.directory / "state/dns/last-good"
    wait_until(kept.exists, "there is a copy")
    kept.unlink()
    os.mkfifo(kept)
    said = meridian_command("rollback", node.file, status=1)
    assert "last-good" in said and "not a regular file" in said, said


def test_no_copy_and_nothing_older_are_said(node):
    wait_until((node.directory / "state/dns/last-good").exists, "there is a copy")
    assert "no other configuration was good before" in meridian_command("rollback", node.file, status=1)
    other = node.directory / "other.yaml"
    other.write_text(node.file.read_text())
    assert "no server has kept a copy" in meridian_command("rollback", other, status=1)


def test_an_edge_goes_back_too(tmp_path, slot):
    with Scripted(slot_address(slot, "9.1"), answering(lambda head: ok(b"hello"))) as server, LoneEdge(tmp_path, slot, [server.name]) as edge:
        folder = tmp_path / "state" / f"edge-{edge.host}"
        good = edge.file.read_text()

        def change():
            edge.config["edge"]["routes"] = [{"path": "/elsewhere", "pool": "web"}]
            edge.reload()
        kept_after(folder, change)
        assert edge.get("/")[0] == 404
        kept_after(folder, lambda: meridian_command("rollback", edge.file))
        assert edge.file.read_text() == good and edge.get("/")[2] == b"hello"
