"""Ten thousand spoilt configurations: each is valid or refused with a clear error, and none tells a secret."""

import json
import random
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator

from streamweave_lab.config.model import Config, live
from streamweave_lab.errors import ConfigError

SECRET = "sesame-7319"
SEED = 20130613


class Sink(BaseModel):
    path: str = "out"
    rows: int = Field(1, ge=1, le=1000)
    token: SecretStr | None = None


class Settings(Config):
    schema_version: ClassVar[int] = 2
    migrations: ClassVar = {1: lambda old: {**old, "speed": float(old.get("speed", 1)) * 60}}

    speed: float = live(3600.0, gt=0)
    month: int = Field(1, ge=1, le=12)
    mode: Literal["fast", "slow"] = "fast"
    carriers: list[str] = Field([])
    limits: dict[str, int] = Field({})
    until: float | None = None
    password: SecretStr = live(SecretStr("none"))
    sink: Sink = Sink()
    spare: Sink | None = None
    sinks: list[Sink] = Field([])

    @field_validator("password")
    @classmethod
    def _not_short(cls, password: SecretStr) -> SecretStr:
        if len(password.get_secret_value()) < 4:
            raise ValueError(f"{password.get_secret_value()} is too short")
        return password


TOML = f"""\
schema_version = 2
speed = 60.5
month = 3
mode = "slow"
carriers = ["AA", "UA", "Zürich"]
limits = {{ a = 1, b = 2 }}
until = 7
password = "{SECRET}"

[sink]
path = "board.jsonl"
rows = 10
token = "{SECRET}"

[spare]
token_file = "secret"

[[sinks]]
path = "a"
token = "{SECRET}"
"""

CONTENT: dict[str, Any] = {
    "schema_version": 2, "speed": 60.5, "month": 3, "mode": "slow", "carriers": ["AA"], "limits": {"a": 1},
    "until": None, "password": SECRET, "sink": {"path": "b", "rows": 10, "token": SECRET},
    "spare": {"token_file": "secret"}, "sinks": [{"path": "a", "token": SECRET}],
}  # fmt: skip

ENVIRON = {
    "STREAMWEAVE_SPEED": "60.5", "STREAMWEAVE_MONTH": "3", "STREAMWEAVE_MODE": "slow",
    "STREAMWEAVE_CARRIERS": '["AA"]', "STREAMWEAVE_LIMITS": '{"a": 1}', "STREAMWEAVE_UNTIL": "null",
    "STREAMWEAVE_PASSWORD": SECRET, "STREAMWEAVE_SINK__ROWS": "10", "STREAMWEAVE_SINK__TOKEN": SECRET,
    "STREAMWEAVE_SPARE__TOKEN_FILE": "secret", "STREAMWEAVE_SINKS": json.dumps([{"token": SECRET}]),
    "STREAMWEAVE_LOG": "debug",
}  # fmt: skip

ODD_VALUES: list[Any] = [
    None, True, 0, -1, 13, 1e308, float("inf"), float("nan"), 10**400, "", "x" * 5000, "\ud800", "\0", "null", "[1",
    "{", [], {}, [[[[]]]], [None], {"": 0}, {"token": SECRET}, [{"token": SECRET}], [SECRET], {"path": {"path": 1}},
    "/", "..", "true", " 3 ", "１２", "0x10", "1_000", "-0.0", "\u202e", "'\"\\\n",
]  # fmt: skip

ODD_TEXT = [
    '"', "'", '"""', "'''", "=", "[", "]", "[[", "{", "}", ",", "\\", "\\u", "\n", "\r", "\0", "\x1b", "#", ".", "..",
    "schema_version = 1\n", "schema_version = 99\n", "schema_version = 0x" + "f" * 5000 + "\n", "inf", "nan", "-",
    "1979-05-27T07:32:00Z", "[" * 3000, '{"a":' * 3000, "\ufeff", "ü", "\u2028", "é" * 200, "9" * 5000, "token",
    "_file",
    "[sink]\n", "sink.token.x = 1\n", "password_file = 'secret'\n", "spede = 3\n", "[sink.path]\n", "true", "null",
]  # fmt: skip


def spoilt_text(text: str, chance: random.Random) -> str:
    """`text` with a few characters or words put in, taken out, doubled or moved."""
    for _ in range(chance.randint(1, 3)):
        a, b = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
        match chance.randint(0, 5):
            case 0:
                text = text[:a] + chance.choice(ODD_TEXT) + text[a:]
            case 1:
                text = text[:a] + text[a + chance.randint(1, 4) :]
            case 2:
                text = text[:a] + text[b:]
            case 3:
                text = text[:b] + text[a:b] + text[b:]
            case 4:
                text = text[:a] + chance.choice(ODD_TEXT) + text[a + 1 :]
            case 5:
                lines = text.splitlines(keepends=True)
                chance.shuffle(lines)
                text = "".join(lines)
    return text


