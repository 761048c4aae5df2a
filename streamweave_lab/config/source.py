"""What stands in a file and in the environment, as values by dotted name, with every problem met on the way."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from streamweave_lab.config.fields import Leaf, leaves, nearest, short, shown
from streamweave_lab.config.problems import Outside
from streamweave_lab.errors import ConfigError

PREFIX = "STREAMWEAVE_"

OWN = frozenset(f"{PREFIX}{name}" for name in ("LOG", "METRICS_PORTS", "TOKEN", "TOKEN_FILE", "URL"))
"""What the process itself is told by. A field `token` must not take the server's: it may be sent elsewhere."""

_LARGEST = 1 << 20
"""Characters of a file, more than anybody writes: who names /dev/zero must not fill the memory."""


@dataclass
class Found:
    """One layer: values by dotted name, the place each came from, and what is wrong with it."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    """The files of secrets."""
    withheld: dict[str, str] = field(default_factory=dict)
    """By the name of a field the variable that it would have, and that is set, but for the process itself."""

    def put(self, name: str, value: Any, place: str) -> None:
        """Set one value."""
        self.values[name] = value
        self.places[name] = place


def parsed(path: Path) -> dict[str, Any]:
    """The content of a TOML or JSON file. Raises: ConfigError."""
    try:
        return _understood(path.suffix, _text(path, "utf-8-sig"))
    except OSError as error:
        raise ConfigError(str(path), (Outside(_unread(path, error)),)) from None
    except UnicodeError:
        raise ConfigError(str(path), (f"file {path.name} cannot be understood: it is not UTF-8 text",)) from None
    except ValueError as error:
        raise ConfigError(str(path), (f"file {path.name} cannot be understood: {error}",)) from None
    except RecursionError:
        raise ConfigError(
            str(path), (f"file {path.name} cannot be understood: tables or lists are nested too deep",)
        ) from None


def _unread(path: Path, error: OSError) -> str:
    why, hint = error.strerror, ""
    if path.is_dir():
        why, there = "it is a folder", _files(path)
        hint = f"; name a TOML or JSON file in it, such as {path / there[0]}" if there else "; name a TOML or JSON file"
    elif near := get_close_matches(path.name, _files(path.parent), n=1):
        hint = f"; did you mean {path.with_name(near[0])}?"
    return f"file {path.name or path} cannot be read: {why}{hint}"


def _files(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if each.suffix in (".toml", ".json"))
    except OSError:
        return []


def in_file(values: Mapping[str, Any], known: dict[str, Leaf], path: Path) -> Found:
    """The layer of a file whose content is `values`, by dotted name."""
    place = f"file {path.name}"
    found = Found(dict(values), dict.fromkeys(values, place))
    for leaf in known.values():
        pointer = f"{leaf.name}_file"
        if leaf.secret and pointer in values and pointer not in known:
            named = found.values.pop(pointer)
            if isinstance(named, str):
                _read_secret(found, leaf.name, named, path.parent, place, leaf.name in values)
            else:
                found.problems.append(f"{pointer}: must be a text, the path of a file, in {path.name}")
    return found


def in_environment(environ: Mapping[str, str], known: dict[str, Leaf]) -> Found:
    """The layer of the environment: STREAMWEAVE_KEY, STREAMWEAVE_SECTION__KEY, and credentials of systemd."""
    found = Found()
    variables = {variable_of(name): leaf for name, leaf in known.items()}
    taken = sorted(OWN & environ.keys())
    environ = {name: value for name, value in environ.items() if name not in OWN}
    for variable, leaf in variables.items():
        if variable in environ:
            found.put(leaf.name, _value(environ[variable], leaf), f"environment {variable}")
        pointer = f"{variable}_FILE"
        if leaf.secret and pointer in environ and pointer not in variables:
            both = leaf.name in found.values
            _read_secret(found, leaf.name, environ[pointer], Path(), f"environment {pointer}", both)
        elif leaf.secret and leaf.name not in found.values:
            _read_credential(found, leaf.name, environ.get("CREDENTIALS_DIRECTORY"))
    found.problems += _misspelt(environ, variables)
    found.withheld = {meant.name: name for name in taken if (meant := _meant(name, variables)) is not None}
    return found


def variable_of(name: str) -> str:
    """The environment variable of a field: "sink.path" is STREAMWEAVE_SINK__PATH."""
    return PREFIX + name.replace(".", "__").upper()


def readable(name: str) -> bool:
    """A field of this name can be given in the environment; else its variable is the process's own."""
    return variable_of(name) not in OWN


