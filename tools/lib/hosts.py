"""Whole Debian hosts on this machine, for the tests of packages and of deployments: systemd-nspawn containers with systemd as pid
1, each in a network namespace of its own, joined by a bridge in another. Nothing touches the machine's own network.

    with Lab(folder) as lab:
        host = lab.boot("dns1", "10.88.0.2")
        host.run("systemctl is-active meridian-dns@a")

Needs root, debootstrap and systemd-container. The base system is made once (a minute) and kept below build/.
"""
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MERIDIAN_BIN", ROOT / "build/release/bin"))
# What the packages depend on, so that a host without a way out can install them; and what tests ask with.
PACKAGES = ("systemd systemd-sysv dbus python3-minimal python3 iproute2 curl bind9-dnsutils ca-certificates procps logrotate openssh-server "
            "libboost-json1.81.0 libc-ares2 libidn2-0 libldns3 libmaxminddb0 libspdlog1.10 libyaml-cpp0.7 libssl3 libnghttp2-14 libbrotli1 libzstd1 zlib1g libdeflate0 libhiredis0.14").split()


class HostError(Exception):
    pass


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise HostError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def base(more=()):
    """A Debian 12 with PACKAGES and some more, made by debootstrap and kept as long as the list is the same."""
    packages = [*PACKAGES, *more]
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = ROOT / "build/hosts" / f"base-{key}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # debootstrap takes no path with a space in it, which that of a checkout may have.
        made = pathlib.Path(tempfile.mkdtemp(prefix="meridian-base-", dir="/var/tmp"))
        try:
            call("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", made / "root")
            shutil.rmtree(made / "root/var/cache/apt/archives", ignore_errors=True)
            (made / "root/etc/ssh/sshd_config.d/lab.conf").write_text("UseDNS no\nUsePAM no\n")
            call("cp", "-a", "--reflink=auto", made / "root", folder.with_suffix(".new"))
            folder.with_suffix(".new").rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


class Host:
    """One container. `address` is its IPv4 address at the bridge of the lab."""

    def __init__(self, lab, name, addresses, more=()):
        self.lab, self.name, self.addresses, self.netns, self.more = lab, name, addresses, f"{lab.name}-{name}", more
        self.root, self.process, self.leader = lab.folder / name, None, None

    def boot(self):
        if not self.root.exists():
            call("cp", "-a", "--reflink=auto", base(self.more), self.root)
            (self.root / "etc/hostname").write_text(self.name + "\n")
            (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {self.name}\n")
        log = open(self.lab.folder / f"{self.name}.log", "w")
        self.process = subprocess.Popen(["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--boot", "-D", self.root, f"--hostname={self.name}",
                                         f"--network-namespace-path=/run/netns/{self.netns}", "--resolv-conf=off"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return self

    def wait(self, seconds=120):
        end = time.monotonic() + seconds
        state = "not begun"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise HostError(f"{self.name} ended: {(self.lab.folder / f'{self.name}.log').read_text()[-2000:]}")
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children:
                self.leader = int(children[0])
                state = self.try_run("systemctl is-system-running").stdout.strip()
                if state in ("running", "degraded"):
                    return self
            time.sleep(0.2)
        raise HostError(f"{self.name} is {state} after {seconds} s: {self.try_run('systemctl list-jobs').stdout}")

    def try_run(self, script, **options):
        return subprocess.run(["nsenter", "-t", str(self.leader), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root",
                               "sh", "-c", script], capture_output=True, text=True, **options)

    def run(self, script, **options):
        done = self.try_run(script, **options)
        if done.returncode != 0:
            raise HostError(f"{self.name}: {script}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def put(self, path, text, mode=0o644):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def inside(self, *command):
        """A command of this machine that runs in the network of the host."""
        return ["ip", "netns", "exec", self.netns, *map(str, command)]

    def cut(self, state="down"):
        """Pulls the host's cable, or plugs it in again."""
        call("ip", "-n", self.lab.name, "link", "set", f"v-{self.name}", state)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        if self.leader:
            os.kill(self.leader, signal.SIGRTMIN + 4)  # what systemd as pid 1 powers off at
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


class Lab:
    """Hosts at one bridge, in a network namespace that belongs to no host and is the controller's: `inside` runs there."""

    def __init__(self, folder, name="mlab"):
        self.folder, self.name, self.hosts = pathlib.Path(folder), f"{name}{os.getpid() % 100000}", {}

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        call("ip", "netns", "add", self.name)
        call("ip", "-n", self.name, "link", "set", "lo", "up")
        call("ip", "-n", self.name, "link", "add", "br0", "type", "bridge")
        call("ip", "-n", self.name, "addr", "add", "10.88.0.1/16", "dev", "br0")
        call("ip", "-n", self.name, "link", "set", "br0", "up")
        return self

    def __exit__(self, *_):
        for host in self.hosts.values():
            host.stop()
        for netns in [*(host.netns for host in self.hosts.values()), self.name]:
            subprocess.run(["ip", "netns", "delete", netns], capture_output=True)

    def boot(self, name, *addresses, more=()):
        """A container at the bridge, with these packages besides the usual ones."""
        return self.wire(name, *addresses, more=more).boot()

    def wire(self, name, *addresses, more=()):
        """A host that is a network and no system: programs of this machine run `inside` it."""
        host = self.hosts[name] = Host(self, name, addresses, more)
        call("ip", "netns", "add", host.netns)
        call("ip", "-n", self.name, "link", "add", f"v-{name}", "type", "veth", "peer", "name", "host0", "netns", host.netns)
        call("ip", "-n", self.name, "link", "set", f"v-{name}", "master", "br0", "up")
        call("ip", "-n", host.netns, "link", "set", "lo", "up")
        for address in addresses:
            call("ip", "-n", host.netns, "addr", "add", f"{address}/16", "dev", "host0")
        call("ip", "-n", host.netns, "link", "set", "host0", "up")
        return host

    def inside(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]
