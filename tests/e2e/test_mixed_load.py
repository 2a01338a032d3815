"""Clients of every protocol while an edge is reloaded and replaced: nobody is failed or reset. tools/churn does it longer."""
import signal

import pytest

import meridian

from mixed_edge import KINDS, Mixed
from mixed_load import Load


@pytest.mark.load
def test_reloads_end_no_connection_and_upgrades_fail_nobody(tmp_path):
    with Mixed(tmp_path) as mixed, Load(mixed.target, KINDS) as load:
        load.all_served()
        for number in range(15):
            mixed.change(number)
            load.all_served()
        assert not load.failures, load.failures[:5]
        assert not load.moved, "a reload, whatever it changes, leaves connections alone"
        for number in range(3):
            mixed.upgrade()
            load.all_served()
            mixed.change(number)
            load.all_served()
        mixed.old_ones_end()
        load.all_served(3)
        assert load.moved["http"] and load.moved["h2"] and all(load.moved[kind] for kind in KINDS if "websocket" in kind), f"told to go on elsewhere: {load.moved}"
    assert not load.failures, load.failures[:5]
    assert load.served["download"], load.served


@pytest.mark.load
def test_a_stop_ends_everybody_in_the_words_of_the_protocol(tmp_path):
    """Who is served is served to the end; who comes when the doors are closed is refused at once."""
    with Mixed(tmp_path) as mixed, Load(mixed.target, {**KINDS, "udp": 0}) as load:
        load.all_served()
        mixed.edge.process.signal(signal.SIGTERM)
        meridian.wait_until(lambda: not mixed.edge.process.running(), "it has ended")
        assert mixed.edge.process.status == 0
        load.stopping.set()
    unexplained = [(kind, what) for kind, what in load.failures if not what.startswith("ConnectionRefusedError")]
    assert not unexplained, unexplained[:5]
