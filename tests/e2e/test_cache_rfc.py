"""The cache by the letter: what http-tests/cache-tests describes, and the sections it comes from, as a table. Each case is a list of
requests to one URL; what the server would answer to each, and whether it is asked. No test waits for a clock: a response that is to
be stale says so by its Age.

    Ask(answer, sent, want)     want: `server` the server is asked, `cache` it is not, `validated` it is asked by a condition
"""
import dataclasses
import email.utils
import itertools
import time

import pytest

import meridian
from lone_edge import LoneEdge, Scripted, answering, slot_address

STALE = ["Cache-Control: max-age=3600", "Age: 7200", 'ETag: "abc"']
FRESH = ["Cache-Control: max-age=3600"]


def date(offset):
    return email.utils.formatdate(time.time() + offset, usegmt=True)


@dataclasses.dataclass
class Ask:
    answer: list = dataclasses.field(default_factory=list)  # lines of fields
    want: str = "server"
    sent: list = dataclasses.field(default_factory=list)
    status: int = 200
    method: str = "GET"
    body: bytes = b"0123456789A"
    shows: int = 0           # the status that the client sees, if it is another one
    text: bytes = None       # the body that it sees
    fields: dict = dataclasses.field(default_factory=dict)  # that it sees; None: it must not
    asked: list = dataclasses.field(default_factory=list)   # lines that the server must see, "!line": must not
    path: str = ""           # beside the case's own


def cached(answer, sent=(), **more):
    return [Ask(answer), Ask(want="cache", sent=list(sent), **more)]


def not_cached(answer, sent=(), **more):
    return [Ask(answer, **more), Ask(want="server", sent=list(sent))]


def validated(answer, sent=(), asked=()):
    return [Ask(answer), Ask(want="validated", sent=list(sent), status=304, shows=200, asked=list(asked))]


