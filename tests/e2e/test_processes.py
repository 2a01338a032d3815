"""tools/lib/processes.py, which starts everything that the other tests, the demo and the benchmark look at."""
import os
import pathlib
import subprocess
import sys
import time

import pytest

import meridian
from processes import Failed, Lease, Process, eventually, free_port, stop_all

DEAF = 'trap "" TERM; sleep 1000 & echo ready; wait; wait'


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    return [int(one) for one in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_eventually_gives_what_came_true_and_tells_what_did_not():
    answers = iter([0, None, "yes"])
    assert eventually(lambda: next(answers), "an answer") == "yes"
    with pytest.raises(Failed, match="a door opens; last: FileNotFoundError"):
        eventually(lambda: os.stat("/no/such/door"), "a door opens", seconds=0.05)
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 / 0, "a mistake is no answer")


def test_a_process_is_ready_when_a_whole_line_says_so(tmp_path):
    process = Process(["sh", "-c", "echo already in use; echo not ready; sleep 0.1; echo ready; exec sleep 1000"], tmp_path / "log")
    process.wait_ready("it")
    assert process.text() == "already in use\nnot ready\nready\n" and process.running() and process.status is None
    assert process.stop() == -15 and not process.running()


def test_one_that_ends_instead_tells_its_status_and_its_log(tmp_path):
    process = Process(["sh", "-c", "echo no such file >&2; exit 3"], tmp_path / "log")
    with pytest.raises(Failed, match="(?s)the server: ready: sh ended with status 3:.no such file"):
        process.wait_ready("the server")
    with pytest.raises(Failed, match="status 3"):
        process.wait_until(lambda: True, "whatever is true then")
    process.kill()


def test_one_that_does_not_stop_is_killed_with_all_it_has_started(tmp_path):
    process = Process(["sh", "-c", DEAF], tmp_path / "log")
    process.wait_ready()
    family = [process.pid, *children(process.pid)]
    assert len(family) == 2
    with pytest.raises(Failed, match="did not end within 0.1 s of SIGTERM"):
        process.stop(timeout=0.1)
    eventually(lambda: not any(map(is_alive, family)), "all of them are gone")


def test_all_are_stopped_at_once_and_none_is_left(tmp_path):
    deaf = [Process(["sh", "-c", DEAF], tmp_path / f"{n}.log") for n in range(3)]
    for process in deaf:
        process.wait_ready()
    began = time.monotonic()
    stop_all(deaf, 0.3)
    assert not any(process.running() for process in deaf) and time.monotonic() - began < 30


def test_a_process_dies_with_who_has_started_it(tmp_path):
    """By the kernel: the starter is killed and can do nothing about it."""
    script = ("import sys, time; sys.path.insert(0, sys.argv[1]); import processes; "
              "p = processes.Process(['sleep', '1000'], sys.argv[2]); print(p.pid, flush=True); time.sleep(1000)")
    starter = subprocess.Popen([sys.executable, "-c", script, meridian.ROOT / "tools/lib", tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    pid = int(starter.stdout.readline())
    # Until then it is the program that asks the kernel for this fate.
    eventually(lambda: pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "it is what it was to become")
    starter.kill()
    starter.wait()
    starter.stdout.close()
    eventually(lambda: not is_alive(pid), "it is gone, too")


def test_output_and_environment_go_where_they_are_told(tmp_path):
    reading, writing = os.pipe()
    process = Process(["sh", "-c", "echo $WORD; echo $WORD >&2"], tmp_path / "log", cwd=tmp_path, environment={"WORD": "hello"}, error=writing)
    assert process.wait() == 0 and process.text() == "hello\n" and os.read(reading, 100) == b"hello\n"
    process.forget()
    os.close(reading)
    os.close(writing)


def test_addresses_are_one_holders_at_a_time():
    with Lease() as one, Lease() as two:
        assert one.number != two.number and one.address("0.1") == f"127.{one.number}.0.1"
    assert 1024 <= free_port() <= 65535
