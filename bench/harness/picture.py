"""The comparison as a picture: for each work one bar per server, its CPU time as a multiple of the floor or of Meridian."""

from xml.sax.saxutils import escape

WIDTH, LABEL, BAR, GAP, TITLE, LONGEST = 860, 150, 16, 4, 26, 560
OURS, PEER, FLOOR = "#0b7285", "#adb5bd", "#dee2e6"


def bars(table):
    """[(server, multiple, text)]: relative to Meridian, which is what a reader wants to compare with."""
    servers = table["servers"]
    ours = next((row["us"] for name, row in servers.items() if name.startswith("meridian")), None)
    if not ours:
        return []
    return [(name, row["us"] / ours, f"{row['us'] / ours:.2f}x  ({row['us']:.2f})") for name, row in servers.items()]


def draw(results):
    """SVG text. Bars longer than four times Meridian's are cut and say so by their number."""
    body, y = [], 34
    for table in results["works"].values():
        rows = bars(table)
        if not rows:
            continue
        body.append(f'<text x="8" y="{y + 14}" class="title">{escape(table["title"])}</text>')
        y += TITLE
        unit = LONGEST / min(4.0, max(multiple for _, multiple, _ in rows))
        for name, multiple, text in rows:
            colour = OURS if name.startswith("meridian") else FLOOR if name == "floor" else PEER
            length = min(multiple * unit, LONGEST)
            body.append(f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
                        f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
                        f'<text x="{LABEL + length + 6:.1f}" y="{y + 12}">{escape(text)}</text>')
            y += BAR + GAP
        y += 10
    heading = escape(f"{results['kind'].upper()}: CPU time per answer, as a multiple of Meridian's (microseconds); less is better")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">\n'
            '<style>text{font:12px sans-serif;fill:#212529}.title{font-weight:bold}</style>\n'
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>\n<text x="8" y="20" class="title">{heading}</text>\n'
            + "\n".join(body) + "\n</svg>\n")
