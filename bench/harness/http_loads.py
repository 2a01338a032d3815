"""The loads that are not wrk's alone: HTTP/2 by h2load, handshakes and WebSockets by programs of the bench's own, and connections that wait."""

import json
import re
import socket
import ssl
import struct
import subprocess
import tempfile

from .process import LOAD_CORE, ServerFailed

# The preface, empty SETTINGS, and `GET /item?bytes=128` by the static table (RFC 7541 A) on stream 1.
_PATH, _AUTHORITY = b"/item?bytes=128", b"bench"
_HEADERS = b"\x82\x87\x04" + bytes([len(_PATH)]) + _PATH + b"\x01" + bytes([len(_AUTHORITY)]) + _AUTHORITY
H2_HELLO = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack("!I", 0)[1:] + b"\4\0\0\0\0\0"
            + struct.pack("!I", len(_HEADERS))[1:] + b"\1\5\0\0\0\1" + _HEADERS)
H2_ACK = b"\0\0\0\4\1\0\0\0\0"


def unverified(*protocols):
    """For certificates that the bench has just made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def run(name, command):
    done = subprocess.run(["taskset", "-c", str(LOAD_CORE), *command], capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("JSON ")), None)
    if line is None:
        raise ServerFailed(f"{name}: {command[0]} failed: {done.stderr.strip() or done.stdout[-300:]}")
    return json.loads(line[5:])


def h2load(name, url, connections, streams, seconds):
    """Closed loop: each connection has so many streams open all the time."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["taskset", "-c", str(LOAD_CORE), "h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D", str(max(1, round(seconds))),
                   f"--log-file={log.name}", url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        times = sorted(int(row.split("\t")[2]) for row in log.read().splitlines())
    total = re.search(r"^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout, re.M)
    protocol = re.search(r"^Application protocol: (\S+)", done.stdout, re.M)
    if done.returncode != 0 or not total or not times or (protocol and protocol[1] != "h2"):
        raise ServerFailed(f"{name}: h2load failed: {done.stderr.strip() or done.stdout[-300:]}")
    answered, succeeded = int(total[1]), int(total[2])
    return {"requests": succeeded, "seconds": max(1, round(seconds)), "not_2xx": answered - succeeded,
            "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}


def waiting(port, path, speaks, asked):
    """One connection that has asked so often; `speaks`: http, tls or h2."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    if speaks != "http":
        # The client's memory is the client's affair; what matters is that 10,000 of them stand.
        connection = unverified(*(["h2"] if speaks == "h2" else ["http/1.1"])).wrap_socket(connection, server_hostname="bench")
    for _ in range(asked):
        good = ask_h2(connection) if speaks == "h2" else ask(connection, path)
        if not good:
            raise ServerFailed("an idle connection was not answered")
    return connection


def ask(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    return connection.recv(4096).startswith(b"HTTP/1.1 200")


def ask_h2(connection):
    """Reads until the stream has ended; whether there was a head."""
    connection.sendall(H2_HELLO + H2_ACK)
    octets, headed = b"", False
    while True:
        while len(octets) < 9 or len(octets) < 9 + int.from_bytes(octets[:3], "big"):
            got = connection.recv(65536)
            if not got:
                return False
            octets += got
        kind, flags = octets[3], octets[4]
        octets = octets[9 + int.from_bytes(octets[:3], "big"):]
        headed = headed or kind == 1
        if kind in (0, 1) and flags & 1:
            return headed
