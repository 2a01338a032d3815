"""RFC 6455 by cases, in the sections of the Autobahn test suite: an edge on the way changes not one octet of what a server says to them,
valid or not, for clients over HTTP/1.1 and HTTP/2 and servers of either.

A case is what a client sends, piece by piece, and the code with which the server of the library `websockets` closes; what it says without
an edge is what it has to say with one.
"""
import contextlib
import zlib

import pytest

import meridian
from lone_edge import LoneEdge, slot_address
from test_websocket import Echo
from websocket_clients import OVER, OverHttp1, haproxy

CONTINUES, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\xa5\x3c\x00\xff"
FINE, PROTOCOL, NO_TEXT = 1000, 1002, 1007  # RFC 6455 7.4.1
WELL = "Hello-µ@ßöäüàá-UTF-8!!".encode()
KOSME = "κόσμε".encode()


def frame(kind, payload=b"", fin=True, reserved=0):
    """Masked, as a client's are; the length in its shortest form."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big") if size < 65536 else b"\xff" + size.to_bytes(8, "big")
    mask = MASK * (size // 4 + 1)
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")
    return bytes([fin << 7 | reserved << 4 | kind]) + length + MASK + masked


def fragments(kind, *payloads):
    """A message in so many frames."""
    return [frame(CONTINUES if n else kind, payload, n == len(payloads) - 1) for n, payload in enumerate(payloads)]


def chopped(octets, size=1):
    return [octets[at:at + size] for at in range(0, len(octets), size)]


def closing(code=FINE, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


SETTLED = frame(TEXT, b"settled")


def well(*pieces):
    """The client closes behind them, when all has come back, and is answered."""
    return ([*pieces, SETTLED, closing()], FINE)


def ill(code, *pieces):
    return ([*pieces], code)


def deflated(octets):
    """As permessage-deflate has it (RFC 7692 7.2.1)."""
    coder = zlib.compressobj(wbits=-15)
    return (coder.compress(octets) + coder.flush(zlib.Z_SYNC_FLUSH))[:-4]


def messages(kind, letter):
    sizes = {f"{size}": well(frame(kind, letter * size)) for size in (0, 125, 126, 127, 128, 65535, 65536)}
    return {**sizes, "65536 in pieces of 997": well(*chopped(frame(kind, letter * 65536), 997))}


def texts(*payloads):
    """Text that is UTF-8, and text that is not."""
    def outcome(payload):
        with contextlib.suppress(UnicodeDecodeError):
            payload.decode()
            return well(frame(TEXT, payload))
        return ill(NO_TEXT, frame(TEXT, payload))
    return {payload.hex(): outcome(payload) for payload in payloads}


def last_of_each_length():
    """Sequences whose last octet is missing (6.14)."""
    return [bytes.fromhex(text) for text in ("c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf")]


UTF8 = [
    *(KOSME[:size] for size in range(1, len(KOSME) + 1)),
    *(bytes.fromhex(text) for text in (
        "00", "c280", "e0a080", "f0908080", "f888808080", "fc8480808080",                        # the first of each length
        "7f", "dfbf", "efbfbf", "f48fbfbf", "f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf",            # the last
        "ed9fbf", "ee8080", "efbfbd", "f4908080",                                                # about the surrogates, and beyond the end
        "fe", "ff", "fefeffff",                                                                  # never in UTF-8
        "c0af", "e080af", "f08080af", "f8808080af", "fc80808080af",                              # longer than need be
        "c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf", "c080", "e08080", "f0808080", "f880808080", "fc8080808080",
        "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf",                    # surrogates, alone and in pairs
        "eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf", "edae80edb080", "edae80edbfbf", "edafbfedb080", "edafbfedbfbf",
        "efbfbe", *(f"{lead}bf{last}" for lead in ("f09f", "f0af", "f1bf", "f2af", "f38f", "f48f") for last in ("be", "bf")))),
    *(b"\x80" * size for size in range(1, 8)), b"\xbf", b"\x80\xbf", bytes(range(0x80, 0xC0)),
    *(b" ".join(bytes([lead]) for lead in leads) + b" " for leads in (range(0xC0, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF8), range(0xF8, 0xFC), range(0xFC, 0xFE))),
    *last_of_each_length(), b"".join(last_of_each_length()),
]
PARTS = [WELL[:12], WELL[12:]]
BROKEN = KOSME + b"\xf4\x90\x80\x80" + b"edited"
LARGE = bytes(range(256)) * 4096  # 1 MiB
SMALL = bytes(range(251))
SQUEEZED = deflated(b"squeeze me " * 1000)

SECTIONS = {
    "1.1": messages(TEXT, b"*"),
    "1.2": messages(BINARY, b"\xfe"),
    "2": {"empty": well(frame(PING)), "text": well(frame(PING, b"Hello, world!")), "octets": well(frame(PING, bytes([0, 255, 254, 253]))), "125": well(frame(PING, b"\xfe" * 125)),
          "126 is too long": ill(PROTOCOL, frame(PING, b"\xfe" * 126)), "125 octet by octet": well(*chopped(frame(PING, b"\xfe" * 125))),
          "a pong that nobody waits for": well(frame(PONG)), "with a payload": well(frame(PONG, b"unsolicited")), "and a ping": well(frame(PONG, b"unsolicited"), frame(PING, b"ping")),
          "ten": well(*(frame(PING, b"%d" % n) for n in range(10))), "ten octet by octet": well(*(piece for n in range(10) for piece in chopped(frame(PING, b"%d" % n))))},
    "3": {f"{kind} {bits}": ill(PROTOCOL, frame(kind, b"" if kind == CLOSE else b"reserved", reserved=bits)) for kind in (TEXT, BINARY, PING, CLOSE) for bits in range(1, 8)},
    "4": {f"{kind} {len(payload)}": ill(PROTOCOL, frame(kind, payload), frame(PING)) for kind in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15) for payload in (b"", b"reserved opcode")},
    "5": {"ping in two": ill(PROTOCOL, *fragments(PING, b"a", b"b")), "pong in two": ill(PROTOCOL, *fragments(PONG, b"a", b"b")),
          "text in two": well(*fragments(TEXT, b"fragment1", b"fragment2")), "in one piece": well(b"".join(fragments(TEXT, b"fragment1", b"fragment2"))),
          "octet by octet": well(*chopped(b"".join(fragments(TEXT, b"fragment1", b"fragment2")))),
          "a ping between": well(frame(TEXT, b"fragment1", False), frame(PING, b"ping"), frame(CONTINUES, b"fragment2")),
          "a ping between octet by octet": well(*chopped(frame(TEXT, b"fragment1", False) + frame(PING, b"ping") + frame(CONTINUES, b"fragment2"))),
          "goes on from nothing": ill(PROTOCOL, frame(CONTINUES, b"x"), frame(TEXT, b"y")), "and not to an end": ill(PROTOCOL, frame(CONTINUES, b"x", False), frame(TEXT, b"y")),
          "goes on behind an end": ill(PROTOCOL, *fragments(TEXT, b"a", b"b"), SETTLED, frame(CONTINUES, b"c", False), frame(TEXT, b"d")),
          "a second beginning": ill(PROTOCOL, frame(TEXT, b"a", False), frame(TEXT, b"b")),
          "pings between five": well(*(piece for n, part in enumerate(fragments(TEXT, *[b"part"] * 5)) for piece in ([part, frame(PING, b"%d" % n)] if n < 4 else [part])))},
    "6": {"nothing in three": well(*fragments(TEXT, b"", b"", b"")), "in the middle alone": well(*fragments(TEXT, b"", b"middle", b"")), "whole": well(frame(TEXT, WELL)),
          "in two": well(*fragments(TEXT, *PARTS)), "a frame an octet": well(*fragments(TEXT, *chopped(WELL))), "octet by octet": well(*chopped(frame(TEXT, WELL))),
          "broken": ill(NO_TEXT, frame(TEXT, BROKEN)), "broken, a frame an octet": ill(NO_TEXT, *fragments(TEXT, *chopped(BROKEN))),
          "broken octet by octet": ill(NO_TEXT, *chopped(frame(TEXT, BROKEN))), **texts(*UTF8)},
    "7": {"text and a close": well(frame(TEXT, b"Hello World!")), "two closes": ill(FINE, closing() + closing()), "a ping behind it": ill(FINE, closing() + frame(PING)),
          "text behind it": ill(FINE, closing() + frame(TEXT, b"late")), "inside a message": ill(FINE, frame(TEXT, b"begun", False) + closing() + frame(CONTINUES, b"late")),
          "behind much": well(frame(TEXT, b"*" * (256 * 1024))), "empty": ill(None, frame(CLOSE)), "of one octet": ill(PROTOCOL, frame(CLOSE, b"a")),
          "with a reason": ill(FINE, closing(FINE, b"Hello World!")), "with the longest": ill(FINE, closing(FINE, b"*" * 123)), "with a longer": ill(PROTOCOL, closing(FINE, b"*" * 124)),
          "with what is no text": ill(NO_TEXT, closing(FINE, b"\xce\xba\xf4\x90\x80\x80")),
          **{f"{code}": ill(code, closing(code)) for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)},
          **{f"{code} is none": ill(PROTOCOL, closing(code)) for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)}},
    "9": {"1 MiB": well(frame(BINARY, LARGE)), "in frames of 64": well(*chopped(b"".join(fragments(BINARY, *chopped(LARGE[:65536], 64))), 4096)),
          "in frames of 4096": well(*fragments(BINARY, *chopped(LARGE, 4096))), "in pieces of 64": well(*chopped(frame(BINARY, LARGE[:65536]), 64)),
          "a thousand": well(*(frame(BINARY, SMALL[:n % 252]) for n in range(1000)))},
    "10": {"65536 in frames of 1300": well(*fragments(TEXT, *chopped(b"*" * 65536, 1300)))},
    "12": {"deflated": well(frame(TEXT, SQUEEZED, reserved=4)), "in two": well(frame(TEXT, SQUEEZED[:20], False, 4), frame(CONTINUES, SQUEEZED[20:]))},
}


@pytest.fixture(scope="module", name="world")
def make_world(tmp_path_factory):
    """An edge with a server of HTTP/1.1 and one of HTTP/2, and what the cases got without it."""
    directory = tmp_path_factory.mktemp("cases")
    with meridian.Lease() as slot, Echo(slot_address(slot, "2.1")) as echo, haproxy(directory, slot_address(slot, "2.1"), echo.name) as front:
        routes = [{"path": "/h1", "pool": "web"}, {"path": "/h2", "pool": "new"}]
        with LoneEdge(directory, slot, [echo.name], pools={"new": {"protocol": "h2", "servers": [front]}}, routes=routes) as edge:
            yield edge.host, slot_address(slot, "2.1"), {}


def heard(client, pieces):
    """Whatever the server says to them, up to its end. Its messages wait for each other, and for nothing else: a close would be before them."""
    assert client.status == client.switched
    settled = (b"\x81\x07settled", bytes([0xC1, len(deflated(b"settled"))]) + deflated(b"settled"))
    for piece in pieces:
        client.raw(piece)
        while piece == SETTLED and not client.body.endswith(settled):
            assert client.more(), client.body[-130:]
    client.until_over()
    return client.body, client.ended and not client.broken


def expected(world, section, name):
    _, server, directly = world
    if (section, name) not in directly:
        pieces, code = SECTIONS[section][name]
        with OverHttp1(server, "/", *offers(section), port=9000) as client:
            said, ended = heard(client, pieces)
        assert ended and ends_with(said, code), (name, code, said[-130:])
        directly[section, name] = said
    return directly[section, name]


def ends_with(said, code):
    """A Close with this code and some reason, or with neither."""
    if code is None:
        return said.endswith(b"\x88\0")
    return any(said[-size - 2:][:4] == bytes([0x88, size]) + code.to_bytes(2, "big") for size in range(2, 126))


def offers(section):
    return [("sec-websocket-extensions", "permessage-deflate; server_no_context_takeover")] if section == "12" else []


@pytest.mark.parametrize("server", ["h1", "h2"])
@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("section", SECTIONS)
def test_what_the_server_says_passes_octet_for_octet(world, section, over, server):
    wrong = {}
    for name, (pieces, _) in SECTIONS[section].items():
        said = expected(world, section, name)
        with OVER[over](world[0], f"/{server}", *offers(section)) as client:
            got, ended = heard(client, pieces)
        if got != said or not ended:
            wrong[name] = (ended, got[:60], said[:60], len(got), len(said))
    assert not wrong


def test_the_sections_are_as_full_as_they_should_be():
    assert sum(map(len, SECTIONS.values())) > 230
