"""Keys of `top`, on a run in this process: what they ask first, and what they tell afterwards."""

import asyncio
import re
from time import monotonic, sleep

import pytest

import streamweave_lab as sw
from streamweave_lab.cli.top.controls import Controls, outcome
from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded
from streamweave_lab.graph.source import Wait
from streamweave_lab.ipython.answers import sentence
from streamweave_lab.testing.loop import run_virtual


class KeysConfig(sw.Config):
    least: int = sw.live(0, ge=0)
    month: int = 1


class Quiet(sw.Source[int]):
    """Waits for ever."""

    def opened(self):
        self.position = 0

    def poll(self, limit):
        return Wait(60)


@pytest.fixture
def run(tmp_path):
    file = tmp_path / "keys.toml"
    file.write_text("schema_version = 1\n")
    enough = sw.Filter("enough", lambda n, config: n >= config.least, config=KeysConfig)
    run = sw.Graph("keys", Quiet("quiet") >> enough >> sw.Count("all")).start(KeysConfig.load(file), host="thread")
    yield run, file, Controls(run, drain_timeout=5)
    run.ask("stop").result(60)


def shows(controls, wanted):
    until = monotonic() + 60
    while wanted not in controls.footer().plain:
        assert monotonic() < until, controls.footer().plain
        sleep(0.01)


def test_without_anything_to_say_the_keys_are_named(run):
    _, _, controls = run
    assert controls.footer().plain == " d  drain   p  pause   r  reload   c  checkpoint   q  quit  "


def test_another_key_than_y_is_no(run):
    local, _, controls = run
    assert controls.press("d")
    assert "Drain keys and end it, within 5 s?" in controls.footer().plain
    assert controls.press("q"), "it answers the question, and does not leave"
    assert "not done" in controls.footer().plain
    assert local.status().state == "running"


def test_pause_asks_resume_does_not(run):
    local, _, controls = run
    controls.press("p")
    controls.press("y")
    shows(controls, "paused")
    assert local.status().state == "paused"
    controls.press("p")
    shows(controls, "resumed")
    assert local.status().state == "running"


def test_a_reload_that_would_change_nothing_or_be_refused_is_not_even_offered(run):
    _, file, controls = run
    controls.press("r")
    shows(controls, "the configuration has not changed")
    file.write_text("schema_version = 1\nmonth = 2\n")
    controls.press("r")
    shows(controls, "would be refused: month = 2: cannot change while the run goes on")
    file.write_text("schema_version = 1\nmonht = 2\n")
    controls.press("r")
    shows(controls, "did you mean month?")


def test_what_a_run_cannot_do_is_said(run):
    _, _, controls = run
    controls.press("c")
    shows(controls, "store")


@pytest.mark.parametrize("key", ["q", "Q", "", "\x03", "\x1b"])
def test_there_is_more_than_one_way_out(run, key):
    assert not run[2].press(key)


def test_of_an_ended_run_it_is_told_what_it_came_to(run):
    local, _, controls = run
    local.ask("drain", timeout=60).result(60)
    assert re.fullmatch(r" q  quit  the run was drained in [\d.]+ s.*nothing was dropped", controls.footer().plain)
    controls.press("d")
    assert "Drain" not in controls.footer().plain


def test_reports_come_to_a_sentence():
    assert outcome(Drained(True, 1.23, {})) == ("drained in 1.2 s, 0 items dropped", False)
    assert outcome(Drained(False, 5.0, {}, {"a.out -> b.in": 7})) == ("drained in 5.0 s, 7 items dropped", True)
    assert outcome(Reloaded(False, 1, refused=("no",))) == ("refused: no", True)
    assert outcome(Reloaded(True, 2)) == ("configuration 2 is in force", False)
    assert outcome(Checkpointed(True, id=7)) == ("checkpoint 7 is kept", False)
    assert outcome(Checkpointed(False, problem="disk full")) == ("disk full", True)


def test_the_end_of_a_lossy_drain_counts_what_nodes_held_as_well_as_what_edges_dropped():
    async def hang(n):
        await asyncio.sleep(1e9)

    async def main():
        ended = sw.Graph("brim", sw.Replay("numbers", range(10**9)) >> sw.ForEach("hang", hang, concurrency=3)).start()
        await asyncio.sleep(5)
        report = await ended.drain(timeout=1)
        assert report.dropped["hang"] > 0
        lost = f"{sum(report.dropped.values()):,} items were dropped"
        assert lost in Controls(ended, 1).footer().plain
        assert sentence(ended.status()) == f"run 'brim' has stopped; {lost}"

    run_virtual(main())
