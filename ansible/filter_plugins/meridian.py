"""Filters of the Meridian roles: the configuration from the variables, and the way back from a complaint to the variable's line."""
import pathlib
import re

import yaml


def configuration(sections, hosts, groups):
    """The one meridian.yaml as data; the edges of a region are those that the variables say and the hosts of the
    group edge that are in it, the nodes of dns those of the group dns, unless the variables say them."""
    made = {name: value for name, value in sections.items() if value}
    regions = {name: dict(about or {}) for name, about in made.get("regions", {}).items()}
    for host in groups.get("edge", []):
        region, address = hosts[host].get("meridian_region"), hosts[host].get("meridian_address")
        about = regions.setdefault(region, {})
        # A list of its own: the variables are asked more than once.
        about["edges"] = list(dict.fromkeys([*map(str, about.get("edges") or []), str(address)]))
    made["regions"] = regions
    if made.get("dns") and "nodes" not in made["dns"] and groups.get("dns"):
        nodes = {host: {"address": str(hosts[host]["meridian_address"]), "admin": f"ssh:{hosts[host].get('ansible_host', host)}"}
                 for host in groups["dns"] if hosts[host].get("meridian_address")}
        made["dns"] = {"nodes": nodes, **made["dns"]}
    return made


def nodes_of(node, path=()):
    """(path, line) of every key and item of a composed document, lines from 1."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from nodes_of(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield (*path, at), value.start_mark.line + 1
            yield from nodes_of(value, (*path, at))


def composed(text):
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return []
    return list(nodes_of(node)) if node is not None else []


def variable_lines(folder):
    """(path with the variable's name at its head) -> file:line, of all variable files beside an inventory."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*_vars/**/*.y*ml")):
        for where, line in composed(path.read_text()):
            found.setdefault(where, f"{path.relative_to(folder)}:{line}")
    return found


def where_said(complaints, rendered, folder):
    """`meridian check`'s errors in the rendered file, each with the line of the variable file that it comes from. Not that the controller
    has no geo database: the DNS nodes have it, and look themselves."""
    places = composed(rendered)
    lines = variable_lines(folder)
    told = []
    for complaint in complaints.splitlines():
        if " warning: " in complaint or re.search(r"geo database .*: cannot read it|^\s*$", complaint):
            continue
        found = re.search(r"meridian\.yaml:(\d+):\d+: (.*)$", complaint)
        here = [path for path, line in places if found and line == int(found.group(1))]
        source = None
        for path in here:
            path = (f"meridian_{path[0]}", *path[1:])
            while path and path not in lines:
                path = path[:-1]
            source = lines.get(path) or source
        told.append(f"{source}: {found.group(2)}" if source else complaint)
    return told


def authority(address, port=None):
    """An address, and a port, as they stand in a URL (RFC 3986 3.2.2)."""
    host = f"[{address}]" if ":" in str(address) else str(address)
    return host if port is None else f"{host}:{port}"


class FilterModule:
    def filters(self):
        return {"meridian_configuration": configuration, "meridian_where": where_said, "meridian_authority": authority}
