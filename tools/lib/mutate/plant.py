"""Finds the places of a source where a mistake can be planted, by clang's AST, and writes the source with all of them behind
the switch (switch.h). Every edit stays on its line, so that what the compiler says of the copy is true of the source."""
import dataclasses

from clang.cindex import CursorKind, Index, TypeKind

ORDERS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
SUMS = {"+": "plus", "-": "minus"}
INTEGERS = {TypeKind.CHAR_U, TypeKind.UCHAR, TypeKind.USHORT, TypeKind.UINT, TypeKind.ULONG, TypeKind.ULONGLONG, TypeKind.CHAR_S,
            TypeKind.SCHAR, TypeKind.SHORT, TypeKind.INT, TypeKind.LONG, TypeKind.LONGLONG, TypeKind.FLOAT, TypeKind.DOUBLE}
STATEMENTS = {CursorKind.CALL_EXPR, CursorKind.BINARY_OPERATOR, CursorKind.COMPOUND_ASSIGNMENT_OPERATOR, CursorKind.UNARY_OPERATOR,
              CursorKind.UNEXPOSED_EXPR, CursorKind.CONTINUE_STMT, CursorKind.BREAK_STMT}
FUNCTIONS = {CursorKind.FUNCTION_DECL, CursorKind.CXX_METHOD, CursorKind.CONSTRUCTOR, CursorKind.DESTRUCTOR, CursorKind.FUNCTION_TEMPLATE,
             CursorKind.CONVERSION_FUNCTION}
NAMES = {CursorKind.DECL_REF_EXPR, CursorKind.MEMBER_REF_EXPR}


@dataclasses.dataclass(frozen=True)
class Mistake:
    line: int
    column: int
    kind: str    # what is wrong with it
    edits: tuple  # of (offset, order, octets to drop, text with {n} for its number)


