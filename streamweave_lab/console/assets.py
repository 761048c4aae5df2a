"""The front end as one ES module, which is what a widget may bring: the modules in `static`, joined without a bundler.

Each module becomes a function that is called once and returns what it exports; imports become its constants. So
modules keep scopes of their own, and read in the browser's debugger as they stand in their files.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

MAIN = "main"

_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "\./([\w/]+)\.js";\n', re.MULTILINE)
_EXPORTED = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) (\w+))", re.MULTILINE)
_LIST = re.compile(r"export\s*\{([^}]*)\};?")
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)


@cache
def module() -> str:
    """The text of the joined module, whose default export is the widget."""
    joined: dict[str, str] = {}
    _join(MAIN, joined)
    return "\n".join([*joined.values(), f"export default {_name(MAIN)}.default;\n"])


@cache
def style() -> str:
    """The text of the style sheet."""
    return _read("console.css")


def _join(path: str, joined: dict[str, str]) -> None:
    if path in joined:
        return
    source = _read(f"{path}.js")
    for _, imported in _IMPORT.findall(source):
        _join(imported, joined)
    joined[path] = _as_function(path, source)


def _as_function(path: str, source: str) -> str:
    exports = {name: name for name in _EXPORTED.findall(source)}
    for listed in _LIST.findall(source):
        exports |= dict(_renamed(entry) for entry in listed.split(","))
    if _DEFAULT.search(source):
        exports["default"] = "_default"
    body = _IMPORT.sub(_as_constant, source)
    body = _DEFAULT.sub("const _default = ", _LIST.sub("", _EXPORTED.sub("", body)))
    returned = ", ".join(f"{public}: {own}" for public, own in exports.items())
    return f"const {_name(path)} = (() => {{\n{body}\nreturn {{ {returned} }};\n}})();\n"


def _as_constant(found: re.Match[str]) -> str:
    names, path = found.groups()
    return f"const {names.removeprefix('* as ').replace(' as ', ': ')} = {_name(path)};\n"


def _renamed(entry: str) -> tuple[str, str]:
    own, _, public = entry.strip().partition(" as ")
    return public or own, own


def _name(path: str) -> str:
    return "_" + path.replace("/", "_")


def _read(name: str) -> str:
    return files("streamweave_lab.console").joinpath("static", name).read_text(encoding="utf-8")
