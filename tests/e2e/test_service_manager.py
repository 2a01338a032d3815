"""What systemd sees and gives: readiness, a watchdog, sockets; with a notify socket of the test's own."""
import array
import os
import signal
import socket

import pytest

import meridian
from meridian import wait_until


class Manager:
    """The receiving end of sd_notify(3)."""

    def __init__(self, directory):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = str(directory / "n")
        if len(self.path) > 100:
            self.path = f"\0meridian-{os.getpid()}-{id(self)}"
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.messages, self.descriptors = [], []

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": self.path.replace("\0", "@"), **more}

    def read(self):
        """All messages so far."""
        while True:
            try:
                text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(253 * 4))
            except BlockingIOError:
                return self.messages
            for _, kind, data in ancillary:
                if kind == socket.SCM_RIGHTS:
                    self.descriptors += array.array("i", data[:len(data) - len(data) % 4])
            self.messages.append(text.decode())

    def close(self):
        self.socket.close()
        for fd in self.descriptors:
            os.close(fd)


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.close()


def start(shop, who, environment, prefix=(), pass_fds=()):
    program = ["meridian-dns", "--config", str(shop.config)] if who == "dns" else ["meridian-edge", "--config", str(shop.config), "--region", who]
    return meridian.Process([*prefix, meridian.binaries() / program[0], *program[1:]], shop.directory / f"{who}-managed.log",
                            environment=environment, pass_fds=pass_fds)


@pytest.mark.parametrize("who", ["dns", "eu"])
def test_a_healthy_server_keeps_saying_so(idle_shop, manager, who):
    process = start(idle_shop, who, manager.environment(WATCHDOG_USEC="2000000"))
    try:
        wait_until(lambda: "READY=1" in manager.read(), "it is ready")
        wait_until(lambda: manager.read().count("WATCHDOG=1") >= 4, "it feeds the watchdog")
        del manager.messages[:]
        process.signal(signal.SIGHUP)
        wait_until(lambda: "READY=1" in manager.read(), "it has reloaded")
        assert any(m.startswith("RELOADING=1\nMONOTONIC_USEC=") for m in manager.messages), manager.messages
        process.signal(signal.SIGTERM)
        wait_until(lambda: "STOPPING=1" in manager.read(), "it says that it stops")
        process.signal(signal.SIGTERM)  # an edge announces its end for seconds
        process.wait(60)
    finally:
        process.kill()


def test_sockets_kept_by_the_manager_lose_nothing_over_sigkill(idle_shop, manager):
    shop = idle_shop
    process = start(shop, "dns", manager.environment())
    try:
        wait_until(lambda: "FDSTORE=1\nFDNAME=listener" in manager.read(), "it stores its sockets")
        assert len(manager.descriptors) >= 3  # UDP, TCP, admin
        process.kill()
        query = meridian.dns.message.make_query("ns1.shop.example", "A")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, \
                socket.create_connection((shop.dns_address, 5300), timeout=30) as connection:
            client.settimeout(30)
            client.connect((shop.dns_address, 5300))
            client.send(query.to_wire())  # nobody reads it yet
            connection.sendall(len(query.to_wire()).to_bytes(2, "big") + query.to_wire())
            # exec keeps the number of the process: LISTEN_PID must be its own.
            kept = manager.descriptors
            high = [os.dup2(fd, 200 + i) for i, fd in enumerate(kept)]
            for fd in high:
                os.set_inheritable(fd, True)
            moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(high))
            script = f'exec {moves}; LISTEN_FDS={len(kept)} LISTEN_PID=$$ exec "$@"'
            process = start(shop, "dns", manager.environment(), ("bash", "-c", script, "bash"), high)
            for fd in high:
                os.close(fd)
            assert meridian.dns.message.from_wire(client.recv(4096)).answer
            assert int.from_bytes(connection.recv(2), "big") > 20
        process.signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
