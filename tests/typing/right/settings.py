"""Settings: fields have the types they were given, live or not."""

from typing import assert_type

from pydantic import Field

import streamweave_lab as sw


class FlightsConfig(sw.Config):
    speed: float = sw.live(3600.0, gt=0)
    month: int = Field(1, ge=1, le=12)


def scaled(item: float, config: FlightsConfig) -> float:
    return item * config.speed


config = FlightsConfig(month=2)
assert_type(config.speed, float)
assert_type(config.changed(speed=60), FlightsConfig)
assert_type(FlightsConfig.load("flights.toml"), FlightsConfig)
assert_type(config.reread(), FlightsConfig)
assert_type(sw.Map("scaled", scaled, config=FlightsConfig), sw.Map[float, float])
