"""The commands that ask a run in another process, asked here of a run that is served by this one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

import streamweave_lab as sw
from streamweave_lab.cli.main import main

TOKEN = "a-token-that-nobody-guesses"

Ask = Callable[..., Result]


class Settings(sw.Config):
    limit: float = sw.live(5.0, gt=0)
    place: str = "attic"


def below(n: int, config: Settings) -> bool:
    return n < config.limit


class Numbers(sw.Source[int]):
    """Counts slowly and for ever."""

    def poll(self, limit: int) -> list[int] | sw.Wait:
        if self.clock.now() < getattr(self, "next", 0.0):
            return sw.Wait(0.01)
        self.next = self.clock.now() + 0.01
        self.position = (self.position or 0) + 1
        return [self.position]

    def snapshot(self) -> int:
        return self.position or 0

    def restore(self, state: int) -> None:
        self.position = state


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text("schema_version = 1\nlimit = 7\n")
    return path


@pytest.fixture
def run(settings: Path, tmp_path: Path) -> Iterator[sw.LocalRun]:
    """An endless run in a thread of its own, with a store."""
    graph = sw.Graph("endless", Numbers("n") >> sw.Filter("below", below, config=Settings) >> sw.Count("count"))
    run = graph.start(Settings.load(settings), host="thread", store=sw.SqliteStore(tmp_path / "state.db"))
    while not run.status().ready:  # until what it begins with is in the store
        time.sleep(0.01)
    yield run
    run.ask("stop").result(60)


@pytest.fixture
def ask(run: sw.LocalRun, tmp_path: Path) -> Iterator[Ask]:
    """Carry out `streamweave-lab <arguments>` with the run's address and token in the environment."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with run.serve(token_file=token) as server:
        environ = {"STREAMWEAVE_URL": server.url, "STREAMWEAVE_TOKEN_FILE": str(token), "STREAMWEAVE_TOKEN": None}
        yield lambda *arguments, **more: CliRunner().invoke(main, arguments, env={**environ, **more})


def test_status_is_a_few_stable_lines_or_the_document(ask: Ask) -> None:
    lines = ask("status").stdout.splitlines()
    assert lines[0] == "endless: running, ready, configuration version 1"
    assert [line.split()[0] for line in lines[1:4]] == ["n", "below", "count"]
    assert json.loads(ask("status", "--json").stdout)["graph"] == "endless"


def test_status_watched_goes_on_until_the_run_ends(ask: Ask, run: sw.LocalRun) -> None:
    ended = Thread(target=lambda: run.ask("drain").result(60))
    ended.start()
    documents = [
        json.loads(line) for line in ask("status", "--watch", "--json", "--interval", "0.1").stdout.splitlines()
    ]
    ended.join()
    assert documents[-1]["state"] == "stopped"


def test_pause_and_resume_do_what_they_say(ask: Ask, run: sw.LocalRun) -> None:
    assert ask("pause").stdout == "endless: paused\n"
    assert run.status().state == "paused"
    assert ask("resume").stdout == "endless: flowing again\n"
    assert run.status().state == "running"


def test_what_the_state_does_not_allow_is_told_with_70(ask: Ask) -> None:
    answer = ask("resume")
    assert (answer.exit_code, answer.stderr) == (
        70,
        "streamweave-lab: run 'endless' is running: it cannot resume now; it flows already\n",
    )


def test_a_drain_answers_with_its_account_and_the_events_say_who_asked(ask: Ask, run: sw.LocalRun) -> None:
    answer = ask("drain")
    assert answer.exit_code == 0
    assert re.fullmatch(r"endless: drained in [\d.]+ s; nothing was dropped\n", answer.stdout)
    assert run.status().state == "stopped"
    assert "http" in {event.by for event in run.events}


def test_a_report_can_be_had_as_json(ask: Ask) -> None:
    report = json.loads(ask("drain", "--json", "--timeout", "60").stdout)
    assert (report["complete"], report["dropped"], "sinks" in report["phases"]) == (True, {}, True)


def test_checkpoint_and_suspend_say_which_checkpoint(ask: Ask, run: sw.LocalRun) -> None:
    taken = ask("checkpoint")
    assert taken.exit_code == 0
    assert taken.stdout.startswith("endless: checkpoint ")
    suspended = ask("suspend")
    assert suspended.exit_code == 0
    assert "is written: all before epoch " in suspended.stdout
    assert run.status().state == "stopped"


@pytest.mark.parametrize("verb", ["pause", "resume", "checkpoint", "drain", "suspend", "stop"])
def test_why_a_run_was_asked_is_kept_with_the_event(ask: Ask, run: sw.LocalRun, verb: str) -> None:
    if verb == "resume":
        ask("pause")
    assert ask(verb, "--why", "a new month").exit_code in (0, 3)
    asked = [event for event in run.status().events if event.why]
    assert asked
    assert {(event.by, event.why) for event in asked} == {("http", "a new month")}


