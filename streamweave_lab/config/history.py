"""The configuration versions of a run: what was asked for, by whom, why, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from streamweave_lab.config.model import Config
from streamweave_lab.config.plan import Change
from streamweave_lab.errors import ConfigError

Outcome = Literal["started", "proposed", "applied", "refused", "rolled_back", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
KEPT = 100
"""Versions kept in memory; a journal keeps all."""

_WAS_IN_FORCE = ("started", "applied", "rolled_back", "failed")


@dataclass(frozen=True)
class Version:
    """One configuration that a run was started with, or was asked to take. Secrets are masked everywhere in it."""

    id: int
    """Its place in the history, from 1; what was refused has one too."""
    version: int | None
    """The number under which it was in force, or would have been; None for what was refused."""
    outcome: Outcome
    """"started" with it; "proposed" while it is on its way; "applied"; "refused"; "rolled_back" because the run did
    worse with it; "failed" if the run did not survive it."""
    at: float
    """When it was asked for: seconds since 1970-01-01 UTC."""
    who: str = "code"
    why: str = ""
    request_id: str | None = None
    changes: tuple[Change, ...] = ()
    schema_version: int | None = None
    fingerprint: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each value came from, by dotted name."""
    epoch: int | None = None
    """The epoch since which it was in force."""
    restores: int | None = None
    """The version whose values it brought back."""
    notes: tuple[str, ...] = ()
    """Why it was refused or rolled back, and what else is to be known of it."""

    @property
    def was_in_force(self) -> bool:
        """It can be gone back to."""
        return self.version is not None and self.outcome in _WAS_IN_FORCE

    def public(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        shown = asdict(replace(self, changes=()))
        return shown | {"changes": [asdict(change) for change in self.changes], "notes": list(self.notes)}

    def __str__(self) -> str:
        number = "refused" if self.version is None else f"version {self.version} {self.outcome.replace('_', ' ')}"
        back = f", as version {self.restores}" if self.restores else ""
        why = f" ({self.why})" if self.why else ""
        said = "; ".join([*map(str, self.changes), *self.notes])
        return f"{number}{back}, by {self.who}{why}" + (f": {said}" if said else "")


class History:
    """The versions of one run, the newest first; the last 100. Any thread may read it.

    `str()` of it is a line for each, without clocks.
    """

    def __init__(self) -> None:
        self.versions: tuple[Version, ...] = ()
        """A tuple, replaced whole."""
        self.keeper: Callable[[Version], None] | None = None
        """Keeps each version durably, as it is proposed and as its outcome is known; it may block."""
        self.place: str | None = None
        """Where it is kept durably."""
        self._configs: dict[int, Config] = {}

    def __iter__(self) -> Iterator[Version]:
        return iter(self.versions)

    def __len__(self) -> int:
        return len(self.versions)

    def __str__(self) -> str:
        return "\n".join(map(str, self.versions)) or "no configuration"

    __repr__ = __str__

    def next_id(self) -> int:
        """The place of the next version."""
        return self.versions[0].id + 1 if self.versions else 1

    def put(self, version: Version, config: Config | None = None) -> None:
        """Add `version`, or put it in the place of the one with its id. `config` is what it is made of."""
        others = tuple(other for other in self.versions if other.id != version.id)
        self.versions = tuple(sorted((version, *others), key=lambda each: -each.id))[:KEPT]
        if config is not None:
            self._configs[version.id] = config
        there = {each.id for each in self.versions if each.outcome != "refused"}
        self._configs = {id_: kept for id_, kept in self._configs.items() if id_ in there}

    def goes_on(self, earlier: tuple[Version, ...], started: Version) -> None:
        """What earlier processes have left comes before all there is here."""
        kept = list(self._configs.values())[-1:]
        self._configs.clear()
        self.versions = tuple(sorted(earlier, key=lambda each: -each.id))[: KEPT - 1]
        self.put(started, *kept)

    def of(self, number: int) -> Version:
        """The version with that number. Raises: ConfigError naming those that can be gone back to."""
        for version in self.versions:
            if version.version == number and version.was_in_force:
                return version
        there = ", ".join(str(number) for number in sorted({v.version or 0 for v in self.versions if v.was_in_force}))
        raise ConfigError("rollback", (f"version {number} is not in the history; there are {there or 'none'}",))

    def config_of(self, version: Version) -> Config | None:
        """The configuration itself, where this process has had it; its secrets are in it."""
        return self._configs.get(version.id)

    def before(self, number: int) -> int:
        """The version to go back to from version `number`: the one before it.

        From one that brought back an earlier one it is the one before that: each rollback is a step further back,
        and what was taken back once does not return.

        Raises: ConfigError if there is none.
        """
        restored = {v.version: v.restores for v in self.versions if v.was_in_force and v.restores}
        effective = number
        while effective in restored:
            effective = restored[effective]
        earlier = [v.version for v in self.versions if v.version and v.version < effective and v.was_in_force]
        sound = [v.version for v in self.versions if v.version in earlier and v.outcome in ("started", "applied")]
        if not sound:
            raise ConfigError("rollback", (f"there is no version before version {effective} to go back to",))
        return max(number for number in sound if number is not None)


__all__ = ["KEPT", "OUTCOMES", "History", "Outcome", "Version"]
