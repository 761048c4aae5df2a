from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamweave_lab.ipython.words import VERBS
from tests.ipython.conftest import Kernel

SETUP = """
async def ticks():
    tick = 0
    while True:
        yield tick
        tick += 1
        await asyncio.sleep(0.01)

def endless(name):
    return sw.Graph(name, sw.Replay("ticks", ticks()) >> sw.Count("counted"))

class Settings(sw.Config):
    speed: float = sw.live(1.0, gt=0)

open("settings.toml", "w").write("schema_version = 1\\nspeed = 2.0\\n")
"""

FORGET = """
from streamweave_lab.ipython.words import VERBS
from streamweave_lab.engine import registry
for each in sw.runs().values():
    await each.stop()
registry._RUNS.clear()
"""


@pytest.fixture(scope="module", autouse=True)
def graphs(kernel: Kernel) -> None:
    assert kernel.cell(SETUP).status == "ok"


@pytest.fixture
def flights(kernel: Kernel) -> Iterator[Kernel]:
    """A kernel in which one run, `flights`, goes on."""
    assert kernel.cell('run = endless("flights").start(Settings.load("settings.toml"))').status == "ok"
    yield kernel
    kernel.cell(FORGET)


def test_without_a_run_the_magic_says_how_to_start_one(kernel: Kernel) -> None:
    assert kernel.cell("%weave runs").text == "there is no run in this kernel; start one with graph.start()"
    assert "there is no run in this kernel; start one with graph.start()" in kernel.cell("%weave drain").complained


def test_runs_lists_every_run_in_words_that_stay_the_same(flights: Kernel) -> None:
    flights.cell('other = endless("other").start()\nawait other.stop()')
    shown = flights.cell("%weave")
    assert shown.text.splitlines() == [
        "2 runs in this kernel",
        "run      state    ready  lives on",
        "flights  running  yes    loop",
        "other    stopped  no     loop",
    ]
    assert "<td>flights</td><td>running</td>" in shown.html


def test_status_shows_the_only_run_without_a_name(flights: Kernel) -> None:
    shown = flights.cell("table = %weave status\nprint(table.status.graph)\ntable")
    assert shown.printed == "flights\n"
    first, headings, *rows = shown.text.splitlines()
    assert first == "run 'flights' is running and ready"
    assert headings.split() == ["node", "kind", "state", "in", "out", "errors", "late"]
    assert [row.split()[:2] for row in rows] == [["ticks", "Replay"], ["counted", "Count"]]


def test_explain_says_why_the_only_run_is_as_it_is(flights: Kernel) -> None:
    flights.cell("await run.pause()")
    shown = flights.cell("%weave explain")
    assert "  ready       the run is paused: nothing flows until it is resumed or stepped" in shown.text.splitlines()
    assert "<th" in shown.html
    assert "<script" not in shown.html
    assert shown.complained == ""


def test_drain_is_started_at_once_and_the_next_cell_can_wait_for_the_end(flights: Kernel) -> None:
    shown = flights.cell("%weave drain flights --timeout 5")
    assert shown.text == "run 'flights' was asked to drain; await this for its report"
    assert "<b>flights</b>" in shown.html
    after = flights.cell("report = await _\nprint(report.complete, report.dropped, (await run.done()).state)")
    assert after.printed == "True {} stopped\n"


def test_what_was_asked_can_be_kept_and_awaited_twice_and_looks_the_same_afterwards(flights: Kernel) -> None:
    before = flights.cell("asked = %weave drain\nprint(asked.report)\nasked")
    assert before.printed == "None\n"
    after = flights.cell("print((await asked) is (await asked) is asked.report, asked.done)\nasked")
    assert (after.printed, after.text) == ("True True\n", before.text)