def test_stop_says_what_was_lost(ask: Ask, run: sw.LocalRun) -> None:
    answer = ask("stop")
    lost = sum(run.dropped.values())
    assert answer.exit_code == (3 if lost else 0)
    assert answer.stdout.startswith("endless: stopped; ")


def test_a_reload_is_seen_before_applied_and_refused_whole(ask: Ask, settings: Path) -> None:
    assert ask("config", "diff").stdout == "no change\n"
    settings.write_text("schema_version = 1\nlimit = 8\n")
    assert ask("config", "diff").stdout == "limit: 7.0 → 8.0\n"
    assert ask("reload").stdout == "endless: version 2 is in force\n  limit: 7.0 → 8.0\n"
    settings.write_text("schema_version = 1\nlimit = -8\n")
    refused = ask("reload")
    assert refused.exit_code == 78
    assert (
        "refused, version 2 stays in force:\n  limit = -8: must be greater than 0, in settings.toml" in refused.stdout
    )
    planned = ask("config", "diff")
    assert planned.exit_code == 78
    assert "limit = -8: must be greater than 0" in planned.stderr


def test_what_a_change_at_run_time_hides_is_named_by_the_diff_and_by_the_reload(
    ask: Ask, settings: Path, run: sw.LocalRun
) -> None:
    run.ask("configure", limit=6).result(60)
    settings.write_text("schema_version = 1\nlimit = 8\n")
    rid = "to be rid of that, roll back to a version before it and reload, or start the run again"
    hidden = f"limit: 8.0 in settings.toml is hidden by the change at run time to 6.0; {rid}"
    assert ask("config", "diff").stdout == f"no change\n{hidden}\n"
    assert json.loads(ask("config", "diff", "--json").stdout)["notes"] == [hidden]
    assert ask("reload").stdout == f"endless: version 2 is in force; nothing has changed\n  {hidden}\n"
    assert ask("config", "rollback").exit_code == 0
    assert ask("reload").stdout == "endless: version 4 is in force\n  limit: 7.0 → 8.0\n"


def test_the_history_says_who_and_why_and_a_rollback_brings_back(ask: Ask, settings: Path, run: sw.LocalRun) -> None:
    settings.write_text("schema_version = 1\nlimit = 9\n")
    assert ask("reload", "--why", "as agreed").exit_code == 0
    assert ask("config", "rollback", "1", "--why", "too many").stdout.startswith("endless: version 3 is in force")
    assert run.status().config is not None
    newest, before, first = json.loads(ask("config", "history", "--json").stdout)
    assert (newest["version"], newest["why"], newest["restores"], newest["who"]) == (3, "too many", 1, "http")
    assert (before["version"], before["why"], first["outcome"]) == (2, "as agreed", "started")
    table = ask("config", "history").stdout.splitlines()
    assert table[0].split() == ["version", "when", "outcome", "who", "what"]
    assert "as version 1; limit: 9.0 → 7.0; (too many)" in table[1]
    unknown = ask("config", "rollback", "77")
    assert unknown.exit_code == 78
    assert "version 77 is not in the history" in unknown.stdout + unknown.stderr


def test_the_configuration_in_force_is_shown_with_where_it_is_from(ask: Ask) -> None:
    rows = [line.split() for line in ask("config", "show").stdout.splitlines()]
    assert rows == [
        ["setting", "value", "from"],
        ["limit", "7.0", "file", "settings.toml", "live"],
        ["place", '"attic"', "default"],
    ]


def test_without_the_token_or_the_process_one_sentence_says_what_to_do(ask: Ask, tmp_path: Path) -> None:
    shut = ask("status", STREAMWEAVE_TOKEN_FILE="")
    assert shut.exit_code == 78
    assert "wants a token: give it with --token-file FILE" in shut.stderr
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-right-one-at-all")
    refused = ask("drain", "--token-file", str(wrong))
    assert refused.exit_code == 78
    assert "refuses the token" in refused.stderr
    assert "not-the-right" not in refused.stderr
    nobody = ask("status", "--url", "127.0.0.1:9")
    assert nobody.exit_code == 75
    assert nobody.stderr == "streamweave-lab: nothing answers at http://127.0.0.1:9: no process listens there\n"
    nowhere = ask("status", STREAMWEAVE_URL=None)
    assert nowhere.exit_code == 2
    assert "say which run: --url http://127.0.0.1:8080, or STREAMWEAVE_URL in the environment" in nowhere.stderr
    assert ask("status", "--url", "ftp://x").exit_code == 2
