"""Config as a value: what it shows, how it changes, when two are the same."""

import copy
import pickle
from enum import Enum
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from streamweave_lab.config.model import Config, live
from streamweave_lab.errors import ConfigError


class SinkConfig(Config):
    path: str = "out"
    flush_seconds: float = live(1.0, gt=0, le=60)
    token: SecretStr | None = None


class FlightsConfig(Config):
    speed: float = live(3600.0, gt=0)
    month: int = Field(1, ge=1, le=12)
    carriers: tuple[str, ...] = ()
    limits: dict[str, int] = Field({})
    sink: SinkConfig = SinkConfig(path="board")


def problems(config: Config, **changes: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        config.changed(**changes)
    return caught.value.problems


def test_a_config_is_frozen():
    with pytest.raises(ValidationError):
        FlightsConfig().speed = 2.0


def test_changed_gives_a_new_value_and_leaves_the_old_one():
    before = FlightsConfig()
    after = before.changed(speed=60, month=2)
    assert (before.speed, before.month) == (3600.0, 1)
    assert (after.speed, after.month, after.sink) == (60.0, 2, before.sink)


def test_a_nested_field_is_changed_by_its_dotted_name_or_as_a_table():
    assert FlightsConfig().changed(**{"sink.flush_seconds": 5}).sink == SinkConfig(path="board", flush_seconds=5)
    assert FlightsConfig().changed(sink={"flush_seconds": 5}).sink == SinkConfig(path="board", flush_seconds=5)


def test_a_whole_section_is_changed_by_a_value_of_its_type():
    assert FlightsConfig().changed(sink=SinkConfig(path="b", flush_seconds=2)).sink.path == "b"


def test_a_refused_change_names_field_value_and_limit():
    assert problems(FlightsConfig(), speed=-3) == ("speed = -3: must be greater than 0, given at run time",)
    assert problems(FlightsConfig(), month=13) == ("month = 13: must be at most 12, given at run time",)
    assert problems(FlightsConfig(), month="x") == ("month = 'x': must be a whole number, given at run time",)
    assert problems(FlightsConfig(), **{"sink.flush_seconds": 61}) == (
        "sink.flush_seconds = 61: must be at most 60, given at run time",
    )


def test_every_problem_is_told_at_once():
    assert problems(FlightsConfig(), speed=0, month=0, sped=1) == (
        "sped: is no setting, given at run time; did you mean speed?",
        "speed = 0: must be greater than 0, given at run time",
        "month = 0: must be at least 1, given at run time",
    )


def test_a_nested_key_that_is_not_there_is_told_with_the_nearest_one():
    assert problems(FlightsConfig(), **{"sink.pth": "b"}) == (
        "sink.pth: is no setting, given at run time; did you mean sink.path?",
    )
    assert problems(FlightsConfig(), path="b") == ("path: is no setting, given at run time; did you mean sink.path?",)


def test_a_key_like_no_other_is_told_with_all_there_are():
    class Small(Config):
        speed: float = 1.0

    assert problems(Small(), qqq=1) == ("qqq: is no setting, given at run time; known are speed",)


def test_an_item_of_a_list_is_named_by_its_place():
    assert problems(FlightsConfig(), carriers=["AA", 5]) == ("carriers.1 = 5: must be a text, given at run time",)


def test_a_plain_value_for_a_section_is_refused():
    assert problems(FlightsConfig(), sink=5) == ("sink = 5: must be a section with keys of its own, given at run time",)


def test_a_union_is_refused_with_what_each_alternative_asks():
    class Either(Config):
        size: int | bool = 1

    assert problems(Either(), size=[]) == (
        "size = []: must be a whole number or must be true or false, given at run time",
    )


def test_an_enum_is_refused_with_its_members():
    class Order(Enum):
        SCHEDULED = "scheduled"
        ACTUAL = "actual"

    class Ordered(Config):
        order: Order = Order.ACTUAL

    assert problems(Ordered(), order="late") == ("order = 'late': must be 'scheduled' or 'actual', given at run time",)


def test_a_field_that_nobody_has_given_is_told_with_the_places_where_it_may_be_given(tmp_path):
    class Sink(Config):
        limit: int

    path = tmp_path / "a.toml"
    path.write_text("schema_version = 1\n")
    with pytest.raises(ConfigError) as refused:
        Sink.load(path, environ={})
    said = "limit: is required, and given neither in a file nor as STREAMWEAVE_LIMIT"
    assert refused.value.problems == (said,)


def test_a_rule_over_several_fields_is_told_in_its_own_words():
    class Range(Config):
        low: int = 0
        high: int = 9

        @model_validator(mode="after")
        def _in_order(self) -> "Range":
            if self.low > self.high:
                raise ValueError("low must not be above high")
            return self

    assert problems(Range(), low=10) == ("low must not be above high",)


def test_the_provenance_of_what_was_given_in_code_and_at_run_time():
    config = FlightsConfig(month=3).changed(speed=60, **{"sink.path": "b"})
    assert config.provenance() == {
        "speed": "runtime",
        "month": "code",
        "carriers": "default",
        "limits": "default",
        "sink.path": "runtime",
        "sink.flush_seconds": "default",
        "sink.token": "default",
    }


def test_where_values_came_from_does_not_make_two_configs_differ():
    assert FlightsConfig(speed=60) == FlightsConfig().changed(speed=60)
    assert FlightsConfig(speed=60) != FlightsConfig()
    assert SinkConfig() != FlightsConfig()


def test_a_config_can_be_hashed_copied_and_pickled():
    config = SinkConfig.load().changed(path="b")
    assert len({config, SinkConfig(path="b")}) == 1
    assert copy.deepcopy(config) == config
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert again.provenance() == config.provenance()


def test_a_secret_is_nowhere_to_be_seen():
    config = FlightsConfig().changed(**{"sink.token": "hush-hush"})
    assert config.sink.token is not None
    assert config.sink.token.get_secret_value() == "hush-hush"
    for text in (repr(config), str(config), str(config.public()), config.model_dump_json(), str(config.provenance())):
        assert "hush-hush" not in text
    assert config.public()["sink"]["token"] == "**********"


def test_a_refused_secret_is_masked_even_where_a_validator_quotes_it():
    class Guarded(Config):
        token: SecretStr = SecretStr("right")

        @field_validator("token")
        @classmethod
        def _must_be_right(cls, value: SecretStr) -> SecretStr:
            if value.get_secret_value() != "right":
                raise ValueError(f"{value.get_secret_value()} is wrong")
            return value

        @model_validator(mode="before")
        @classmethod
        def _too_curious(cls, values: dict[str, object]) -> dict[str, object]:
            if values.get("token") == "curious":
                raise ValueError(f"saw {values}")
            return values

    assert problems(Guarded(), token="wrong\nkey") == ("token = **********: is not accepted, given at run time",)
    assert problems(Guarded(), token="curious") == ("saw {'token': '**********'}",)
    with pytest.raises(ValidationError) as caught:
        Guarded(token="wrong key", other=1)
    assert "input_value" not in str(caught.value)


def test_a_refused_value_hides_secrets_deep_inside_it():
    class Door(Config):
        url: str
        key: SecretStr

    class House(Config):
        doors: list[Door] = Field([])

    assert problems(House(), doors=[{"url": "a", "key": 777}]) == (
        "doors.0.key = **********: must be a text, given at run time",
    )


def test_the_error_is_not_chained_to_one_that_quotes_secrets():
    with pytest.raises(ConfigError) as caught:
        FlightsConfig().changed(**{"sink.token": 5})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_public_values_are_ready_for_json():
    assert FlightsConfig(carriers=("AA",)).public() == {
        "speed": 3600.0,
        "month": 1,
        "carriers": ["AA"],
        "limits": {},
        "sink": {"path": "board", "flush_seconds": 1.0, "token": None},
    }


def test_the_fingerprint_follows_values_and_schema_but_not_secrets_or_sources():
    plain = FlightsConfig()
    assert len(plain.fingerprint()) == 64
    assert plain.fingerprint() == FlightsConfig(speed=3600).fingerprint()
    assert plain.fingerprint() == plain.changed(**{"sink.token": "a"}).fingerprint()
    assert plain.fingerprint() != plain.changed(speed=1).fingerprint()

    class NextConfig(FlightsConfig):
        schema_version = 2

    assert NextConfig().fingerprint() != plain.fingerprint()


class Bags(Config):
    names: frozenset[str] = frozenset()
    counts: dict[str, int] = Field({})


@given(st.dictionaries(st.text(), st.integers()), st.sets(st.text()))
def test_the_fingerprint_does_not_depend_on_the_order_of_keys_and_members(counts: dict[str, int], names: set[str]):
    one = Bags(counts=counts, names=frozenset(sorted(names)))
    two = Bags(counts=dict(reversed(counts.items())), names=frozenset(sorted(names, reverse=True)))
    assert one.fingerprint() == two.fingerprint()


def test_what_was_not_loaded_from_a_file_cannot_be_reread():
    with pytest.raises(ConfigError) as caught:
        FlightsConfig().reread()
    assert str(caught.value) == (
        "FlightsConfig: the configuration was not loaded from a file; "
        "load it with FlightsConfig.load(path) to reload it"
    )


def test_a_field_can_say_in_the_schema_that_it_is_live():
    fields = FlightsConfig.model_json_schema()["properties"]
    assert fields["speed"]["live"] is True
    assert "live" not in fields["month"]


def test_a_field_may_have_any_name_that_a_mapping_or_this_package_uses():
    class Odd(Config):
        keys: list[str] = Field(default_factory=list)
        items: int = 1
        values: int = 2
        get: int = 3
        live: bool = True
        pop: int = 4

    odd = Odd().changed(keys=["a"])
    assert odd.public() == {"keys": ["a"], "items": 1, "values": 2, "get": 3, "live": True, "pop": 4}
    assert odd.provenance()["keys"] == "runtime"
    assert odd.fingerprint() != Odd().fingerprint() == Odd(live=True).fingerprint()


def test_a_field_that_would_hide_what_every_config_has_is_refused_when_the_class_is_made():
    with pytest.raises(ConfigError) as refused:

        class Shadowing(Config):
            schema_version: ClassVar[int] = 2
            provenance: str = ""
            public: bool = True

    assert refused.value.problems == (
        "provenance: is what every Config has, and cannot name a field; name it otherwise, such as provenance_",
        "public: is what every Config has, and cannot name a field; name it otherwise, such as public_",
    )
