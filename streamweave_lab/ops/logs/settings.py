"""How much is logged, where and by which names: from STREAMWEAVE_LOG, or as a section of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamweave_lab.config.model import Config, live
from streamweave_lab.errors import ConfigError

VARIABLE = "STREAMWEAVE_LOG"

Level = Literal["debug", "info", "warning", "error"]
Profile = Literal["default", "ecs", "otel"]
LEVELS: tuple[Level, ...] = get_args(Level)
PROFILE_NAMES: tuple[Profile, ...] = get_args(Profile)


class LogSettings(BaseModel):
    """The log of a service, as a section of its configuration: `log: sw.LogSettings = sw.LogSettings()`.

    Then `[log] level = "warning"` in the file or STREAMWEAVE_LOG__LEVEL=warning sets it, and a reload changes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    goes_before: ClassVar[tuple[str, ...]] = (VARIABLE, "--log")
    """The variable with which this section is not heeded, and the option that sets it."""

    level: Literal["off", "debug", "info", "warning", "error"] = live(
        "info", description="the least level that is written; off: nothing"
    )
    profile: Profile = Field(default="default", description="the names of fields: our own, of ECS, of OpenTelemetry")
    items: bool = Field(default=False, description="write items too, as far as the graph's redact lets them be seen")
    path: Path | None = Field(
        default=None, description="the file that is appended to; none: standard error, unless that is a terminal"
    )


def parsed(text: str, source: str = f"environment {VARIABLE}") -> LogSettings:
    """What STREAMWEAVE_LOG says: LEVEL[,PROFILE][,items][:PATH], such as "warning,ecs:/var/log/weave.jsonl"; "off".

    `source` is where it was said, for errors.

    Raises: ConfigError.
    """
    head, _, path = text.partition(":")
    level, *words = (word.strip() for word in head.split(","))
    profiles = [word for word in words if word in PROFILE_NAMES]
    unknown = [word for word in words if word not in (*PROFILE_NAMES, "items")]
    if level not in ("", "off", *LEVELS):
        raise _refused(source, text, f"{level!r} is not a level; use one of off, {', '.join(LEVELS)}")
    if unknown or len(profiles) > 1:
        said = f"{unknown[0]!r} is unknown" if unknown else "there are two profiles"
        raise _refused(source, text, f"{said}; after the level may follow one of {', '.join(PROFILE_NAMES)}, and items")
    try:
        return LogSettings.model_validate(
            {
                "level": level or "off",
                "profile": profiles[0] if profiles else "default",
                "items": "items" in words,
                "path": path or None,
            }
        )
    except ValidationError as error:
        raise _refused(source, text, str(error.errors()[0]["msg"])) from None


def of_config(config: Config | None) -> LogSettings | None:
    """The log section of a configuration, the first field that is one; None if it has none."""
    values = (getattr(config, name) for name in type(config).model_fields) if config is not None else ()
    return next((value for value in values if isinstance(value, LogSettings)), None)


def _refused(source: str, text: str, problem: str) -> ConfigError:
    return ConfigError(source, (f"{text!r}: {problem}",))


__all__ = ["LEVELS", "PROFILE_NAMES", "VARIABLE", "Level", "LogSettings", "Profile", "of_config", "parsed"]