CASES = {
    # RFC 9111 4.2.1, 5.2.2: freshness
    "freshness-none": not_cached([]),
    "freshness-max-age": cached(FRESH),
    "freshness-max-age-stale": validated(STALE),
    "freshness-max-age-0": not_cached(["Cache-Control: max-age=0"]),
    "freshness-max-age-max": cached(["Cache-Control: max-age=2147483648"]),
    "freshness-max-age-max-plus": cached(["Cache-Control: max-age=99999999999"]),
    "freshness-max-age-age": not_cached(["Cache-Control: max-age=3600", "Age: 7200"]),
    "freshness-max-age-date": not_cached(["Cache-Control: max-age=3600", f"Date: {date(-7200)}"]),
    "freshness-max-age-expires": cached(["Cache-Control: max-age=3600", f"Expires: {date(-7200)}"]),
    "freshness-max-age-0-expires": not_cached(["Cache-Control: max-age=0", f"Expires: {date(3600)}"]),
    "freshness-max-age-expires-invalid": cached(["Cache-Control: max-age=3600", "Expires: 0"]),
    "freshness-max-age-extension": cached(["Cache-Control: foobar, max-age=3600"]),
    "freshness-max-age-case-insenstive": cached(["Cache-Control: MaX-aGe=3600"]),
    "freshness-max-age-negative": not_cached(["Cache-Control: max-age=-3600"]),
    "freshness-s-maxage-shared": cached(["Cache-Control: s-maxage=3600"]),
    "freshness-max-age-s-maxage-shared-longer": not_cached(["Cache-Control: max-age=3600, s-maxage=0"]),
    "freshness-max-age-s-maxage-shared-longer-multiple": not_cached(["Cache-Control: max-age=3600", "Cache-Control: s-maxage=0"]),
    "freshness-max-age-s-maxage-shared-shorter": cached(["Cache-Control: max-age=0, s-maxage=3600", f"Expires: {date(-10)}"]),
    "freshness-expires-future": cached([f"Expires: {date(3600)}"]),
    "freshness-expires-past": not_cached([f"Expires: {date(-3600)}"]),
    "freshness-expires-present": not_cached([f"Expires: {date(0)}", f"Date: {date(0)}"]),
    "freshness-expires-old-date": cached([f"Expires: {date(3600)}", f"Date: {date(-5)}"]),
    "freshness-expires-invalid": not_cached(["Expires: 0"]),
    "freshness-expires-age-slow-date": not_cached([f"Expires: {date(30)}", "Age: 60"]),
    # 4.2.1 and 5.2: parsing
    "freshness-max-age-two-fresh-stale": not_cached(["Cache-Control: max-age=1800, max-age=0"]),
    "freshness-max-age-two-stale-fresh": not_cached(["Cache-Control: max-age=0", "Cache-Control: max-age=1800"]),
    "freshness-max-age-ignore-quoted": not_cached(['Cache-Control: extension="max-age=3600", max-age=0']),
    "freshness-max-age-ignore-quoted-rev": not_cached(['Cache-Control: max-age=0, extension="max-age=3600"']),
    "freshness-max-age-quoted": cached(['Cache-Control: max-age="3600"']),
    "freshness-max-age-space-before-equals": not_cached(["Cache-Control: max-age =3600"]),
    "freshness-max-age-space-after-equals": not_cached(["Cache-Control: max-age= 3600"]),
    "freshness-max-age-leading-zero": cached(["Cache-Control: max-age=003600"]),
    "freshness-max-age-single-quoted": not_cached(["Cache-Control: max-age='3600'"]),
    "freshness-max-age-decimal": not_cached(["Cache-Control: max-age=3600.0"]),
    "freshness-max-age-a100": not_cached(["Cache-Control: max-age=a3600"]),
    "freshness-max-age-100a": not_cached(["Cache-Control: max-age=3600a"]),
    # 5.1: Age
    **{f"age-parse-{name}": (cached if good else not_cached)(["Cache-Control: max-age=3600", *[f"Age: {age}" for age in ages]])
       for name, ages, good in (
           ("nonnumeric", ["abc"], True), ("negative", ["-7200"], True), ("float", ["7200.0"], True), ("large-minus-one", ["2147483647"], False),
           ("large", ["2147483648"], False), ("larger", ["2147483649"], False), ("suffix", ["7200, 0"], False), ("prefix", ["0, 7200"], True),
           ("suffix-twoline", ["7200", "0"], False), ("prefix-twoline", ["0", "7200"], True), ("dup-0", ["0, 0"], True), ("dup-0-twoline", ["0", "0"], True))},
    "age-parse-dup-old": cached(["Cache-Control: max-age=10000", "Age: 3600", "Age: 3600"]),
    # 5.3, RFC 9110 5.6.7: Expires
    **{f"freshness-expires-{name}": (cached if good else not_cached)([f"Expires: {value}"])
       for name, value, good in (
           ("wrong-case-weekday", "THU, 18 Aug 2050 02:01:18 GMT", True), ("wrong-case-month", "Thu, 18 AUG 2050 02:01:18 GMT", True),
           ("wrong-case-tz", "Thu, 18 Aug 2050 02:01:18 gMT", True), ("rfc850", "Thursday, 18-Aug-50 02:01:18 GMT", True),
           ("ansi-c", "Thu Aug 18 02:01:18 2050", True), ("invalid-utc", "Thu, 18 Aug 2050 02:01:18 UTC", False),
           ("invalid-no-comma", "Thu 18 Aug 2050 02:01:18 GMT", False), ("invalid-multiple-spaces", "Thu, 18  Aug  2050 02:01:18 GMT", False),
           ("invalid-date-dashes", "Thu, 18-Aug-2050 02:01:18 GMT", False), ("invalid-time-periods", "Thu, 18 Aug 2050 02.01.18 GMT", False),
           ("invalid-1-digit-hour", "Thu, 18 Aug 2050 2:01:18 GMT", False))},
    # RFC 9213
    "cdn-max-age": cached(["CDN-Cache-Control: max-age=3600"]),
    "cdn-max-age-max-plus": cached(["CDN-Cache-Control: max-age=99999999999"]),
    "cdn-max-age-age": not_cached(["CDN-Cache-Control: max-age=3600", "Age: 7200"]),
    "cdn-max-age-space-before-equals": not_cached(["Cache-Control: max-age=0", "CDN-Cache-Control: max-age =100"]),
    "cdn-max-age-space-after-equals": not_cached(["Cache-Control: max-age=0", "CDN-Cache-Control: max-age= 100"]),
    "cdn-max-age-0": not_cached(["CDN-Cache-Control: max-age=0"]),
    "cdn-max-age-extension": cached(["CDN-Cache-Control: foobar, max-age=3600"]),
    "cdn-max-age-expires": cached(["CDN-Cache-Control: max-age=3600", f"Expires: {date(-10000)}"]),
    "cdn-max-age-0-expires": not_cached(["CDN-Cache-Control: max-age=0", f"Expires: {date(10000)}"]),
    "cdn-max-age-short-cc-max-age": cached(["Cache-Control: max-age=0", "CDN-Cache-Control: max-age=3600"]),
    "cdn-max-age-long-cc-max-age": not_cached(["Cache-Control: max-age=3600", "CDN-Cache-Control: max-age=0"]),
    "cdn-private": not_cached(["Cache-Control: max-age=10000", "CDN-Cache-Control: private"]),
    "cdn-no-cache": not_cached(["Cache-Control: max-age=10000", "CDN-Cache-Control: no-cache"]),
    "cdn-no-store-cc-fresh": not_cached(["Cache-Control: max-age=10000", "CDN-Cache-Control: no-store"]),
    "cdn-fresh-cc-nostore": cached(["Cache-Control: no-store", "CDN-Cache-Control: max-age=10000"]),
    "cdn-cc-invalid-sh-type-unknown": not_cached(["Cache-Control: no-store", "CDN-Cache-Control: max-age=10000, &&&&&"]),
    "cdn-cc-invalid-sh-type-wrong": not_cached(["Cache-Control: no-store", 'CDN-Cache-Control: max-age="10000"']),
    # 3, 5.2.2: storing
    "cc-resp-private-shared": not_cached(["Cache-Control: private, max-age=3600"]),
    "cc-resp-no-store": not_cached(["Cache-Control: no-store"]),
    "cc-resp-no-store-case-insensitive": not_cached(["Cache-Control: No-StOrE"]),
    "cc-resp-no-store-fresh": not_cached(["Cache-Control: max-age=10000, no-store", f"Expires: {date(10000)}"]),
    "cc-resp-no-cache": not_cached(["Cache-Control: max-age=10000, no-cache"]),
    "cc-resp-no-cache-case-insensitive": not_cached(["Cache-Control: max-age=10000, No-CaChE"]),
    "cc-resp-no-cache-revalidate": validated(["Cache-Control: no-cache", 'ETag: "abcd"'], asked=['If-None-Match: "abcd"']),
    "cc-resp-no-cache-revalidate-fresh": validated(["Cache-Control: max-age=10000, no-cache", 'ETag: "abcd"']),
    "cc-resp-must-revalidate-fresh": cached(["Cache-Control: max-age=10000, must-revalidate", 'ETag: "abcd"']),
    "cc-resp-must-revalidate-stale": validated(["Cache-Control: max-age=2, must-revalidate", 'ETag: "abcd"', "Age: 5"]),
    "headers-omit-listed-in-no-cache": cached(['Cache-Control: no-cache="a, b", max-age=3600', "A: 1", "B: 2", "C: 3"], fields={"A": None, "B": None, "C": "3"}),
    # Who has begun the fetch gets these: it is not answered by what is stored.
    **{f"headers-listed-in-{name}-go-to-who-asked": [Ask([f'Cache-Control: {name}="a, b", max-age=3600', "A: 1", "B: 2", "C: 3"], fields={"A": "1", "B": "2", "C": "3"}),
                                                     Ask(want="cache", fields={"A": None, "B": None, "C": "3"})] for name in ("no-cache", "private")},
    "headers-listed-in-no-cache-of-a-304": [
        Ask([*STALE, "A: 1", "C: 3"], fields={"A": "1"}),
        Ask(['Cache-Control: no-cache="a", max-age=3600', 'ETag: "abc"', "A: 2"], want="validated", status=304, shows=200, fields={"A": "2", "C": "3"}),
        Ask(want="cache", fields={"A": None, "C": "3"})],
    "status-599-must-understand": not_cached(["Cache-Control: max-age=3600, no-store, must-understand"], status=599),
    "status-200-must-understand": cached(["Cache-Control: max-age=3600, no-store, must-understand"]),
    **{f"status-{code}-fresh": [Ask(FRESH, status=code), Ask(want="cache", shows=code)]
       for code in (200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599)},
    **{f"status-{code}-stale": [Ask(["Cache-Control: max-age=3600", "Age: 7200"], status=code), Ask(want="server", status=code)] for code in (200, 204, 301, 404, 599)},
    "status-206-never": not_cached([*FRESH, "Content-Range: bytes 0-10/20"], status=206),
    # 3.5: Authorization
    "other-authorization": [Ask([f"Expires: {date(3600)}"], sent=["Authorization: FOO"], asked=["Authorization: FOO"]), Ask(want="server")],
    **{f"other-authorization-{name}": [Ask([f"Cache-Control: {value}"], sent=["Authorization: FOO"]), Ask(want="cache")]
       for name, value in (("public", "max-age=3600, public"), ("must-revalidate", "max-age=3600, must-revalidate"), ("smaxage", "s-maxage=3600"))},
    "other-cookie": cached(FRESH, sent=["Cookie: a=b"]),
    "other-set-cookie": not_cached([*FRESH, "Set-Cookie: a=b"]),
    # 3.1: fields
    "headers-store-Test-Header": cached([*FRESH, "Test-Header: x"], fields={"Test-Header": "x"}),
    "headers-omit-headers-listed-in-Connection": cached([*FRESH, "Connection: a, b", "A: 1", "B: 2", "C: 3"], fields={"A": None, "B": None, "C": "3"}),
    **{f"headers-store-{name}": cached([*FRESH, f"{name}: x"], fields={name: None})
       for name in ("Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Connection", "TE", "Upgrade")},
    "headers-store-Content-Encoding": cached([*FRESH, "Content-Encoding: x"], fields={"Content-Encoding": "x"}),
    # 4.1: Vary
    "vary-match": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1"]), Ask(want="cache", sent=["Foo: 1"])],
    "vary-no-match": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1"]), Ask(sent=["Foo: 2"])],
    "vary-omit-stored": [Ask([*FRESH, "Vary: Foo"]), Ask(sent=["Foo: 1"])],
    "vary-omit": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1"]), Ask()],
    "vary-invalidate": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1"], body=b"one"), Ask([*FRESH, "Vary: Foo"], sent=["Foo: 2"], body=b"two"),
                        Ask(want="cache", sent=["Foo: 1"], text=b"one"), Ask(want="cache", sent=["Foo: 2"], text=b"two")],
    "vary-cache-key": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1", "Other: 2"]), Ask(want="cache", sent=["Foo: 1", "Other: 3"])],
    "vary-2-match": [Ask([*FRESH, "Vary: Foo, Bar"], sent=["Foo: 1", "Bar: abc"]), Ask(want="cache", sent=["Bar: abc", "Foo: 1"])],
    "vary-2-no-match": [Ask([*FRESH, "Vary: Foo, Bar"], sent=["Foo: 1", "Bar: abc"]), Ask(sent=["Foo: 2", "Bar: abc"])],
    "vary-3-order": [Ask([*FRESH, "Vary: Foo, Bar, Baz"], sent=["Foo: 1", "Bar: abc", "Baz: 789"]), Ask(sent=["Foo: 1", "Baz: 789", "Bar: abcde"])],
    "vary-3-omit": [Ask([*FRESH, "Vary: Foo, Bar, Baz"], sent=["Foo: 1", "Baz: 789"]), Ask(want="cache", sent=["Foo: 1", "Baz: 789"])],
    **{f"vary-syntax-{i}": [Ask([*FRESH, *lines], sent=["Foo: 1"]), Ask(sent=["Foo: 1"])]
       for i, lines in enumerate((["Vary: *"], ["Vary: *, *"], ["Vary: *", "Vary: *"], ["Vary: , *"], ["Vary: ", "Vary: *"], ["Vary: *, Foo"], ["Vary: Foo, *"]))},
    "vary-normalise-combine": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1, 2"]), Ask(want="cache", sent=["Foo: 1", "Foo: 2"])],
    "vary-normalise-space": [Ask([*FRESH, "Vary: Foo"], sent=["Foo: 1,2"]), Ask(want="cache", sent=["Foo:  1, 2 "])],
    "vary-normalise-lang-order": [Ask([*FRESH, "Vary: Accept-Language"], sent=["Accept-Language: en, de"]), Ask(want="cache", sent=["Accept-Language: de, eN"])],
    # 4.3: validation
    "conditional-etag-strong-generate": validated(STALE, asked=['If-None-Match: "abc"']),
    "conditional-etag-weak-generate-weak": validated(["Cache-Control: max-age=1", "Age: 9", 'ETag: W/"abc"'], asked=['If-None-Match: W/"abc"']),
    "conditional-lm-generate": validated(["Cache-Control: max-age=1", "Age: 9", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"],
                                         asked=["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"]),
    "conditional-etag-vary-headers": [Ask([*STALE, "Vary: Abc"], sent=["Abc: 123"]), Ask(want="validated", status=304, shows=200, sent=["Abc: 123"], asked=["Abc: 123"])],
    "conditional-etag-vary-headers-mismatch": [Ask([*STALE, "Vary: Abc"], sent=["Abc: 123"]), Ask(sent=["Abc: 456"], asked=['!If-None-Match: "abc"'])],
    "conditional-etag-strong-respond": cached([*FRESH, 'ETag: "abcdef"'], sent=['If-None-Match: "abcdef"'], shows=304, text=b"", fields={"ETag": '"abcdef"', "Content-Length": None}),
    "conditional-etag-weak-respond": cached([*FRESH, 'ETag: W/"abcdef"'], sent=['If-None-Match: W/"abcdef"'], shows=304),
    **{f"conditional-etag-strong-respond-multiple-{i}": cached([*FRESH, 'ETag: "abcdef"'], sent=[f"If-None-Match: {value}"], shows=304)
       for i, value in enumerate(('"abcdef", "1234", "5678"', '"1234", "abcdef", "5678"', '"1234", "5678", "abcdef"', "*"))},
    "conditional-etag-precedence": cached([*FRESH, 'ETag: "abcdef"', "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"],
                                          sent=['If-None-Match: "abcdef"', "If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT"], shows=304),
    "conditional-etag-mismatch": cached([*FRESH, 'ETag: "abcdef"'], sent=['If-None-Match: "other"']),
    "conditional-lm-fresh": cached([*FRESH, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], sent=["If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"], shows=304),
    "conditional-lm-fresh-earlier": cached([*FRESH, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], sent=["If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT"]),
    # 4.3.2: Date stands in for a Last-Modified that is not there
    "conditional-lm-fresh-no-lm": cached(["Cache-Control: max-age=100000", f"Date: {date(-3000)}"], sent=[f"If-Modified-Since: {date(-2000)}"], shows=304),
    "conditional-lm-older-no-lm": cached(["Cache-Control: max-age=100000", f"Date: {date(-3000)}"], sent=[f"If-Modified-Since: {date(-4000)}"], text=b"0123456789A"),
    "conditional-miss": [Ask([*FRESH, 'ETag: "abc"'], sent=['If-None-Match: "abc"'], shows=304, asked=["!If-None-Match"]), Ask(want="cache")],
    "conditional-for-the-origin": [Ask([*FRESH, 'ETag: "abc"']), Ask(sent=['If-Match: "abc"'], asked=['If-Match: "abc"'])],
    "validated-by-another": [Ask(STALE, body=b"old"), Ask([*FRESH, 'ETag: "new"'], body=b"new", asked=['If-None-Match: "abc"'], text=b"new"), Ask(want="cache", text=b"new")],
    # 3.2: a 304 updates
    **{f"304-update-{header}": [
        Ask([*STALE, f"{header}: {a}"]),
        Ask(["Cache-Control: max-age=3600", 'ETag: "abc"', f"{header}: {b}"], want="validated", status=304, shows=200, fields={header: b}),
        Ask(want="cache", fields={header: b})]
       for header, a, b in (("Test-Header", "A", "B"), ("X-Test-Header", "A", "B"), ("Content-Foo", "A", "B"), ("Content-Type", "text/plain", "text/html"),
                            ("Content-Location", "/foo", "/bar"), ("X-Frame-Options", "deny", "sameorigin"), ("Expires", "Fri, 01 Jan 2038 01:01:01 GMT", "Mon, 11 Jan 2038 11:11:11 GMT"))},
    "304-keeps-Content-MD5": [
        Ask([*STALE, "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A=="]),
        Ask(["Cache-Control: max-age=3600", 'ETag: "abc"', "Content-MD5: N7UdGUp1E+RbVvZSTy1R8g=="], want="validated", status=304, shows=200,
            fields={"Content-MD5": "rL0Y20zC+Fzt72VPzMSk2A=="}), Ask(want="cache", fields={"Content-MD5": "rL0Y20zC+Fzt72VPzMSk2A=="})],
    "304-use-stored": [Ask([*STALE, "Test-Header: A"]), Ask(['ETag: "abc"', "Cache-Control: max-age=3600"], want="validated", status=304, shows=200, fields={"Test-Header": "A"}), Ask(want="cache")],
    "304-keeps-content-length": [Ask(STALE), Ask(["Cache-Control: max-age=3600", "Content-Length: 5"], want="validated", status=304, shows=200, text=b"0123456789A"), Ask(want="cache", text=b"0123456789A")],
    # 4.4: invalidation
    **{f"invalidate-{method}": [Ask(FRESH), Ask(method=method), Ask(want="server")] for method in ("POST", "PUT", "DELETE", "PATCH")},
    **{f"invalidate-{method}-failed": [Ask(FRESH), Ask(method=method, status=500), Ask(want="cache")] for method in ("POST", "PUT", "DELETE")},
    **{f"invalidate-{name.lower()}": [Ask(FRESH, path="/target"), Ask([f"{name}: target"], method="POST", status=201, path="/form"), Ask(want="server", path="/target")]
       for name in ("Location", "Content-Location")},
    "invalidate-safe": [Ask(FRESH), Ask(method="OPTIONS"), Ask(want="cache")],
    # 5.2.1, 5.4: requests
    "ccreq-ma0": [Ask(FRESH), Ask(sent=["Cache-Control: max-age=0"])],
    "ccreq-ma1": [Ask([*FRESH, "Age: 5"]), Ask(sent=["Cache-Control: max-age=1"])],
    "ccreq-magreaterage": [Ask([*FRESH, "Age: 1800"]), Ask(sent=["Cache-Control: max-age=600"])],
    "ccreq-max-stale": [Ask(STALE), Ask(want="cache", sent=["Cache-Control: max-stale=10000"])],
    "ccreq-max-stale-too-old": [Ask(STALE), Ask(sent=["Cache-Control: max-stale=1000"])],
    "ccreq-max-stale-forbidden": [Ask(["Cache-Control: max-age=1, must-revalidate", "Age: 2", 'ETag: "a"']), Ask(sent=["Cache-Control: max-stale"])],
    "ccreq-min-fresh": [Ask(["Cache-Control: max-age=1500"]), Ask(sent=["Cache-Control: min-fresh=2000"])],
    "ccreq-min-fresh-age": [Ask(["Cache-Control: max-age=1500", "Age: 1000"]), Ask(sent=["Cache-Control: min-fresh=1000"])],
    "ccreq-no-cache": [Ask(FRESH), Ask(sent=["Cache-Control: no-cache"])],
    "ccreq-no-cache-etag": [Ask([*FRESH, 'ETag: "abc"']), Ask(want="validated", status=304, shows=200, sent=["Cache-Control: no-cache"], asked=['If-None-Match: "abc"'])],
    "ccreq-no-store": [Ask(FRESH), Ask(sent=["Cache-Control: no-store"])],
    "ccreq-no-store-not-stored": [Ask(FRESH, sent=["Cache-Control: no-store"]), Ask(want="server")],
    "ccreq-oic": [Ask(want="cache", sent=["Cache-Control: only-if-cached"], shows=504)],
    "ccreq-oic-stored": [Ask(FRESH), Ask(want="cache", sent=["Cache-Control: only-if-cached"])],
    "pragma-request-no-cache": [Ask(FRESH), Ask(sent=["Pragma: no-cache"])],
    "pragma-response-no-cache": cached([*FRESH, "Pragma: no-cache"]),
    # 4, RFC 9110 14: HEAD and Range from a whole response
    "head-from-get": [Ask(FRESH), Ask(want="cache", method="HEAD", text=b"", fields={"Content-Length": "11"})],
    # 4.3.5: what a server says to a HEAD is news of what is stored
    "head-updates": [Ask([*STALE, "A: 1", "B: 1"]), Ask([*FRESH, 'ETag: "abc"', "A: 2"], method="HEAD"), Ask(want="cache", fields={"A": "2", "B": "1"}, text=b"0123456789A")],
    "head-updates-without-a-validator": [Ask(["Cache-Control: max-age=3600, stale-if-error=9999", "Age: 7200"]), Ask(FRESH, method="HEAD"), Ask(want="cache")],
    **{f"head-with-another-{name}": [
        Ask([*FRESH, 'ETag: "abc"', "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"]),
        Ask([*FRESH, *answer], method="HEAD", sent=["Cache-Control: no-cache"], body=body),
        Ask([*FRESH, 'ETag: "abc"'], want="validated", status=304, shows=200), Ask(want="cache")]
       for name, answer, body in (("tag", ['ETag: "def"'], b"0123456789A"), ("date", ["Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT"], b"0123456789A"),
                                  ("length", ['ETag: "abc"'], b"01234"))},
    "head-that-is-told-404": [Ask([*FRESH, 'ETag: "abc"']), Ask(method="HEAD", status=404, sent=["Cache-Control: no-cache"]), Ask(want="cache")],
    "head-is-not-stored": [Ask(FRESH, method="HEAD"), Ask(want="server")],
    "partial-store-complete-reuse-partial": cached(FRESH, sent=["Range: bytes=0-1"], shows=206, text=b"01", fields={"Content-Range": "bytes 0-1/11"}),
    "partial-store-complete-reuse-partial-no-last": cached(FRESH, sent=["Range: bytes=1-"], shows=206, text=b"123456789A"),
    "partial-store-complete-reuse-partial-suffix": cached(FRESH, sent=["Range: bytes=-1"], shows=206, text=b"A"),
    "partial-unsatisfiable": cached(FRESH, sent=["Range: bytes=50-60"], shows=416, fields={"Content-Range": "bytes */11"}),
    "partial-several-close-together": cached(FRESH, sent=["Range: bytes=0-1, 9-10"], shows=206, text=b"0123456789A"),
    "partial-if-range": cached([*FRESH, 'ETag: "abc"'], sent=["Range: bytes=0-1", 'If-Range: "abc"'], shows=206, text=b"01"),
    "partial-if-range-changed": cached([*FRESH, 'ETag: "abc"'], sent=["Range: bytes=0-1", 'If-Range: "old"'], text=b"0123456789A"),
    "partial-is-not-stored": [Ask([*FRESH, "Content-Range: bytes 0-10/20"], status=206, sent=["Range: bytes=0-10"], asked=["Range: bytes=0-10"]), Ask(want="server")],
    # RFC 5861
    "stale-503": [Ask(STALE), Ask(status=503)],
    "stale-sie-503": [Ask(["Cache-Control: max-age=3600, stale-if-error=9999", "Age: 7200"], body=b"old"), Ask(status=503, shows=200, text=b"old")],
    "stale-sie-404": [Ask(["Cache-Control: max-age=3600, stale-if-error=9999", "Age: 7200"], body=b"old"), Ask(status=404)],
    "stale-sie-window": [Ask(["Cache-Control: max-age=3600, stale-if-error=60", "Age: 7200"]), Ask(status=503)],
    **{f"stale-close-{name}": [Ask([f"Cache-Control: max-age=3600, {name}, stale-if-error=9999", "Age: 7200"]), Ask(status=503)] for name in ("must-revalidate", "proxy-revalidate", "no-cache")},
    # 4, 5.1; RFC 9110 6.6.1
    "other-age-gen": cached(FRESH, fields={"Age": "0"}),
    "other-age-update": cached([*FRESH, "Age: 30"], fields={"Age": "30"}),
    "other-date-update": cached([*FRESH, "Date: Sun, 06 Nov 2039 08:49:37 GMT"], fields={"Date": "Sun, 06 Nov 2039 08:49:37 GMT"}),
    "other-expires-update": cached(["Expires: Thu, 18 Aug 2050 02:01:18 GMT"], fields={"Expires": "Thu, 18 Aug 2050 02:01:18 GMT"}),
    "query-args-different": [Ask(FRESH, path="?test=1"), Ask(want="server", path="?test=2")],
    "query-args-same": [Ask(FRESH, path="?test=1"), Ask(want="cache", path="?test=1")],
    "other-fresh-content-disposition-attachment": cached([*FRESH, "Content-Disposition: attachment; filename=example.txt"]),
    "heuristic-off": not_cached([f"Last-Modified: {date(-86400)}"]),
}
GUESSED = {
    **{f"heuristic-{code}": [Ask([f"Last-Modified: {date(-864000)}"], status=code), Ask(want="cache" if good else "server", status=code, shows=code)]
       for code, good in ((200, True), (201, False), (202, False), (203, True), (204, True), (403, False), (404, True), (405, True), (410, True), (414, True),
                          (501, True), (502, False), (503, False), (504, False), (599, False))},
    "heuristic-599-public": [Ask([f"Last-Modified: {date(-864000)}", "Cache-Control: public"], status=599), Ask(want="cache", shows=599)],
}


