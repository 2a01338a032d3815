"""Every configuration in docs/recipes.md, laid over the example that the packages bring, passes the check."""
import re
import shutil
import subprocess

import pytest
import yaml

import hosts

TEXT = (hosts.ROOT / "docs/recipes.md").read_text()
RECIPES = [(section.split("\n", 1)[0], yaml.safe_load(fenced)) for section in TEXT.split("\n## ")[1:]
           for fenced in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]


def laid_over(base, more):
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return {**base, **{key: laid_over(base.get(key), value) for key, value in more.items()}}


def test_there_are_recipes():
    assert len(RECIPES) == TEXT.count("```yaml") >= 4


@pytest.mark.parametrize("recipe", [recipe for _, recipe in RECIPES], ids=[title for title, _ in RECIPES])
def test_a_recipe_is_good(recipe, tmp_path):
    shutil.copytree(hosts.ROOT / "examples/start", tmp_path / "etc")
    path = tmp_path / "etc/meridian.yaml"
    path.write_text(yaml.safe_dump(laid_over(yaml.safe_load(path.read_text()), recipe), sort_keys=False))
    done = subprocess.run([hosts.BIN / "meridian", "check", path], capture_output=True, text=True)
    warnings = [line for line in done.stderr.splitlines() if "warning" in line and "/var/log/meridian" not in line]
    assert done.returncode == 0 and warnings == [], done.stderr
