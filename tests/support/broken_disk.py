"""A disk that is full, fails, hangs, is slow, or may not be written to, for one server: broken_disk.c in front of its C library.

    disk = BrokenDisk(tmp_path)
    server = Process(command, log, environment=disk.environment())
    disk.breaks("full", "/its/state", room=100)     # "fails" (EIO), "hangs", "slow" (`room` microseconds for each call),
                                                    # "read-only" (EROFS), "forbidden" (EACCES)
    disk.mends()
"""
import mmap
import os
import pathlib
import struct
import subprocess

MODES = {"well": 0, "full": 1, "fails": 2, "hangs": 3, "slow": 4, "read-only": 5, "forbidden": 6}
SIZE = 16 + 4096  # struct control
SOURCE = pathlib.Path(__file__).resolve().with_suffix(".c")


class BrokenDisk:
    def __init__(self, folder):
        self.library = pathlib.Path(folder) / "broken_disk.so"
        self.file = pathlib.Path(folder) / "broken_disk.control"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", self.library, SOURCE, "-ldl"], check=True, timeout=120)
        self.file.write_bytes(bytes(SIZE))
        with open(self.file, "r+b") as handle:
            self.control = mmap.mmap(handle.fileno(), SIZE)

    def environment(self):
        sanitizer = os.environ.get("ASAN_OPTIONS", "")
        return {**os.environ, "LD_PRELOAD": str(self.library), "BROKEN_DISK": str(self.file),
                "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0".strip(":")}

    def breaks(self, how, prefix, room=0):
        """From now on, for the files whose absolute path begins with this. A full disk still takes `room` octets."""
        self.control[8:SIZE] = struct.pack("q", room) + os.fsencode(prefix).ljust(SIZE - 16, b"\0")
        self.control[0:4] = struct.pack("i", MODES[how])

    def mends(self):
        self.control[0:4] = struct.pack("i", MODES["well"])

    def was_met(self):
        """How many calls have met it so far."""
        return struct.unpack("i", self.control[4:8])[0]
