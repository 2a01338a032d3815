"""What the demo prints: plain text, in colour only on a terminal."""

import os
import shutil
import sys

TERMINAL = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
CODES = {"bold": "1", "dim": "2", "green": "32", "red": "31", "yellow": "33", "cyan": "36"}


def paint(text, *styles):
    if not TERMINAL or not styles:
        return text
    return f"\033[{';'.join(CODES[style] for style in styles)}m{text}\033[0m"


def say(text=""):
    print(text, flush=True)


def heading(number, title):
    rule = "-" * max(4, min(100, shutil.get_terminal_size().columns) - len(title) - 6)
    say("\n" + paint(f"{number:>2}. {title} ", "bold", "cyan") + paint(rule, "dim"))


def tell(text):
    for line in text.strip().splitlines():
        say("    " + line.strip())


def command(text):
    say("\n    " + paint("$ " + text, "bold"))


def output(text):
    for line in text.rstrip("\n").splitlines():
        say("    " + line)


def verdict(holds, text):
    mark = paint("ok", "green", "bold") if holds else paint("WRONG", "red", "bold")
    say(f"    [{mark}] {text}")


def status_line(text):
    """Rewrites the last line of the terminal."""
    width = shutil.get_terminal_size().columns - 1
    sys.stdout.write("\r" + text[:width].ljust(width))
    sys.stdout.flush()
