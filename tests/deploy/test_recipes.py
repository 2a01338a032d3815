"""Every configuration in docs/recipes.md, laid over the example that the packages bring, passes the check; what the other pages show
knows each word of its options."""
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


EXCERPTS = [(page.stem, number, block) for page in sorted((hosts.ROOT / "docs").glob("*.md")) if page.stem != "recipes"
            for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
            if not re.match(r"\d", block)]  # an overrides file
PLACES = (lambda it: it, lambda it: {"edge": it}, lambda it: {"dns": it}, lambda it: {"edge": {"pools": {"web": it}}}, lambda it: {"edge": {"routes": it}})


def misread(folder, excerpt):
    """What the check says of words that it does not know and of values that are no values of theirs; what else an excerpt names need not be there."""
    shutil.copytree(hosts.ROOT / "examples/start", folder)
    path = folder / "meridian.yaml"
    path.write_text(yaml.safe_dump(laid_over(yaml.safe_load(path.read_text()), excerpt), sort_keys=False))
    said = subprocess.run([hosts.BIN / "meridian", "check", path], capture_output=True, text=True).stderr
    return [line for line in said.splitlines() if re.search(r"error: .*(unknown key|expected)", line)]


@pytest.mark.parametrize("excerpt", [block for *_, block in EXCERPTS], ids=[f"{page}-{number}" for page, number, _ in EXCERPTS])
def test_a_page_shows_options_that_there_are(excerpt, tmp_path):
    said = [misread(tmp_path / str(number), place(yaml.safe_load(excerpt))) for number, place in enumerate(PLACES)]
    assert [] in said, said
