"""The table of commands: what `--help` says of each is what it is, and nothing is imported before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from streamweave_lab.cli.lazy import LazyGroup
from streamweave_lab.cli.main import COMMANDS, main

HEAVY = ["httpx", "uvicorn", "starlette", "rich.table", "jupyterlab", "streamweave_lab.remote", "streamweave_lab.ops"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_table_is_there_under_its_name(name: str) -> None:
    module, function = COMMANDS[name].where.split(":")
    command = getattr(import_module(module), function)
    assert isinstance(command, click.Command)
    assert command.name == name
    answer = CliRunner().invoke(main, [name, "--help"])
    assert answer.exit_code == 0
    assert "See above" not in answer.output


def test_help_lists_the_commands_in_the_order_of_use() -> None:
    answer = CliRunner().invoke(main, ["--help"])
    listed = [line.split()[0] for line in answer.output.partition("Commands:\n")[2].splitlines()]
    assert listed == [*COMMANDS]
    assert "Run a graph in this terminal, or as a service." in answer.output


def test_help_imports_nothing_that_it_does_not_need() -> None:
    asked = (
        "import sys; from streamweave_lab.cli.main import main; main(['--help'], standalone_mode=False); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_a_misspelt_command_is_told_with_the_nearest() -> None:
    answer = CliRunner().invoke(main, ["statsu"])
    assert answer.exit_code == 2
    assert "there is no command 'statsu'; did you mean 'status'?" in answer.output
    answer = CliRunner().invoke(main, ["checkpoints", "lst"])
    assert "there is no command 'lst'; did you mean 'list'?" in answer.output


def test_a_group_without_a_table_lists_its_own_commands() -> None:
    @click.group(cls=LazyGroup)
    def tools() -> None: ...

    @tools.command()
    def hammer() -> None:
        """Hit."""

    assert "hammer  Hit." in CliRunner().invoke(tools, ["--help"]).output
