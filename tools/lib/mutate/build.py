"""Compiles sources with their mistakes and links them into the folder's test program, beside the debug build, whose objects and
commands it takes: only what is planted in is compiled, once for all mistakes."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

from plant import Planter, planted

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEBUG = ROOT / "build/debug"
HERE = ROOT / "tools/lib/mutate"
JOBS = os.cpu_count() or 1


def run(arguments, **options):
    return subprocess.run([str(a) for a in arguments], cwd=ROOT, capture_output=True, text=True, **options)


def debug_build(program):
    """The folder's test program as the debug preset makes it."""
    if not (DEBUG / "build.ninja").exists():
        run(["cmake", "--preset", "debug"], check=True)
    done = run(["ninja", "-C", DEBUG, f"-j{JOBS}", program])
    if done.returncode != 0:
        raise SystemExit(f"tools/mutate: {program} does not build\n{done.stdout[-3000:]}")
    return {entry["file"]: shlex.split(entry["command"]) for entry in json.loads((DEBUG / "compile_commands.json").read_text())}


class Source:
    """One source, its mistakes by number, and the object that has them all."""

    def __init__(self, path, command, first, folder):
        self.path, self.command = path, command
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_bytes()
        arguments = [a for a in command[1:] if a.startswith(("-I", "-D", "-std", "-isystem"))]
        found = Planter(path, arguments).all()
        self.mistakes = dict(enumerate(found, first))
        self.copy = folder / "sources" / self.name
        self.object = self.copy.with_suffix(".o")

    def compile(self):
        """Without those that the compiler refuses: it names their lines."""
        self.copy.parent.mkdir(parents=True, exist_ok=True)
        place = re.escape(str(self.copy.relative_to(ROOT)))  # ccache tells it without what is in front
        for _ in range(8):
            self.copy.write_bytes(planted(self.text, self.mistakes))
            done = self.compiled()
            if done.returncode == 0:
                return self
            lines = {int(line) for line in re.findall(rf"{place}:(\d+):\d+: (?:fatal )?error", done.stderr)}
            # An error inside the switch's own functions is told with the place that asks for it.
            lines |= {int(line) for line in re.findall(rf"{place}:(\d+):\d+:\s+required from", done.stderr)}
            bad = {n for n, m in self.mistakes.items() if m.line in lines}
            # What a macro makes of it, or an edit whose second half is on a line further down.
            bad = bad or {n for n, m in self.mistakes.items() if any(abs(m.line - line) <= 4 for line in lines)}
            if not bad:
                raise SystemExit(f"tools/mutate: {self.name} does not compile\n{done.stderr[:3000]}")
            self.mistakes = {n: m for n, m in self.mistakes.items() if n not in bad}
        raise SystemExit(f"tools/mutate: {self.name} does not compile, whatever is left out")

    def compiled(self):
        command = [a for a in self.command if a not in ("-Werror", str(self.path), "-c")]
        at = command.index("-o")
        del command[at:at + 2]
        if shutil.which("ccache"):  # the same sample again, for its other half
            command.insert(0, "ccache")
        # The copy is compiled as if it stood where the source does.
        return run([*command, "-w", "-Wno-narrowing", "-include", HERE / "switch.h", "-iquote", self.path.parent, "-c", self.copy, "-o", self.object])


def build(program, paths, folder, chosen):
    """The test program with the mistakes of these sources that `chosen([Source])` leaves: (its path, [Source])."""
    commands = debug_build(program)
    sources, first = [], 1
    for path in paths:
        if str(path) not in commands:
            continue
        sources.append(Source(path, commands[str(path)], first, folder))
        first += len(sources[-1].mistakes)
    sources = [source for source in chosen(sources) if source.mistakes]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(Source.compile, sources))
    return linked(program, sources, folder / program, "reach"), sources


def linked(program, sources, made, watch):
    """A program of the debug build with the objects of these sources, and `watch` that notes what is reached."""
    made.parent.mkdir(parents=True, exist_ok=True)
    reach = made.with_name(f"{made.name}.{watch}.o")
    run(["g++", "-std=c++20", f"-I{ROOT}", "-c", HERE / f"{watch}.cc", "-o", reach], check=True)
    link = run(["ninja", "-C", DEBUG, "-t", "commands", f"bin/{program}"], check=True).stdout.splitlines()[-1]
    words = [word for word in shlex.split(link) if word not in (":", "&&")]
    at = words.index("-o")
    # Before the archives: of these the linker takes no member whose names are there already.
    words[at:at + 2] = [*(str(s.object) for s in sources), str(reach), "-o", str(made)]
    done = subprocess.run(words, cwd=DEBUG, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"tools/mutate: {program} does not link\n{done.stderr[-3000:]}")
    return made


def programs(names, sources, folder):
    """The programs themselves with the same mistakes, and beside them those that have none."""
    done = run(["ninja", "-C", DEBUG, f"-j{JOBS}", "programs"])
    if done.returncode != 0:
        raise SystemExit(f"tools/mutate: the programs do not build\n{done.stdout[-3000:]}")
    place = folder / "bin"
    for name in names:
        linked(name, sources, place / name, "reach_program")
    for other in (DEBUG / "bin").glob("meridian*"):
        if not (place / other.name).exists():
            (place / other.name).symlink_to(other)
