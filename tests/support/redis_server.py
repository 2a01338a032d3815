"""Real Redis servers and sentinels on loopback addresses of a test's own; they keep nothing on disk but what a sentinel must.

    with Redis(directory, address) as redis:
        redis.ask("SET", "a", "1")     # b"OK"
        redis.stop()                   # as if the machine stood still; go() goes on
        redis.kill()
        redis.start()
"""
import contextlib
import pathlib
import signal
import socket
import subprocess

import meridian


class RedisError(Exception):
    pass


class Redis:
    PORT = 6379

    def __init__(self, directory, address, *options, port=PORT, sentinel=None, password=None):
        self.directory, self.address, self.port = pathlib.Path(directory), address, port
        self.name = f"{address}:{port}"
        self.options, self.sentinel, self.password = list(options), sentinel, password
        self.process = None
        self.start()

    def start(self):
        self.directory.mkdir(exist_ok=True, parents=True)
        own = self.directory / f"redis-{self.address}-{self.port}.conf"
        lines = [f"bind {self.address}", f"port {self.port}", "daemonize no", "protected-mode no", f"dir {self.directory}", *self.options]
        if self.password:
            lines.append(f"requirepass {self.password}")
        if not self.sentinel:
            lines += ['save ""', "appendonly no"]
        if not self.sentinel or not own.exists():  # a sentinel writes into its own
            own.write_text("\n".join(lines + (self.sentinel or [])) + "\n")
        arguments = ["redis-server", str(own)] + (["--sentinel"] if self.sentinel else [])
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            meridian.eventually(lambda: self.ask("PING") == b"PONG", f"Redis at {self.name}", 60, passing=(OSError, RedisError))
        except BaseException:
            self.kill()
            raise

    def ask(self, *words):
        with socket.create_connection((self.address, self.port), timeout=20) as sock:
            stream = sock.makefile("rwb")
            for command in ([["AUTH", self.password]] if self.password else []) + [list(words)]:
                stream.write(b"*%d\r\n" % len(command))
                for word in command:
                    octets = word if isinstance(word, bytes) else str(word).encode()
                    stream.write(b"$%d\r\n%s\r\n" % (len(octets), octets))
                stream.flush()
                answer = self.read(stream)
            return answer

    def read(self, stream):
        line = stream.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read(stream) for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.go()
        self.kill()
