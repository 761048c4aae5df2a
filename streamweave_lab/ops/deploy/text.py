"""Values as YAML, for people to read and to keep in version control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamweave_lab.errors import MissingExtraError

try:
    import yaml
except ImportError as error:
    raise MissingExtraError("streamweave-lab deploy", "cli") from error


class _Dumper(yaml.SafeDumper):
    """Without anchors, which nobody expects in a manifest, and with texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _as_block)


def to_yaml(value: Any, why: Sequence[str] = ()) -> str:
    """One document, keys in the order given; `why` are lines of comment at its top."""
    comment = "".join(f"# {line}\n" for line in why)
    body: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return comment + body


__all__ = ["to_yaml"]
