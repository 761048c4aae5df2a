"""The front end is joined from plain modules."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from streamweave_lab.console import assets

STATIC = Path(str(files("streamweave_lab.console"))) / "static"


def test_every_module_is_in_the_joined_one_once() -> None:
    names = [path.relative_to(STATIC).with_suffix("").as_posix() for path in STATIC.rglob("*.js")]
    declared = re.findall(r"^const _([\w]+) = \(\(\) => \{$", assets.module(), re.MULTILINE)
    assert sorted(declared) == sorted(name.replace("/", "_") for name in names)


def test_nothing_is_left_that_only_a_bundler_could_resolve() -> None:
    joined = assets.module()
    assert not re.search(r"^import ", joined, re.MULTILINE)
    assert re.findall(r"^export .*$", joined, re.MULTILINE) == ["export default _main.default;"]


def test_a_module_stands_below_those_it_imports() -> None:
    joined = assets.module()
    assert joined.index("const _dom =") < joined.index("const _graph =") < joined.index("const _main =")


def test_no_markup_is_ever_made_from_text() -> None:
    for path in STATIC.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", path.read_text()), path.name


def test_nothing_comes_from_the_network() -> None:
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        addresses = set(re.findall(r"https?://[^\s\"')]+", path.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name
