"""Clients that hold what they can: slow heads, slow bodies, slow readers. Others must not notice, and they do not last."""
import socket
import time

import meridian
import pytest

MANY = 200
HOST = b"Host: www.shop.example\r\n"


def short_patience(text):
    return meridian.patient(text).replace("\nedge:\n", "\nedge:\n  client: {head_timeout: 3s, body_timeout: 3s, send_timeout: 3s, keep_alive_timeout: 3s, linger: 2s}\n", 1)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    """One region with its backends, and little patience."""
    with meridian.Shop(tmp_path_factory.mktemp("slow"), edit=short_patience) as shop:
        shop.start_backends()
        shop.start_edge("eu")
        yield shop


def attack(shop, first):
    """MANY connections that have sent `first` and nothing more yet."""
    held = []
    for _ in range(MANY):
        connection = socket.create_connection((shop.edge_address("eu"), 8080), timeout=30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(first)
        held.append(connection)
    return held


def others_are_served(shop):
    for _ in range(20):
        assert shop.edge_get("eu", "/")[0] == 200


def read_until_closed(connection):
    """What came before the edge closed; a reset ends it as well."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def trickle(held, octet, going_on):
    """One octet more for each, again and again."""
    while going_on():
        for connection in held:
            try:
                connection.sendall(octet)
            except OSError:
                pass
        time.sleep(0.05)


def all_closed(shop, count):
    meridian.wait_until(lambda: shop.metric("eu", "meridian_edge_connections") <= count, "the attackers' connections are closed")


def test_slowloris_heads_end_at_their_deadline_however_they_trickle(edge):
    held = attack(edge, b"GET / HTTP/1.1\r\n" + HOST + b"X-Slow: ")
    others_are_served(edge)
    began = time.monotonic()
    trickle(held, b"a", lambda: time.monotonic() < began + 0.5 or
            edge.metric("eu", "meridian_edge_connections") > 2 and time.monotonic() < began + 60)
    # Nothing but the deadline ends them: they were never idle.
    assert edge.metric("eu", "meridian_edge_connections") <= 2, "the attackers' connections are closed"
    others_are_served(edge)
    for connection in held:
        connection.close()


def test_a_head_that_never_ends_is_told_408(edge):
    (connection, *rest) = attack(edge, b"GET / HTTP/1.1\r\n" + HOST)
    assert read_until_closed(connection).startswith(b"HTTP/1.1 408 ")
    for other in rest:
        other.close()


def test_bodies_that_stop_are_given_up(edge):
    held = attack(edge, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nabc")
    others_are_served(edge)
    answers = [read_until_closed(connection) for connection in held]
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers), set(answers)
    all_closed(edge, 2)


def test_clients_that_do_not_read_cost_bounded_memory_and_are_cut(edge):
    process = edge.edge("eu")
    others_are_served(edge)
    before = process.memory_kib()
    held = attack(edge, b"GET /?bytes=50000000 HTTP/1.1\r\n" + HOST + b"\r\n")
    others_are_served(edge)
    # A copy of what they do not read would be 15 GB; a request's buffers are some 70 KiB.
    assert process.memory_kib() - before < MANY * 200
    meridian.wait_until(lambda: edge.metric("eu", "meridian_edge_connections") <= 2, "those who do not read are cut")
    for connection in held:
        connection.close()
    others_are_served(edge)


def test_idle_connections_are_closed_in_their_time(edge):
    held = attack(edge, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    others_are_served(edge)
    assert all(read_until_closed(connection).startswith(b"HTTP/1.1 200 ") for connection in held)
    all_closed(edge, 2)


@pytest.fixture(scope="module")
def patient_edge(tmp_path_factory):
    with meridian.Shop(tmp_path_factory.mktemp("patient"), edit=meridian.patient) as shop:
        shop.start_backends()
        shop.start_edge("eu")
        yield shop


@pytest.mark.skipif(meridian.SANITIZED, reason="a sanitizer has its own memory for everything")
@pytest.mark.parametrize("octets", [b"", b"G", b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"])
def test_a_connection_costs_what_it_sends_and_a_peak_leaves_nothing(patient_edge, octets):
    edge, count = patient_edge, 1500
    process = edge.edge("eu")
    others_are_served(edge)
    meridian.wait_until(lambda: edge.metric("eu", "meridian_edge_connections") <= 2, "it is at rest")
    before = process.memory_kib()
    held = []
    for _ in range(count):
        held.append(socket.create_connection((edge.edge_address("eu"), 8080), timeout=30))
        held[-1].sendall(octets)
    meridian.wait_until(lambda: edge.metric("eu", "meridian_edge_connections") >= count, "all are connected")
    # 66.7 KiB each of what sent one octet, once; a request that is over leaves nothing.
    meridian.wait_until(lambda: process.memory_kib() - before < count * 4, "a connection costs little")
    for connection in held:
        connection.close()
    all_closed(edge, 2)
    meridian.wait_until(lambda: process.memory_kib() - before < 2048, "the memory has gone back")
    others_are_served(edge)
