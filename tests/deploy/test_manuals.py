"""Man pages and completions say what --help says, and their readers accept them."""
import pathlib
import re
import shutil
import subprocess

import pytest

import hosts
from manuals import words

PROGRAMS = ("meridian", "meridian-dns", "meridian-edge")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manuals")
    hosts.call(hosts.ROOT / "tools/manuals", "--programs", hosts.BIN, "--out", folder)
    return folder


@pytest.fixture(scope="module")
def programs():
    return {name: words.read(hosts.BIN / name) for name in PROGRAMS}


def test_every_command_and_option_has_its_place(made, programs):
    for program in programs.values():
        completions = (made / f"bash-completion/completions/{program.path[0]}").read_text()
        for word in program.walk():
            page = next(made.glob(f"man/man?/{'-'.join(word.path)}.?")).read_text().replace("\\-", "-")
            for option in word.options:
                for name in option.names:
                    assert name in page and name in completions, f"{' '.join(word.path)} {name}"


def test_every_option_of_the_configuration_has_its_place(made):
    page = (made / "man/man5/meridian.yaml.5").read_text().replace("\\-", "-")
    keys = re.findall(r"^\| `([a-z_]+)` \|", (hosts.ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    assert len(keys) > 150
    assert [key for key in keys if f"\\fB{key}\\fR" not in page] == []


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man")
def test_man_reads_the_pages_without_a_warning(made):
    for page in sorted(made.glob("man/man?/*")):
        shown = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
        assert shown.returncode == 0 and shown.stderr == "" and len(shown.stdout) > 300, f"{page}: {shown.stderr}"


def complete_in_bash(made, *line):
    words_of = " ".join(f"'{word}'" for word in line)
    script = (f". {made}/bash-completion/completions/{line[0]}; COMP_WORDS=({words_of}); COMP_CWORD={len(line) - 1}; "
              f"_{line[0].replace('-', '_')}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes(made):
    assert complete_in_bash(made, "meridian", "dr") == ["drain"]
    assert complete_in_bash(made, "meridian", "drain", "--state", "") == ["drained", "down", "up"]
    assert complete_in_bash(made, "meridian", "geo", "lookup", "--da") == ["--database"]
    assert "--upgrade" in complete_in_bash(made, "meridian-dns", "--")


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes(made):
    for line, wanted in (("meridian wha", "what-if"), ("meridian drain --state d", "down"), ("meridian geo l", "lookup"), ("meridian-edge --reg", "--region")):
        script = f"source {made}/fish/vendor_completions.d/{line.split()[0]}.fish; complete -C '{line}'"
        assert wanted in subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True).stdout, line


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_accepts_the_completions(made):
    for page in sorted(pathlib.Path(made / "zsh/vendor-completions").iterdir()):
        hosts.call("zsh", "-n", page)