def spoilt_tree(tree: Any, chance: random.Random) -> Any:
    """`tree` with a value replaced, a key misspelt, or something taken out, somewhere in it."""
    if not isinstance(tree, dict) or not tree or chance.random() < 0.1:
        return chance.choice(ODD_VALUES)
    changed, key = dict(tree), chance.choice(list(tree))
    match chance.randint(0, 4):
        case 0:
            del changed[key]
        case 1:
            changed[spoilt_name(key, chance)] = changed.pop(key)
        case 2:
            changed[key] = chance.choice(ODD_VALUES)
        case 3:
            changed[spoilt_name(key, chance)] = chance.choice(ODD_VALUES)
        case 4:
            changed[key] = spoilt_tree(changed[key], chance)
    return changed


def spoilt_name(name: str, chance: random.Random) -> str:
    place = chance.randint(0, len(name))
    return name[:place] + chance.choice(["", "x", "_", ".", "__", "_file", " ", "É", "\n"]) + name[place + 1 :]


def spoilt_environ(chance: random.Random) -> dict[str, str]:
    environ = {name: value for name, value in ENVIRON.items() if chance.random() < 0.5}
    for _ in range(chance.randint(1, 2)):
        name = chance.choice(list(ENVIRON))
        value = chance.choice([value for value in ODD_VALUES if isinstance(value, str)])
        spoilt = spoilt_text(environ.pop(name, "3"), chance) if chance.random() < 0.5 else value
        environ[name if chance.random() < 0.5 else spoilt_name(name, chance)] = spoilt
    return environ


def is_clear_or_valid(folder: Path, name: str, content: bytes | None, environ: dict[str, str]) -> bool:
    """Whether it was valid; what is neither, or tells the secret, fails the test."""
    path = None
    if content is not None:
        path = folder / name
        with path.open("r+b" if path.exists() else "wb") as file:  # to empty a file first takes three times as long
            file.write(content)
            file.truncate()
    refused, config = None, None
    try:
        config = Settings.load(path, environ=environ)
    except ConfigError as error:
        refused = error
    if config is not None:
        assert len(config.fingerprint()) == 64
        assert config.provenance()
        told = f"{config!r} {json.dumps(config.public())}"
    elif refused is not None:
        assert refused.problems
        assert all(problem.strip() and problem.isprintable() for problem in refused.problems), refused.problems
        told = f"{refused} {refused!r} {refused.__cause__!r}"
        assert len(told) < 20_000
    assert SECRET not in told or moved(content, name, environ), (told, content, environ)
    return config is not None


OPEN = ("schema_version", "speed", "month", "mode", "carriers", "limits", "until", "path", "rows")


def moved(content: bytes | None, name: str, environ: dict[str, str]) -> bool:
    """The secret came to where none is expected: into the value of an open field, or into a name."""
    if any(SECRET in variable + value * variable.lower().endswith(OPEN) for variable, value in environ.items()):
        return True
    if content is None:
        return False
    try:
        tree = (tomllib if name.endswith("toml") else json).loads(content.decode("utf-8-sig"))
    except ValueError:
        return False
    return _moved_within(tree)


def _moved_within(tree: Any) -> bool:
    if isinstance(tree, list):
        return any(map(_moved_within, tree))
    if not isinstance(tree, dict):
        return False
    return any(
        SECRET in key or (key in OPEN and SECRET in repr(value)) or _moved_within(value) for key, value in tree.items()
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


def test_4000_spoilt_toml_files(folder):
    chance = random.Random(SEED)
    valid = sum(
        is_clear_or_valid(folder, "a.toml", spoilt_text(TOML, chance).encode("utf-8", "surrogatepass"), {})
        for _ in range(4000)
    )
    assert 100 < valid < 3900


def test_3000_spoilt_json_files(folder):
    chance = random.Random(SEED)
    valid = 0
    for number in range(3000):
        text = json.dumps(spoilt_tree(CONTENT, chance))
        text = spoilt_text(text, chance) if number % 2 else text
        valid += is_clear_or_valid(folder, "a.json", text.encode("utf-8", "surrogatepass"), {})
    assert 100 < valid < 2900


def test_2500_spoilt_environments(folder, monkeypatch):
    monkeypatch.chdir(folder)
    chance = random.Random(SEED)
    valid = sum(is_clear_or_valid(folder, "", None, spoilt_environ(chance)) for _ in range(2500))
    assert 100 < valid < 2400


def test_500_files_of_random_bytes(folder):
    chance = random.Random(SEED)
    for number in range(500):
        content = chance.randbytes(chance.randint(0, 300))
        assert not is_clear_or_valid(folder, f"a.{'toml' if number % 2 else 'json'}", content, {})
