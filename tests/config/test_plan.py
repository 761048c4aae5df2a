"""What a change of configuration would change, and what of it is refused."""

from pydantic import SecretStr

from streamweave_lab.config.model import Config, live
from streamweave_lab.config.plan import Change, Plan, plan


class SinkConfig(Config):
    path: str = "out"
    token: SecretStr | None = live(None)


class FlightsConfig(Config):
    speed: float = live(3600.0, gt=0)
    month: int = 1
    sink: SinkConfig = SinkConfig()
    spare: SinkConfig | None = live(None)


def test_equal_configurations_change_nothing():
    assert plan(FlightsConfig(), FlightsConfig()) == Plan()
    assert str(plan(FlightsConfig(), FlightsConfig())) == "no change"


def test_a_live_field_is_a_change_and_is_not_refused():
    assert plan(FlightsConfig(), FlightsConfig(speed=60)) == Plan((Change("speed", 3600.0, 60.0, live=True),))


def test_another_field_is_refused_with_both_values_and_what_to_do():
    found = plan(FlightsConfig(), FlightsConfig(speed=60, month=2))
    assert [change.field for change in found.changes] == ["speed", "month"]
    assert found.refused == (
        "month = 2: cannot change while the run goes on, it stays 1; drain the run and start it again to change it",
    )


def test_nested_fields_are_compared_one_by_one():
    found = plan(FlightsConfig(), FlightsConfig(sink=SinkConfig(path="b")))
    assert found.changes == (Change("sink.path", "out", "b", live=False),)


def test_a_secret_that_changes_is_seen_to_change_but_not_seen():
    one, two = (FlightsConfig(sink=SinkConfig(token=SecretStr(text))) for text in ("a", "b"))
    assert plan(one, two).changes == (Change("sink.token", "**********", "**********", live=True),)
    assert plan(FlightsConfig(), two).changes == (Change("sink.token", None, "**********", live=True),)


def test_a_section_that_appears_is_one_change_with_its_secrets_masked():
    found = plan(FlightsConfig(), FlightsConfig(spare=SinkConfig(path="b", token=SecretStr("hush"))))
    assert found.changes == (Change("spare", None, {"path": "b", "token": "**********"}, live=True),)


def test_a_live_section_makes_its_fields_live():
    one, two = (FlightsConfig(spare=SinkConfig(path=path)) for path in "ab")
    assert plan(one, two).changes == (Change("spare.path", "a", "b", live=True),)


def test_a_configuration_of_another_kind_is_refused():
    assert plan(FlightsConfig(), SinkConfig()).refused == (
        "a SinkConfig cannot replace the FlightsConfig this run was started with: give it a FlightsConfig",
    )


def test_a_class_defined_again_in_its_cell_is_the_same_kind():
    class Again(Config):
        speed: float = live(3600.0)

    first = Again

    class Again(Config):  # type: ignore[no-redef]
        speed: float = live(3600.0)

    assert plan(first(), Again(speed=2)).changes == (Change("speed", 3600.0, 2.0, live=True),)


def test_a_plan_reads_as_a_diff():
    assert str(plan(FlightsConfig(), FlightsConfig(speed=60, month=2))) == (
        "speed: 3600.0 → 60.0\nmonth: 1 → 2 (not while the run goes on)"
    )


def test_a_plan_names_each_value_of_the_file_that_a_change_at_run_time_hides(tmp_path):
    path = tmp_path / "flights.toml"
    path.write_text("schema_version = 1\nspeed = 60\n[sink]\ntoken = 'first-hush'\n")
    present = FlightsConfig.load(path, environ={}).changed(**{"speed": 7, "sink.token": "own-hush"})
    path.write_text("schema_version = 1\nspeed = 50\nmonth = 1\n[sink]\ntoken = 'second-hush'\n")
    found = plan(present, present.reread())
    rid = "to be rid of that, roll back to a version before it and reload, or start the run again"
    assert found.changes == ()
    assert found.notes == (
        f"speed: 50.0 in flights.toml is hidden by the change at run time to 7.0; {rid}",
        f"sink.token: '**********' in flights.toml is hidden by the change at run time to '**********'; {rid}",
    )
    assert str(found).splitlines() == ["no change", *found.notes]


def test_a_value_of_the_file_that_is_wrong_is_named_also_where_a_change_at_run_time_hides_it(tmp_path):
    path = tmp_path / "flights.toml"
    path.write_text("schema_version = 1\nspeed = 60\n")
    present = FlightsConfig.load(path, environ={}).changed(speed=7)
    path.write_text("schema_version = 1\nspeed = -1\n")
    (note,) = plan(present, present.reread()).notes
    assert note.startswith(
        "speed = -1: must be greater than 0, in flights.toml; hidden by a change at run time: to be "
    )


def test_a_change_at_run_time_to_the_value_of_the_file_hides_nothing(tmp_path):
    path = tmp_path / "flights.toml"
    path.write_text("schema_version = 1\nspeed = 60\n")
    present = FlightsConfig.load(path, environ={}).changed(speed=60)
    assert plan(present, present.reread()).notes == ()
