"""The values of secrets, which are taken out of whatever is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from streamweave_lab.config.fields import MASK

SHORTEST = 4
"""Characters. To take out a shorter one would tear words apart, and so tell what it is."""


class Secrets:
    """The secrets of every configuration a run has had. What is told of the run goes through `hide`."""

    def __init__(self) -> None:
        self._texts: tuple[str, ...] = ()
        """Longest first, for one may be part of another. Replaced whole, so that any thread may read it."""

    def learn(self, config: BaseModel | None) -> None:
        """Hide the secrets of `config` too, from now on."""
        found = {form for text in _within(config) if len(text) >= SHORTEST for form in _forms(text)}
        self._texts = tuple(sorted({*self._texts, *found}, key=lambda text: (-len(text), text)))

    def hide(self, told: str) -> str:
        """`told` with the mask in the place of each secret of at least four characters."""
        for text in self._texts:
            told = told.replace(text, MASK)
        return told


def _forms(text: str) -> Iterator[str]:
    """As it stands, and as `repr` and JSON write it."""
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]


def _within(value: Any) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case SecretBytes():
            yield value.get_secret_value().decode("utf-8", "backslashreplace")
            yield repr(value.get_secret_value())[2:-1]
        case BaseModel():
            for _, inner in iter(value):
                yield from _within(inner)
        case dict():
            for inner in value.values():
                yield from _within(inner)
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from _within(inner)


__all__ = ["SHORTEST", "Secrets"]
