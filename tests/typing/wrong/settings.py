"""Settings that are not there, or of another type: every marked line must be refused, and no other."""

import streamweave_lab as sw


class FlightsConfig(sw.Config):
    speed: float = sw.live(3600.0, gt=0)
    month: int = 1


class OtherConfig(sw.Config):
    pass


def scaled(item: float, config: FlightsConfig) -> float:
    return item * config.speed


FlightsConfig(sped=60)  # wrong
FlightsConfig(speed="fast")  # wrong
_ = FlightsConfig().sped  # wrong
sw.Map("scaled", scaled)  # wrong
sw.Map("scaled", scaled, config=OtherConfig)  # wrong
