"""Inside private_internet.py: a resolver that knows nothing but root hints resolves names; prints {"name type": [rcode, data...]}.

    iterate.py FOLDER KIND NAME/TYPE...
"""
import json
import pathlib
import sys

import dns.rcode

import resolvers

START = {"unbound": resolvers.start_unbound, "recursor": resolvers.start_recursor, "bind": resolvers.start_bind}


def main(folder, kind, questions):
    directory = pathlib.Path(folder) / kind
    directory.mkdir()
    told = {}
    with START[kind](directory, "127.0.0.1", {}, hints=pathlib.Path(folder) / "hints") as resolver:
        resolver.wait("shop.example")
        for question in questions:
            response = resolver.ask(*question.split("/"))
            told[question] = [dns.rcode.to_text(response.rcode()), *sorted(rr.to_text() for r in response.answer for rr in r)]
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
