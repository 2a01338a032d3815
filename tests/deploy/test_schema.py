"""The JSON Schema takes what the programs take, and finds what an editor should underline."""
import json
import subprocess

import pytest
import yaml

import hosts

jsonschema = pytest.importorskip("jsonschema")


class Words(yaml.SafeLoader):
    """YAML as the programs read it: only true and false are booleans."""


Words.yaml_implicit_resolvers = {first: [(tag, rule) for tag, rule in those if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
                                 for first, those in yaml.SafeLoader.yaml_implicit_resolvers.items()}


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(subprocess.run([hosts.BIN / "meridian", "config-schema"], capture_output=True, text=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", ["zones/shop.yaml", "examples/start/meridian.yaml"])
def test_the_examples_are_good(validator, path):
    found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(yaml.load((hosts.ROOT / path).read_text(), Words))]
    assert found == []


@pytest.mark.parametrize("was,wrong,where", [
    ("fall: 3", "fal: 3", "$.health.edge"), ("balance: round_robin", "balance: round_robbin", "$.edge.pools.api.balance"),
    ("port: 8443", "port: 84430", "$.health.edge.port"), ("interval: 1s", "interval: 1 second", "$.health.edge.interval")])
def test_mistakes_are_found_where_they_stand(validator, was, wrong, where):
    text = (hosts.ROOT / "zones/shop.yaml").read_text()
    assert was in text
    assert where in [error.json_path for error in validator.iter_errors(yaml.load(text.replace(was, wrong, 1), Words))]
