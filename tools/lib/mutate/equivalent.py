"""Mistakes that change nothing that anybody could see, judged by a person and told with the reason in equivalent.txt: they are neither
planted nor counted. By the text of their line, so that a line which changes is judged anew."""
import pathlib

FILE = pathlib.Path(__file__).with_name("equivalent.txt")


class Judged:
    """What was judged of each source: {source: {(kind, text of the line, place in it or None): reason}}."""

    def __init__(self, text=None):
        self.known = {}
        for number, line in enumerate((FILE.read_text() if text is None else text).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split(" | ", 3)
            if len(parts) != 4 or not all(part.strip() for part in parts):
                raise SystemExit(f"tools/mutate: {FILE.name}:{number}: wants source | kind, or kind @place | reason | text of the line")
            source, kind, reason, code = (part.strip() for part in parts)
            kind, _, place = kind.partition(" @")
            self.known.setdefault(source, {})[(kind, code, int(place) if place else None)] = reason

    def reason(self, source, mistake, used):
        """Why this one changes nothing; None: nobody has said so. Notes in `used` what was asked for."""
        line = source.text.splitlines()[mistake.line - 1].decode(errors="replace")
        code = line.strip()
        place = mistake.column - (len(line) - len(line.lstrip()))
        for key in ((mistake.kind, code, place), (mistake.kind, code, None)):
            if (reason := self.known.get(source.name, {}).get(key)) is not None:
                used.add((source.name, *key))
                return reason
        return None

    def stale(self, sources, used):
        """Those of these sources that fit no mistake any more."""
        return [(source.name, *key) for source in sources for key in self.known.get(source.name, {}) if (source.name, *key) not in used]
