"""Clients of every protocol while an edge is reloaded and replaced: nobody is failed or reset. tools/churn does it longer."""
import pytest

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
        assert load.moved["http"] and load.moved["h2"] and load.moved["websocket"], f"told to go on elsewhere: {load.moved}"
    assert not load.failures, load.failures[:5]
    assert load.served["download"], load.served
