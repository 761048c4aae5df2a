"""Units, read by systemd itself."""

import configparser
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from click import UsageError

from streamweave_lab.cli.outcome import Exit
from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.deploy.systemd import Systemd, unit, units
from tests.ops.deploy.deployed import deployed

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


@pytest.fixture
def asked(tmp_path):
    return Systemd(deployed(tmp_path, drain=40, checkpoint=20, margin=5), "/usr/bin/true", 252)


def service(text):
    """The section of a unit, with the values of each key."""
    found: dict[str, list[str]] = {}
    for line in text.partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_unit(asked, tmp_path):
    path = tmp_path / "plant.service"
    path.write_text(unit(asked))
    said = subprocess.run([ANALYZE, "verify", str(path)], capture_output=True, text=True, check=False, timeout=120)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


@needs_systemd
def test_systemd_calls_the_unit_well_secured(asked, tmp_path):
    path = tmp_path / "plant.service"
    path.write_text(unit(asked))
    command = [ANALYZE, "security", "--offline=true", "--no-pager", "--threshold=20", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert said.returncode == 0, said.stdout  # 2.0 of 10 is the most that is let pass
    assert re.search(r"Overall exposure level for plant.service: 1\.\d OK", said.stdout)


def test_from_253_on_a_reload_is_waited_for(asked):
    found = service(unit(replace(asked, version=253)))
    assert found["Type"] == ["notify-reload"]
    assert "ExecReload" not in found  # SIGHUP would be sent twice


def test_windows_are_kept_open_over_a_restart_where_that_is_asked_for(asked):
    (command,) = service(unit(asked))["ExecStart"]
    assert "--on-term" not in command
    suspending = replace(asked, deployment=replace(asked.deployment, on_term="suspend"))
    (command,) = service(unit(suspending))["ExecStart"]
    assert "--drain-timeout 40 --on-term suspend" in command


def test_before_that_a_reload_is_a_signal(asked):
    found = service(unit(asked))
    assert found["Type"] == ["notify"]
    assert found["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_a_systemd_that_knows_no_credentials_is_refused(asked):
    with pytest.raises(ConfigError, match="systemd 249: must be 250 or newer, for credentials"):
        replace(asked, version=249)


def test_it_is_given_the_time_that_its_end_needs(asked):
    assert service(unit(asked))["TimeoutStopSec"] == ["66"]
    with pytest.raises(ConfigError, match="a grace period of 65 s is too short"):
        replace(asked, grace=65)


def test_it_is_started_again_unless_somebody_ended_it_or_its_configuration_is_wrong(asked):
    found = service(unit(asked))
    assert found["Restart"] == ["on-failure"]  # not after 0: drained, suspended, come to its end
    assert found["RestartPreventExitStatus"] == [f"{UsageError.exit_code} {Exit.DROPPED:d} {Exit.BAD_CONFIG:d}"]
    assert found["RestartForceExitStatus"] == [f"{Exit.TRY_AGAIN:d}"]
    assert found["WatchdogSec"] == ["60"]
    assert "WatchdogSec" not in service(unit(replace(asked, watchdog=0)))


def test_secrets_are_credentials_and_state_has_its_folder(asked):
    found = service(unit(asked))
    assert found["LoadCredential"] == [
        "token:/etc/streamweave/plant/token",
        "sink.password:/etc/streamweave/plant/sink.password",
    ]
    assert "STREAMWEAVE_SINK__PASSWORD_FILE=%d/sink.password" in found["Environment"]
    assert found["StateDirectory"] == ["streamweave/plant"]
    assert "--checkpoint %S/streamweave/plant/checkpoints" in found["ExecStart"][0]


def test_the_configuration_file_is_written_beside_the_unit(asked):
    assert sorted(units(asked)) == ["plant.service", "plant.toml"]
    assert "--config /etc/streamweave/plant/plant.toml" in unit(asked)


def test_homes_are_hidden_unless_the_program_lies_in_one(asked):
    assert service(unit(asked))["ProtectHome"] == ["yes"]
    at_home = replace(asked, executable="/home/anna/.venv/bin/streamweave-lab")
    assert service(unit(at_home))["ProtectHome"] == ["read-only"]


def test_what_systemd_would_expand_in_a_command_is_escaped(asked, tmp_path):
    odd = replace(asked, executable="/opt/100% $HOME/bin/x", working_directory="/opt/50%")
    found = service(unit(odd))
    assert found["ExecStart"][0].startswith("'/opt/100%% $$HOME/bin/x' run plant.app:graph ")
    assert found["WorkingDirectory"] == ["/opt/50%%"]


def test_an_address_of_version_6_is_written_as_run_reads_it(asked):
    assert "--serve '[::1]:9464' " in unit(replace(asked, host="::1"))


def test_a_file_name_that_would_be_a_line_of_its_own_is_refused(asked):
    config = replace(asked.deployment.config, name="a\nExecStartPre=evil.toml")
    with pytest.raises(ConfigError, match=r"configuration file .* must be an absolute path"):
        replace(asked, deployment=replace(asked.deployment, config=config))


@pytest.mark.parametrize("executable", ["bin/streamweave-lab", "/bin/x\nExecStartPre=/bin/evil", ""])
def test_a_path_that_is_none_is_refused(asked, executable):
    with pytest.raises(ConfigError, match="must be an absolute path"):
        replace(asked, executable=executable)


@pytest.mark.parametrize("name", ["a b", "../up", ".hidden", "-dash", "x" * 201, "a\nb", "a%n"])
def test_a_name_that_no_unit_can_have_is_refused(asked, name):
    with pytest.raises(ConfigError, match="give one with --name"):
        replace(asked, deployment=replace(asked.deployment, name=name))


def test_a_file_without_its_whole_path_is_refused(asked):
    with pytest.raises(ConfigError, match="a unit begins in /"):
        replace(asked, deployment=replace(asked.deployment, target="plant.py:graph"))


def test_the_unit_can_be_read_by_whatever_reads_ini_files(asked):
    reader = configparser.ConfigParser(strict=False, interpolation=None)
    reader.read_string(unit(asked))
    assert reader["Install"]["wantedby"] == "multi-user.target"


@pytest.mark.parametrize("place", ["/tmp/x", "/var/tmp"])
def test_a_folder_that_the_unit_would_not_see_is_refused(asked, place):
    with pytest.raises(ConfigError, match="PrivateTmp=yes does not see; move it to /opt"):
        replace(asked, working_directory=place)


def test_it_is_started_again_however_long_what_it_needs_is_missing(asked):
    text = unit(replace(asked, version=254))
    assert "\nStartLimitIntervalSec=0\n" in text
    assert "\nRestartSteps=6\nRestartMaxDelaySec=120\n" in text
    assert "RestartSteps" not in unit(asked)
