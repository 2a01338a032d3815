"""A client of HTTP/2 that takes its answer slowly, while the edge ends."""
import signal
import struct
import time

import h2_client as h2
import meridian
from h2_client import H2
from lone_edge import LoneEdge, Scripted, answering, ok, slot_address

SIZE = 8_000_000


def test_the_end_of_an_answer_is_not_lost_when_the_edge_drains(tmp_path):
    slot = meridian.Lease()
    routes = [{"path": "/", "pool": "web"}]
    script = answering(lambda head: ok(b"b" * SIZE))
    with Scripted(slot_address(slot, "2.1"), script) as server, LoneEdge(tmp_path, slot, [server.name], routes=routes) as edge:
        with H2(edge.host, settings=[(4, 0x7FFFFFFF)], receive_buffer=32768) as client:
            client.window(0, 0x7FFFFFFF - h2.WINDOW)
            client.get("/")
            meridian.wait_until(lambda: server.heads, "it is served")
            edge.process.popen.send_signal(signal.SIGTERM)
            got, told = 0, 0
            while octets := client.sock.recv(16384):
                got += len(octets)
                if got - told > h2.WINDOW:
                    client.window(0, 1)  # which a closed socket would answer by a reset
                    told = got
                time.sleep(0.04)
            assert got > SIZE
    slot.release()
