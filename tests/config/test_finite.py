"""Sections that are plain models, not Configs: what their numbers may be, and a part of one that was left out."""

import math

import pytest
from pydantic import BaseModel, Field, ValidationError

from streamweave_lab.config.model import Config
from streamweave_lab.errors import ConfigError


class Plain(BaseModel):
    x: float = 1.0
    many: list[float] = []
    endless: float = Field(math.inf, allow_inf_nan=True)


class Around(Config):
    plain: Plain = Plain()
    several: tuple[Plain, ...] = ()
    absent: Plain | None = None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"plain.x": math.inf}, "plain.x = inf: must be a finite number, given at run time"),
        ({"plain.many": [1.0, math.nan]}, "plain.many.1 = nan: must be a finite number, given at run time"),
        ({"several": [{"x": -math.inf}]}, "several.0.x = -inf: must be a finite number, given at run time"),
        ({"absent": {"x": math.nan}}, "absent.x = nan: must be a finite number, given at run time"),
    ],
)
def test_a_number_that_is_not_finite_is_refused_in_a_section_that_is_a_plain_model(given, said):
    with pytest.raises(ConfigError) as refused:
        Around().changed(**given)
    assert refused.value.problems == (said,)
    with pytest.raises(ValidationError, match="finite number"):
        Around(plain=Plain(x=math.inf))


def test_a_section_that_was_left_out_can_be_given_in_part():
    changed = Around().changed(**{"absent.x": 2.0})
    assert changed.absent == Plain(x=2.0)
    assert changed.changed(absent=None).absent is None