def response(ask):
    bare = ask.status in (204, 304)
    lines = [f"HTTP/1.1 {ask.status} Word", *ask.answer]
    if not bare:
        lines.append(f"Content-Length: {len(ask.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (b"" if bare or ask.method == "HEAD" else ask.body)


class Cached:
    """An edge with a cache for /, and a server that answers as the present Ask says."""

    def __init__(self, directory):
        self.lease = meridian.Lease()
        self.server = Scripted(slot_address(self.lease, "2.1"), answering(lambda head: response(self.ask)))
        routes = [{"path": "/", "pool": "web", "cache": {"store": "main", "hit_for_miss": "0s"}},
                  {"path": "/guess", "pool": "web", "cache": {"store": "main", "hit_for_miss": "0s", "heuristic": True}}]
        self.edge = LoneEdge(directory, self.lease, [self.server.name], routes=routes, pool={"retry": {"attempts": 1}},
                             edge={"caches": {"main": {"size": "64MiB"}}})

    def close(self):
        self.edge.__exit__()
        self.server.__exit__()
        self.lease.release()

    def do(self, path, ask):
        self.ask = ask
        before = len(self.server.heads)
        connection = self.edge.connect()
        connection.putrequest(ask.method, path + ask.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", "lone.example")
        for line in ask.sent:
            name, _, value = line.partition(": ")
            connection.putheader(name, value)
        if ask.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", "3")
            connection.endheaders(b"abc")
        else:
            connection.endheaders()
        got = connection.getresponse()
        body = got.read()
        connection.close()
        return got, body, [head.decode() for _, head in self.server.heads[before:]]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    running = Cached(tmp_path_factory.mktemp("cache"))
    yield running
    running.close()


NUMBERS = itertools.count()


def check(world, root, asks):
    path = f"{root}/{next(NUMBERS)}"
    for number, ask in enumerate(asks):
        got, body, heads = world.do(path, ask)
        what = (number, ask, got.status, got.getheaders(), heads)
        assert len(heads) == (0 if ask.want == "cache" else 1), what
        if heads:
            conditional = "if-none-match" in heads[0].lower() or "if-modified-since" in heads[0].lower()
            assert conditional or ask.want != "validated", what
        assert got.status == (ask.shows or ask.status), what
        for name, value in ask.fields.items():
            seen = got.getheader(name)
            assert seen == value or (name == "Age" and value is not None and int(seen) >= int(value)), (name, what)
        for line in ask.asked:
            assert (line.lstrip("!").lower() in heads[0].lower()) != line.startswith("!"), (line, what)
        if ask.text is not None:
            assert body == ask.text, what
        if ask.want == "cache" and got.status not in (504, 304):
            assert got.getheader("Age") is not None and "hit" in got.getheader("Cache-Status"), what


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_shared_cache_by_the_letter(world, name):
    check(world, "/rfc", CASES[name])


@pytest.mark.parametrize("name", GUESSED)
def test_it_guesses_where_it_is_asked_to(world, name):
    check(world, "/guess", GUESSED[name])
