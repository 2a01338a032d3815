"""clang-tidy on what changed: a source is checked again when it, a header that it includes, or .clang-tidy changed.

Usage: tools/tidy BUILD_DIR [FILE...]      the sources that changed since MERIDIAN_BASE (default: the commit before the last), or these
       tools/tidy BUILD_DIR --all          every source
What was found clean is remembered under ~/.cache/meridian-tidy by a hash of all that went in.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "meridian-tidy"
FOLDERS = ("shared", "dns", "edge", "cli")
INCLUDE = re.compile(r'#include\s*"([^"]+)"')


def closure(path, seen):
    if path in seen or not path.exists():
        return seen
    seen.add(path)
    for name in INCLUDE.findall(path.read_text()):
        closure(ROOT / name, seen)
    return seen


def key(path):
    digest = hashlib.sha256()
    configs = [p / ".clang-tidy" for p in [path.parent, *path.parents] if (p / ".clang-tidy").exists() and ROOT in [p, *p.parents]]
    for part in sorted(closure(path, set())) + configs:
        digest.update(str(part.relative_to(ROOT)).encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()


def changed():
    """Sources that differ from the base, or include a header that does."""
    base = os.environ.get("MERIDIAN_BASE", "HEAD~1")
    done = subprocess.run(["git", "diff", "--name-only", base], cwd=ROOT, capture_output=True, text=True)
    names = {(ROOT / name).resolve() for name in done.stdout.split()}
    sources = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.cc")]
    return {p for p in sources if names & closure(p, set())}


def check(build, path):
    stamp = CACHE / key(path)
    if stamp.exists():
        return path, True, "", True
    # The library's stable_sort() uses what it calls deprecated itself; of our own code GCC says so.
    quiet = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-deprecated-declarations"]
    done = subprocess.run(["clang-tidy-19", "-p", str(build), "--quiet", *quiet, str(path)], capture_output=True, text=True)
    if done.returncode == 0:
        stamp.touch()
    return path, done.returncode == 0, done.stdout, False


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    build = pathlib.Path(sys.argv[1]).resolve()
    CACHE.mkdir(parents=True, exist_ok=True)
    named = sys.argv[2:]
    wanted = {(ROOT / name).resolve() for name in named} if named and named != ["--all"] else set()
    if not named:
        wanted = changed()
    files = {pathlib.Path(entry["file"]).resolve() for entry in json.loads((build / "compile_commands.json").read_text())}
    files = sorted(f for f in files if ROOT in f.parents and f.relative_to(ROOT).parts[0] in FOLDERS and (named == ["--all"] or f in wanted))
    clean, remembered = 0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, good, text, cached in pool.map(lambda f: check(build, f), files):
            clean += good
            remembered += cached
            if not good:
                print(text.replace(str(ROOT) + "/", ""))
    print(f"clang-tidy: {len(files)} files, {remembered} unchanged, {len(files) - clean} with findings")
    return 0 if clean == len(files) else 1


if __name__ == "__main__":
    sys.exit(main())
