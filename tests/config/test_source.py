"""Files, the environment and secrets: what stands above what, and what is refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from streamweave_lab.config.model import Config, live
from streamweave_lab.config.source import unreadable
from streamweave_lab.errors import ConfigError


class SinkConfig(BaseModel):
    path: str = "out"
    rows: int = 1
    token: SecretStr | None = None


class FlightsConfig(Config):
    speed: float = live(3600.0, gt=0)
    month: int = Field(1, ge=1, le=12)
    carriers: list[str] = Field([])
    until: float | None = 5.0
    sink: SinkConfig = SinkConfig(path="board")
    spare: SinkConfig | None = None


def written(tmp_path: Path, text: str, name: str = "flights.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def load(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> FlightsConfig:
    return FlightsConfig.load(written(tmp_path, "schema_version = 1\n" + text), environ=environ or {})


def problems(path: Path | None, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        FlightsConfig.load(path, environ=environ or {})
    return caught.value.problems


def test_without_file_and_environment_the_defaults_hold():
    assert FlightsConfig.load(environ={}) == FlightsConfig()


def test_the_environment_stands_above_the_file_and_the_file_above_the_defaults(tmp_path):
    config = load(tmp_path, "speed = 60\nmonth = 2", {"STREAMWEAVE_MONTH": "3"})
    assert (config.speed, config.month, config.carriers) == (60.0, 3, [])
    assert config.provenance() == {
        "speed": "file flights.toml",
        "month": "environment STREAMWEAVE_MONTH",
        "carriers": "default",
        "until": "default",
        "sink.path": "default",
        "sink.rows": "default",
        "sink.token": "default",
        "spare": "default",
    }


def test_a_json_file_says_the_same_as_a_toml_file(tmp_path):
    path = written(tmp_path, '{"schema_version": 1, "speed": 60, "sink": {"rows": 7}}', "flights.json")
    assert FlightsConfig.load(path, environ={}) == load(tmp_path, "speed = 60\n[sink]\nrows = 7")


def test_a_section_in_part_keeps_the_rest_of_its_default(tmp_path):
    config = load(tmp_path, "[sink]\nrows = 7", {"STREAMWEAVE_SPARE__PATH": "b"})
    assert (config.sink.path, config.sink.rows) == ("board", 7)
    assert config.spare == SinkConfig(path="b")
    assert config.provenance()["spare.path"] == "environment STREAMWEAVE_SPARE__PATH"


def test_a_nested_field_is_set_from_the_environment():
    config = FlightsConfig.load(environ={"STREAMWEAVE_SINK__ROWS": "9"})
    assert config.sink == SinkConfig(path="board", rows=9)


def test_lists_tables_and_null_in_the_environment_are_json_and_texts_are_texts():
    config = FlightsConfig.load(
        environ={
            "STREAMWEAVE_CARRIERS": '["AA", "UA"]',
            "STREAMWEAVE_UNTIL": "null",
            "STREAMWEAVE_SINK__PATH": "[not json]",
        }
    )
    assert (config.carriers, config.until, config.sink.path) == (["AA", "UA"], None, "[not json]")


def test_an_unknown_key_names_the_nearest_one_and_the_file(tmp_path):
    path = written(tmp_path, "schema_version = 1\nspede = 3\n[sink]\npaht = 'b'")
    assert problems(path) == (
        "spede: is no setting, in flights.toml; did you mean speed?",
        "sink.paht: is no setting, in flights.toml; did you mean sink.path?",
    )


def test_a_bad_value_names_the_field_the_value_the_limit_and_the_place(tmp_path):
    path = written(tmp_path, "schema_version = 1\nspeed = -3")
    assert problems(path) == ("speed = -3: must be greater than 0, in flights.toml",)
    assert problems(None, {"STREAMWEAVE_MONTH": "13"}) == ("month = '13': must be at most 12, in STREAMWEAVE_MONTH",)


def test_all_problems_of_all_places_are_told_together(tmp_path):
    path = written(tmp_path, "schema_version = 1\nspeed = -3\nspede = 3")
    assert problems(path, {"STREAMWEAVE_MONTH": "13"}) == (
        "spede: is no setting, in flights.toml; did you mean speed?",
        "speed = -3: must be greater than 0, in flights.toml",
        "month = '13': must be at most 12, in STREAMWEAVE_MONTH",
    )


def test_a_misspelt_variable_is_refused_but_not_one_of_another_program():
    assert problems(None, {"STREAMWEAVE_SINK__ROW": "9", "STREAMWEAVE_SPEEED": "2"}) == (
        "STREAMWEAVE_SINK__ROW: is no setting, in the environment; did you mean STREAMWEAVE_SINK__ROWS?",
        "STREAMWEAVE_SPEEED: is no setting, in the environment; did you mean STREAMWEAVE_SPEED?",
    )
    assert FlightsConfig.load(environ={"STREAMWEAVE_LOG": "debug", "STREAMWEAVE_PORT": "tcp://10.0.0.1"})


def test_the_variables_of_the_process_itself_are_no_settings(tmp_path):
    class Named(Config):
        token: SecretStr | None = None
        log: str = "here"
        tokens: int = 3

    written(tmp_path, "of-the-server", "token")
    environ = {"STREAMWEAVE_TOKEN_FILE": str(tmp_path / "token"), "STREAMWEAVE_LOG": "debug"}
    remedy = ", which is the process's own; write it in a file, or give the field another name, such as my_"
    with pytest.raises(ConfigError) as refused:  # and a default is not taken in silence
        Named.load(environ=environ)
    assert refused.value.problems == (
        f"log: cannot be given by STREAMWEAVE_LOG{remedy}log",
        f"token: cannot be given by STREAMWEAVE_TOKEN_FILE{remedy}token",
    )
    path = written(tmp_path, 'schema_version = 1\ntoken = "mine"\nlog = "there"')
    read = Named.load(path, environ={"STREAMWEAVE_TOKEN": "of-the-server", "STREAMWEAVE_LOG": "x"})
    assert read == Named(token=SecretStr("mine"), log="there")
    assert Named.load(environ={"STREAMWEAVE_TOKENS": "4"}) == Named(tokens=4)
    assert [note.partition(":")[0] for note in unreadable(Named)] == ["token", "log"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.toml", "speed = ", "file a.toml cannot be understood: Invalid value (at end of document)"),
        (
            "a.yaml",
            "speed: 1",
            "file a.yaml cannot be understood: a configuration file must end in .toml or .json, not '.yaml'",
        ),
        ("a.json", "[1]", "file a.json cannot be understood: the file must hold one JSON object"),
        ("a.json", '{"speed": 1, "speed": 2}', "file a.json cannot be understood: the key 'speed' stands twice"),
        ("a.toml", "speed = 1", "schema_version: is required, in a.toml; write schema_version = 1 at its top"),
        ("a.toml", "schema_version = true", "schema_version = True: must be a whole number from 1 to 1, in a.toml"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, name, text, problem):
    path = written(tmp_path, text, name)
    assert problems(path) == (problem,)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError) as caught:
        FlightsConfig.load(tmp_path / "none.toml", environ={})
    assert caught.value.source == str(tmp_path / "none.toml")
    assert caught.value.problems == ("file none.toml cannot be read: No such file or directory",)


def test_a_reload_sees_the_new_file_and_environment_and_keeps_changes_made_at_run_time(tmp_path):
    environ = {"STREAMWEAVE_MONTH": "2"}
    path = written(tmp_path, "schema_version = 1\nspeed = 60\nuntil = 1")
    config = FlightsConfig.load(path, environ=environ).changed(until=7)
    path.write_text("schema_version = 1\nspeed = 30\nuntil = 2")
    environ["STREAMWEAVE_MONTH"] = "4"
    again = config.reread()
    assert (again.speed, again.month, again.until) == (30.0, 4, 7.0)
    assert again.provenance()["until"] == "runtime"
    assert config.speed == 60.0


def test_a_reload_of_a_spoilt_file_is_refused_and_the_old_value_stays(tmp_path):
    config = load(tmp_path, "speed = 60")
    written(tmp_path, "schema_version = 1\nspeed = 0")
    with pytest.raises(ConfigError, match=r"speed = 0: must be greater than 0, in flights.toml"):
        config.reread()
    assert config.speed == 60.0


def test_a_secret_is_read_from_the_file_named_beside_it(tmp_path):
    written(tmp_path, "hush\n", "token")
    config = load(tmp_path, "[sink]\ntoken_file = 'token'")
    assert config.sink.token == SecretStr("hush")
    assert config.provenance()["sink.token"] == "secret file named in flights.toml"


def test_a_secret_is_read_from_the_file_that_the_environment_names(tmp_path):
    secret = written(tmp_path, "hush", "token")
    config = FlightsConfig.load(environ={"STREAMWEAVE_SINK__TOKEN_FILE": str(secret)})
    assert config.sink.token == SecretStr("hush")
    assert config.provenance()["sink.token"] == "secret file named by STREAMWEAVE_SINK__TOKEN_FILE"


def test_a_secret_is_found_among_the_credentials_of_the_service(tmp_path):
    written(tmp_path, "hush", "sink.token")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert FlightsConfig.load(environ=environ).sink.token == SecretStr("hush")
    environ["STREAMWEAVE_SINK__TOKEN"] = "nearer"
    assert FlightsConfig.load(environ=environ).sink.token == SecretStr("nearer")


def test_a_secret_and_its_file_together_are_refused(tmp_path):
    path = written(tmp_path, "schema_version = 1\n[sink]\ntoken = 'a'\ntoken_file = 'b'")
    assert problems(path) == (
        "sink.token: is given both itself and as sink.token_file, in flights.toml; give one of them",
    )
    assert problems(None, {"STREAMWEAVE_SINK__TOKEN": "a", "STREAMWEAVE_SINK__TOKEN_FILE": "b"}) == (
        "sink.token: is given both itself and as sink.token_file, by STREAMWEAVE_SINK__TOKEN_FILE; give one of them",
    )


def test_a_secret_file_that_cannot_be_read_is_a_problem_with_its_name(tmp_path):
    path = written(tmp_path, "schema_version = 1\n[sink]\ntoken_file = './none'")
    (problem,) = problems(path)
    reason = "No such file or directory, named in flights.toml"
    assert problem == f"sink.token: the secret file {tmp_path / 'none'} cannot be read: {reason}"


def test_a_secret_that_stands_where_its_file_should_be_named_is_not_told(tmp_path):
    path = written(tmp_path, "schema_version = 1\n[sink]\ntoken_file = 'hush'")
    (problem,) = problems(path)
    assert problem == (
        "sink.token: the secret file cannot be read: No such file or directory, named in flights.toml; "
        "sink.token_file is to name a file, not to be the secret"
    )


def test_a_list_in_the_place_of_a_section_with_secrets_is_not_told(tmp_path):
    path = written(tmp_path, "schema_version = 1\n[[sink]]\ntoken = 'hush'")
    assert problems(path) == ("sink = **********: must be a section with keys of its own, in flights.toml",)


def test_what_would_move_the_cursor_of_a_terminal_is_told_as_an_escape(tmp_path):
    path = written(tmp_path, 'schema_version = 1\n"\\u001b[2Jspeed" = 1')
    assert problems(path)[0].startswith("\\x1b[2Jspeed: is no setting, in flights.toml")


def test_only_a_secret_can_be_given_by_a_file(tmp_path):
    path = written(tmp_path, "schema_version = 1\n[sink]\npath_file = 'a'")
    assert problems(path) == ("sink.path_file: is no setting, in flights.toml; did you mean sink.path?",)


NUMBERS = st.none() | st.integers(1, 12)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_the_highest_layer_that_has_a_value_wins(tmp_path_factory, in_file, in_environment, at_run_time):
    path = written(
        tmp_path_factory.mktemp("config"), "schema_version = 1\n" + (f"month = {in_file}" if in_file else "")
    )
    environ = {"STREAMWEAVE_MONTH": str(in_environment)} if in_environment else {}
    config = FlightsConfig.load(path, environ=environ)
    config = config.changed(month=at_run_time) if at_run_time else config
    expected = [
        (at_run_time, "runtime"),
        (in_environment, "environment STREAMWEAVE_MONTH"),
        (in_file, "file flights.toml"),
        (1, "default"),
    ]
    assert (config.month, config.provenance()["month"]) == next(pair for pair in expected if pair[0])