class Planter:
    def __init__(self, path, arguments):
        self.path = str(path)
        self.source = path.read_bytes()
        self.unit = Index.create().parse(self.path, args=arguments)
        self.found = {}

    def all(self):
        self.walk(self.unit.cursor, inside=False, allowed=True)
        return sorted(self.found.values(), key=lambda m: (m.line, m.column, m.kind))

    # -- places

    def walk(self, cursor, inside, allowed):
        for number, child in enumerate(cursor.get_children()):
            if cursor.kind == CursorKind.CASE_STMT and number == 0:
                continue  # the compiler evaluates it, too
            where = child.extent.start
            if where.file is None or where.file.name != self.path:
                continue
            body = inside or child.kind in FUNCTIONS
            if child.kind in (CursorKind.DECL_STMT, CursorKind.VAR_DECL) and self.text(child).startswith((b"constexpr", b"static constexpr")):
                continue  # the compiler evaluates it, as it is written
            # GCC 12 and what is made inside a co_await expression: decision 001.
            may = allowed and not ((child.kind.is_expression() or child.kind == CursorKind.DECL_STMT) and b"co_" in self.text(child))
            if body and may:
                self.look(child)
            if body and cursor.kind == CursorKind.COMPOUND_STMT and child.kind in STATEMENTS and self.whole_statement(child):
                self.add(child, "left out", self.before(child, "if (!::mutate::on({n})) "))
            self.walk(child, body, may)

    def look(self, cursor):
        kind = cursor.kind
        if kind == CursorKind.IF_STMT:
            self.condition(cursor)
        elif kind in (CursorKind.WHILE_STMT, CursorKind.CONDITIONAL_OPERATOR):
            first = next(cursor.get_children(), None)
            if first is not None and first.kind.is_expression():
                wrong = "never" if kind == CursorKind.WHILE_STMT else "the other way round"
                self.wrap(first, wrong, "((", ") && !::mutate::on({n}))") if kind == CursorKind.WHILE_STMT else \
                    self.wrap(first, wrong, "(static_cast<bool>(", ") != ::mutate::on({n}))")
        elif kind == CursorKind.BINARY_OPERATOR or (kind == CursorKind.CALL_EXPR and cursor.spelling.startswith("operator")):
            self.operator(cursor)
        elif kind == CursorKind.INTEGER_LITERAL and self.text(cursor)[-1:].isalnum() and b"'" not in self.text(cursor):
            text = self.text(cursor).decode()
            self.wrap(cursor, f"{text} + 1", "(", f" + (::mutate::on({{n}}) ? 1 : 0))")
        elif kind == CursorKind.CXX_BOOL_LITERAL_EXPR:
            self.wrap(cursor, "the other way round", "(", " != ::mutate::on({n}))")
        elif kind == CursorKind.UNARY_OPERATOR and self.text(cursor).startswith(b"!"):
            self.wrap(cursor, "without !", "((", ") != ::mutate::on({n}))")
        elif kind == CursorKind.CALL_EXPR:
            self.arguments(cursor)

    def condition(self, cursor):
        head = self.text(cursor)[:40].split(b"(")[0]
        children = list(cursor.get_children())
        if b"constexpr" in head or not children or children[0].kind == CursorKind.VAR_DECL:
            return
        test = next((child for child in children[:2] if child.kind.is_expression()), None)
        if test is None:
            return
        self.wrap(test, "never", "((", ") && !::mutate::on({n}))")
        self.wrap(test, "always", "((", ") || ::mutate::on({n}))")

    def operator(self, cursor):
        parts = [child for child in cursor.get_children() if any(chr(octet).isalnum() for octet in self.text(child))]
        if len(parts) != 2:
            return
        left, right = sorted(parts, key=lambda part: part.extent.start.offset)
        between = self.source[left.extent.end.offset:right.extent.start.offset]
        sign = between.strip().decode(errors="replace")
        if sign in ("&&", "||"):
            for part in (left, right):
                dropped = ("((", ") || ::mutate::on({n}))") if sign == "&&" else ("((", ") && !::mutate::on({n}))")
                self.wrap(part, f"without this part of {sign}", *dropped)
        elif sign in ("==", "!="):
            self.wrap(cursor, f"{sign} the other way round", "((", ") != ::mutate::on({n}))")
        elif sign in ORDERS or (sign in SUMS and all(part.type.get_canonical().kind in INTEGERS for part in parts)):
            other = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+"}[sign]
            at = left.extent.end.offset + between.index(sign.encode())
            self.add(cursor, f"{sign} becomes {other}",
                     self.before(cursor, f"::mutate::{ORDERS.get(sign) or SUMS[sign]}({{n}}, ")
                     + ((at, 0, len(sign), ","),) + self.behind(cursor, ")"))

    def arguments(self, cursor):
        given = list(cursor.get_arguments())
        for one, other in zip(given, given[1:]):
            one, other = self.bare(one), self.bare(other)
            if one is None or other is None or self.text(one) == self.text(other):
                continue
            if one.type.get_canonical().spelling != other.type.get_canonical().spelling:
                continue
            a, b = self.text(one).decode(), self.text(other).decode()
            if a.isidentifier() and b.isidentifier():
                self.add(one, f"{a} and {b} swapped", self.before(one, f"(::mutate::on({{n}}) ? {b} : ") + self.behind(one, ")")
                         + self.before(other, f"(::mutate::on({{n}}) ? {a} : ") + self.behind(other, ")"))

    # -- edits

    @staticmethod
    def bare(cursor):
        while cursor.kind == CursorKind.UNEXPOSED_EXPR:
            inner = list(cursor.get_children())
            if len(inner) != 1:
                return None
            cursor = inner[0]
        return cursor if cursor.kind in NAMES else None

    def text(self, cursor):
        return self.source[cursor.extent.start.offset:cursor.extent.end.offset]

    def whole_statement(self, cursor):
        return self.source[cursor.extent.end.offset:].lstrip()[:1] == b";"

    def before(self, cursor, text):
        extent = cursor.extent
        return ((extent.start.offset, -(extent.end.offset - extent.start.offset), 0, text),)

    def behind(self, cursor, text):
        extent = cursor.extent
        return ((extent.end.offset, -(1 << 30) + (extent.end.offset - extent.start.offset), 0, text),)

    def wrap(self, cursor, kind, before, behind):
        self.add(cursor, kind, self.before(cursor, before) + self.behind(cursor, behind))

    def add(self, cursor, kind, edits):
        start, end = cursor.extent.start, cursor.extent.end
        text = self.text(cursor)
        # A macro's text is not where it is used.
        if start.offset >= end.offset or b"\n#" in text or start.file is None or start.file.name != self.path:
            return
        mistake = Mistake(start.line, start.column, kind, edits)
        self.found[(start.offset, end.offset, kind)] = mistake


def planted(source, mistakes):
    """The source with these mistakes, {number: Mistake}, behind the switch."""
    edits = []
    for number, mistake in mistakes.items():
        for offset, order, drop, text in mistake.edits:
            # At one place: what ends there, the inner first; then what begins there, the outer first.
            ends = order < -(1 << 29)
            edits.append((offset, order, -number if ends else number, drop, text.replace("{n}", str(number))))
    out, at = [], 0
    for offset, _, _, drop, text in sorted(edits):
        out += [source[at:offset], text.encode()]
        at = offset + drop
    return b"".join([*out, source[at:]])