def unreadable(model: type[BaseModel]) -> list[str]:
    """A sentence for each field that cannot be given in the environment."""
    return [
        f"{leaf.name}: can be given in a file only, for {variable_of(leaf.name)} is the process's own"
        for leaf in leaves(model)
        if not readable(leaf.name)
    ]


def _meant(variable: str, variables: Mapping[str, Leaf]) -> Leaf | None:
    """The field that somebody may believe to have given by a variable of the process itself."""
    pointed = variables.get(variable.removesuffix("_FILE"))
    return variables.get(variable) or (pointed if pointed is not None and pointed.secret else None)


def _text(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding) as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} characters")
    return text


def _understood(suffix: str, text: str) -> dict[str, Any]:
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix != ".json":
        raise ValueError(f"a configuration file must end in .toml or .json, not {suffix!r}")
    data = json.loads(text, object_pairs_hook=_once)
    if not isinstance(data, dict):
        raise ValueError("the file must hold one JSON object")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON allows a key twice and keeps the last in silence; TOML, and we, do not."""
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"the key {short(twice)} stands twice")
    return dict(pairs)


def _value(text: str, leaf: Leaf) -> Any:
    """Lists and tables are written as JSON; numbers and truths are left to the model."""
    if leaf.takes_text or not (text == "null" or text.lstrip().startswith(("[", "{"))):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _misspelt(environ: Mapping[str, str], variables: Mapping[str, Leaf]) -> list[str]:
    """Other programs' variables may share the prefix: only in our own sections is an unknown one surely wrong."""
    pointers = {f"{variable}_FILE" for variable, leaf in variables.items() if leaf.secret}
    sections = {variable.rpartition("__")[0] for variable in variables if "__" in variable}
    known = list(variables)
    return [
        f"{shown(name)}: is no setting, in the environment; {nearest(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in variables and name not in pointers
        if name.rpartition("__")[0] in sections or get_close_matches(name, known, n=1, cutoff=0.9)
    ]


def _read_secret(found: Found, name: str, named: str, base: Path, place: str, both: bool) -> None:
    """Read the secret `name` from the file `named`, beside `base`."""
    where = place.replace("file ", "in ", 1).replace("environment ", "by ", 1)
    if both:
        found.problems.append(f"{name}: is given both itself and as {name}_file, {where}; give one of them")
        return
    path = base / named
    found.files.append(path)
    try:
        found.put(name, _text(path, "utf-8").removesuffix("\n"), f"secret file named {where}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, UnicodeError):  # which quotes the secret
            reason = "it is not UTF-8 text"
        which, hint = f"the secret file {shown(str(path), 200)}", ""
        if not _surely_a_path(named, path, base):
            which, hint = "the secret file", f"; {name}_file is to name a file, not to be the secret"
        found.problems.append(Outside(f"{name}: {which} cannot be read: {reason}, named {where}{hint}"))


def _surely_a_path(named: str, path: Path, base: Path) -> bool:
    """It may be shown: nobody has put the secret itself where its file is to be named."""
    return named.startswith(("/", "./", "../")) or (path.parent != base and path.parent.is_dir())


def _read_credential(found: Found, name: str, folder: str | None) -> None:
    if folder and (Path(folder) / name).is_file():
        _read_secret(
            found, name, str(Path(folder).absolute() / name), Path(), "environment CREDENTIALS_DIRECTORY", False
        )