def test_the_magic_does_not_wait_for_a_drain_that_takes_long(kernel: Kernel) -> None:
    kernel.cell(
        "gate = asyncio.Event()\n"
        "async def hold(item): await gate.wait()\n"
        'slow = sw.Graph("slow", sw.Replay("one", [1]) >> sw.ForEach("hold", hold)).start()\n'
    )
    assert kernel.cell("%weave drain slow").status == "ok"
    assert kernel.cell("print(slow.status().state)").printed == "draining\n"
    assert kernel.cell("gate.set()\nprint((await slow.done()).state)").printed == "stopped\n"


def test_cancelling_the_wait_does_not_call_off_the_drain(flights: Kernel) -> None:
    cancelled = (
        "asked = %weave drain\n"
        "waiting = asyncio.ensure_future(asyncio.wait_for(asked, 0))\n"
        "try: await waiting\n"
        "except TimeoutError: print('gave up')\n"
        "print((await asked).complete)"
    )
    assert flights.cell(cancelled).printed == "gave up\nTrue\n"


def test_reload_applies_what_the_file_says_now(flights: Kernel) -> None:
    flights.cell('open("settings.toml", "w").write("schema_version = 1\\nspeed = 3.0\\n")')
    assert flights.cell("%weave reload").text == "run 'flights' was asked to reload; await this for its report"
    assert flights.cell("r = await _\nprint(r.applied, *r.changes)").printed == "True speed: 2.0 → 3.0\n"


def test_stop_stops(flights: Kernel) -> None:
    flights.cell("%weave stop")
    assert flights.cell("print((await run.done()).state)").printed == "stopped\n"
    assert flights.cell("%weave status").text.startswith("run 'flights' has stopped\n")


def test_of_several_runs_the_one_that_goes_on_is_meant(flights: Kernel) -> None:
    flights.cell('other = endless("other").start()')
    assert "which run? say %weave drain flights or other" in flights.cell("%weave drain").complained
    flights.cell("await other.stop()")
    assert flights.cell("%weave drain").text.startswith("run 'flights' was asked to drain")


def test_unknown_names_and_verbs_name_the_nearest_without_a_traceback(flights: Kernel) -> None:
    shown = flights.cell("%weave drain flight")
    assert "UsageError: no run of this kernel is named 'flight'; did you mean 'flights'?" in shown.complained
    assert "did you mean 'status'?" in flights.cell("%weave stats").complained


def test_names_are_escaped_where_they_meet_html(kernel: Kernel) -> None:
    shown = kernel.cell(
        "from streamweave_lab.ipython.answers import Asked, Table\n"
        "from concurrent.futures import Future\n"
        "print(Asked('drain', '<b>', Future())._repr_html_(), Table('<i>', ['<u>'], [['<s>']])._repr_html_())"
    )
    assert not [tag for tag in ("<i>", "<u>", "<s>", "<b><b>") if tag in shown.printed]


def test_tab_completes_verbs_names_of_runs_and_options(flights: Kernel) -> None:
    assert flights.completions("%weave ") == [f"%weave {verb}" for verb in sorted(VERBS)]
    assert flights.completions("x = 1\n%weave drain fl") == ["x = 1\n%weave drain flights"]
    assert flights.completions("%weave drain flights --t") == ["%weave drain flights --timeout"]
    assert "sorted" in flights.completions("sorte"), "other completion goes on as it was"


def test_the_magic_explains_itself(kernel: Kernel) -> None:
    shown = kernel.cell("print(get_ipython().find_line_magic('weave').__doc__)")
    assert "%weave drain  [name] [--timeout 30]" in shown.printed


def test_a_verb_that_a_run_surely_refuses_is_refused_at_once_with_the_reason(flights: Kernel) -> None:
    assert "run 'flights' cannot checkpoint: it was started without a store; pass store=" in (
        flights.cell("%weave checkpoint flights").complained
    )
    flights.cell('plain = endless("plain").start()')
    assert (
        "run 'plain' cannot reload: it was started without a configuration"
        in flights.cell("%weave reload plain").complained
    )
    flights.cell("await plain.stop()")
    for verb in ("reload", "drain", "stop"):
        assert (
            f"run 'plain' cannot {verb}: it has stopped; start it again"
            in flights.cell(f"%weave {verb} plain").complained
        )
