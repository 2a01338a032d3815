"""Directories that show what is in them (docs/content.md)."""
import html.parser
import os

import meridian
from lone_edge import LoneEdge


class Links(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.links, self.tags = [], set()
        self.feed(page.decode("utf-8", "surrogateescape"))

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "a":
            self.links.append(dict(attributes)["href"])


def test_a_directory_shows_what_is_served_of_it(tmp_path):
    root = tmp_path / "www"
    (root / "d" / "sub").mkdir(parents=True)
    (root / "d" / "b.txt").write_bytes(b"12345")
    (root / "d" / "a b<i>&\".txt").write_bytes(b"x")
    (root / "d" / "javascript:x").write_bytes(b"x")
    (root / "d" / ".hidden").write_bytes(b"x")
    (root / "d" / "link").symlink_to("b.txt")
    os.mkfifo(root / "d" / "fifo")
    (root / "indexed").mkdir()
    (root / "indexed" / "index.html").write_bytes(b"index")
    (tmp_path / "outside").mkdir()
    (root / "out").symlink_to("../outside")
    routes = [{"path": "/", "files": {"root": str(root), "listing": True}}, {"path": "/plain/", "files": {"root": str(root)}},
              {"path": "/bare/", "files": {"root": str(root), "listing": True, "index": [], "dotfiles": True, "symlinks": True}}]
    with meridian.Lease() as slot, LoneEdge(tmp_path, slot, [f"127.{slot.number}.2.1:9000"], routes=routes) as edge:
        status, headers, page = edge.get("/d/")
        assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8" and int(headers["Content-Length"]) == len(page)
        shown = Links(page)
        assert shown.links == ["../", "./sub/", "./a%20b%3Ci%3E%26%22.txt", "./b.txt", "./javascript%3Ax"]
        assert not shown.tags & {"i", "script"}
        assert edge.get("/d/" + shown.links[2][2:])[2] == b"x", "links lead to the files"
        assert b"<td>5</td>" in page
        status, headers, nothing = edge.get("/d/", method="HEAD")
        assert (status, headers["Content-Length"], nothing) == (200, str(len(page)), b"")
        assert edge.get("/d")[0] == 301 and edge.get("/indexed/")[2] == b"index"
        assert Links(edge.get("/")[2]).links == ["./d/", "./indexed/"]
        assert edge.get("/nothing/")[0] == 404 and edge.get("/plain/d/")[0] == 404 and edge.get("/out/")[0] == 404
        assert edge.get("/d/../../")[0] in (400, 404) or b"outside" not in edge.get("/d/../../")[2]
        bare = Links(edge.get("/bare/d/")[2])
        assert "./.hidden" in bare.links and "./link" in bare.links
        assert Links(edge.get("/bare/indexed/")[2]).links == ["../", "./index.html"] and edge.get("/bare/out/")[0] == 404
        edge.config["edge"]["routes"][0]["files"]["fallback"] = "/index.html"
        assert "listing: what has no index is answered with the fallback" in edge.reload(422)
