"""The console in a real JupyterLab: views, reloads, silence, themes, charts."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.browser.traffic import Traffic

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.lab import Lab
    from tests.browser.notebook import Notebook

STEADY = """
import asyncio
import streamweave_lab as sw

async def steady():
    for n in range(10**9):
        yield n
        await asyncio.sleep(0.01)

ticks = sw.Replay("ticks", steady(), time=float)
graph = sw.Graph("steady", ticks >> sw.Map("double", lambda n: 2 * n) >> sw.Count("count"))
run = graph.start()
run
"""
STILL = """
import streamweave_lab as sw

class Quiet(sw.Source):
    def poll(self, limit):
        return sw.Wait(0.1)

run = sw.Graph("still", Quiet("quiet") >> sw.Count("count")).start()
run
"""
SLOW = """
import time
from itertools import count
import streamweave_lab as sw

def slowly(n):
    time.sleep(0.002)
    return n

run = sw.Graph("slow", sw.Replay("nums", count(1)) >> sw.Map("m", slowly) >> sw.Count("c")).start()
run
"""
CONFIGURED = """
import asyncio
from pathlib import Path
import streamweave_lab as sw

class Settings(sw.Config):
    limit: int = sw.live(10)

Path("paused.toml").write_text("schema_version = 1\\nlimit = 10\\n")

async def slowly(n):
    await asyncio.sleep(0.02)
    return n

path = (sw.Replay("ticks", range(10_000)) >> sw.MapAsync("work", slowly, concurrency=1)).capacity(8)
run = sw.Graph("paused", path >> sw.Count("count")).start(Settings.load("paused.toml"))
Path("paused.toml").write_text("schema_version = 1\\nlimit = 20\\n")
run
"""
PIXELS = """texts => texts.filter(text => text.textContent).map(
    text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
SEEN = """element => {
    const [box, paper] = [element, element.closest('.sw-paper')].map(each => each.getBoundingClientRect());
    return box.left >= paper.left && box.right <= paper.right + 1;
}"""
LAST_DRAWN = "element => element.querySelector('.sw-tile .sw-stroke').getAttribute('d') ?? ''"

pytestmark = pytest.mark.browser


def live(book: Notebook, cell: int = 0) -> Locator:
    """The console under a cell, when it says that the run is ready."""
    console = book.cell(cell).locator(".sw-console")
    console.get_by_text("Ready", exact=True).wait_for(timeout=120_000)
    return console


def items_in(console: Locator) -> int:
    return int("".join(filter(str.isdigit, console.locator(".sw-tile .sw-note").first.inner_text())))


def wait_for_more(book: Notebook, console: Locator, items: int) -> None:
    note = console.locator(".sw-tile .sw-note").first.element_handle()
    book.page.wait_for_function(
        "([note, items]) => Number(note.textContent.replace(/\\D/g, '')) > items", arg=[note, items], timeout=120_000
    )


def test_all_panels_show_the_run_and_nothing_goes_wrong(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    headings = console.locator("h3").all_inner_texts()
    assert headings == ["Ports", "Events", "Backpressure", "Progress", "Charts"]  # it has no configuration
    assert console.locator(".sw-node").count() == 3
    assert console.locator(".sw-edge").count() == 2
    assert console.locator("section[aria-label='Ports'] tbody tr:visible").count() == 4
    wait_for_more(book, console, 50)
    assert console.locator("section[aria-label='Progress'] .sw-sentence").inner_text().startswith("Complete up to ")
    assert "run.started" in console.locator(".sw-events").inner_text()
    assert book.text(0) == "run of graph 'steady': 3 nodes, 2 edges"
    assert book.problems == []
    book.shut_down()


def test_two_cells_and_a_second_browser_show_the_same_run(lab: Lab) -> None:
    book = lab.open([STEADY, "sw.console(run)", "run.ask('pause').result"], viewport={"width": 1360, "height": 2400})
    book.run(0)
    book.run(1)
    first, second = live(book, 0), live(book, 1)
    wait_for_more(book, second, items_in(first))
    book.save()
    other = lab.look(book, viewport={"width": 1360, "height": 1500})
    third = live(other)
    wait_for_more(other, third, items_in(first))
    book.run(2)
    for console in (first, second, third):
        console.get_by_text("paused · up").wait_for(timeout=120_000)
    for _ in range(100):  # until the last frame is there
        if items_in(first) == items_in(second) == items_in(third):
            break
        book.page.wait_for_timeout(100)
    assert items_in(first) == items_in(second) == items_in(third)
    assert book.problems == other.problems == []
    other.close()
    book.shut_down()


def test_a_reloaded_page_has_the_last_two_minutes_at_once(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    wait_for_more(book, console, 500)  # five seconds of them
    before = items_in(console)
    book.save()
    book.reload()
    console = live(book)
    assert console.evaluate(LAST_DRAWN).count("L") >= 4
    assert items_in(console) >= before
    wait_for_more(book, console, before + 50)
    assert book.problems == []
    book.shut_down()


def test_a_frame_is_one_small_message_and_none_goes_back(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    traffic = Traffic(book.page)
    book.reload()
    book.run(0)
    wait_for_more(book, live(book), 50)  # what the page was told when it began to look has come
    traffic.clear()
    began = time.monotonic()
    book.page.wait_for_timeout(4000)
    seconds = time.monotonic() - began  # a busy machine keeps the page waiting longer
    assert seconds <= len(traffic.received) <= 4 * seconds + 4  # four a second, where the machine has time for them
    assert max(traffic.received) <= 2048
    assert traffic.sent == []
    book.shut_down()


def until_quiet(book: Notebook, traffic: Traffic, milliseconds: int, most: int) -> None:
    """Wait until no more messages than that come in such a time: what was on its way has come."""
    for _ in range(60):
        traffic.clear()
        book.page.wait_for_timeout(milliseconds)
        if len(traffic.received) <= most:
            return
    raise AssertionError(f"{len(traffic.received)} messages in {milliseconds} ms")


def test_nothing_is_sent_while_it_cannot_be_seen(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    traffic = Traffic(book.page)
    book.reload()
    book.run(0)
    console = live(book)
    notebook = "window.jupyterapp.shell.currentWidget.content"
    book.page.evaluate(f"() => {notebook}.hide()")  # as when another tab is before it
    console.wait_for(state="hidden")
    until_quiet(book, traffic, 1000, most=0)
    traffic.clear()
    book.page.wait_for_timeout(5000)
    assert traffic.received == []
    book.page.evaluate(f"() => {notebook}.show()")
    before = items_in(console)
    wait_for_more(book, console, before + 150)  # what was missed has come
    assert console.evaluate(LAST_DRAWN).count("L") >= 3  # what went on meanwhile is drawn too
    assert book.problems == []
    book.shut_down()


def test_nothing_but_a_sign_of_life_is_sent_while_nothing_changes(lab: Lab) -> None:
    book = lab.open([STILL], viewport={"width": 1360, "height": 1500})
    traffic = Traffic(book.page)
    book.reload()
    book.run(0)
    console = live(book)
    until_quiet(book, traffic, 2000, most=1)
    traffic.clear()
    began = time.monotonic()
    book.page.wait_for_timeout(4500)
    assert 1 <= len(traffic.received) <= (time.monotonic() - began) / 2 + 1
    assert not console.locator(".sw-notice").is_visible()  # silence is not mistaken for a busy kernel
    assert "running · up" in console.locator(".sw-facts").inner_text()
    book.shut_down()


def test_a_run_with_a_store_is_checkpointed_stepped_and_suspended_by_its_buttons(lab: Lab) -> None:
    store = "from streamweave_lab.state.sqlite_store import SqliteStore"
    book = lab.open(
        [f"{store}\n" + STEADY.replace("graph.start()", 'graph.start(store=SqliteStore("kept.db"))')],
        viewport={"width": 1360, "height": 1500},
    )
    book.run(0)
    console = live(book)
    wait_for_more(book, console, 20)
    console.locator("button[data-do='checkpoint']").click()
    console.get_by_text("Checkpoint 2 was written in ").wait_for()
    console.get_by_text("· checkpoint 2").wait_for()
    console.locator("button[data-do='pause']").click()
    console.get_by_text("paused · up").wait_for()
    before = items_in(console)
    console.locator("button[data-do='step']").click()
    wait_for_more(book, console, before)
    assert items_in(console) - before <= 3
    console.locator("button[data-do='suspend']").click()
    book.screenshot("console-suspend", of=console)
    console.locator("button[data-do='suspend-now']").click()
    console.get_by_text("Checkpoint 3 was written in ").wait_for()
    console.get_by_text("Suspended: checkpoint 3", exact=True).wait_for()
    assert book.problems == []
    book.shut_down()


def test_of_a_slow_map_the_console_names_that_node_and_no_other(lab: Lab) -> None:
    book = lab.open([SLOW], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    tile = console.locator(".sw-tile").nth(1)
    tile.get_by_text("the slowest so far").wait_for(timeout=120_000)
    assert tile.locator(".sw-big").inner_text() == "m"
    console.get_by_text("Nothing waits for room; m is the slowest so far.").wait_for()
    console.locator(".sw-node[data-tone='busy-high']").wait_for()
    assert console.locator(".sw-node[data-tone='busy-high'] .sw-name").all_text_contents() == ["m"]
    assert console.locator(".sw-node .sw-word").last.text_content() == "<1\u202f% busy"  # items flow: it is not idle
    book.screenshot("console-slow", of=console)
    console.evaluate("element => { element.style.width = '700px'; }")
    edges = console.evaluate("""element => [element, [...element.querySelectorAll('.sw-tile')].pop()].map(
        each => Math.round(each.getBoundingClientRect().right))""")
    assert abs(edges[0] - edges[1]) <= 2, "the tiles fill their last row"
    book.screenshot("console-slow-700", of=console)
    assert book.problems == []
    book.shut_down()


def test_a_paused_run_has_no_time_left_and_its_reload_waits_until_it_is_resumed(lab: Lab) -> None:
    book = lab.open([CONFIGURED], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    left = console.locator(".sw-tile").nth(3).locator(".sw-note")
    left.get_by_text(" left").wait_for(timeout=120_000)
    console.locator(".sw-queued", has_text=re.compile(r"^[1-8]$")).first.wait_for()  # items, not a rate
    console.locator("button[data-do='pause']").click()
    console.get_by_text("paused · up").wait_for()
    left.get_by_text(" left").wait_for(state="detached")
    console.locator("button[data-do='step']").click()
    console.get_by_text("The step let in ").wait_for()
    assert " left" not in left.inner_text()
    console.locator("button[data-do='reload']").click()
    console.get_by_text("The run is paused; resume it first.").wait_for()
    apply = console.locator("button[data-do='apply']")
    assert apply.is_disabled()
    book.screenshot("console-paused-reload", of=console)
    book.page.wait_for_timeout(4000)
    console.locator("button[data-do='pause']").click()
    left.get_by_text(" left").wait_for(timeout=120_000)
    minutes = left.inner_text().split(" · ")[1].removesuffix("\u202fmin left")
    assert 3 <= int(minutes) < 30, "more where the machine is slow"
    assert book.problems == []
    book.shut_down()


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_words_can_be_read_in_every_theme(lab: Lab, theme: str) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    book.theme(theme)
    book.run(0)
    console = live(book)
    book.screenshot(f"console-{theme}", of=console)
    for part in [".sw-facts", ".sw-big", ".sw-note", "thead th", "tbody th", ".sw-sentence", ".sw-button"]:
        assert contrast(console.locator(part).first) >= 4.5, part
    book.theme("light")
    book.shut_down()


def contrast(element: Locator) -> float:
    """The contrast of an element's text with what is painted behind it, after WCAG 2."""
    ratio: float = element.evaluate(
        """element => {
            const rgb = (named, over) => {
                const paper = new OffscreenCanvas(1, 1).getContext("2d");
                for (const colour of [over, named]) { paper.fillStyle = colour; paper.fillRect(0, 0, 1, 1); }
                return [...paper.getImageData(0, 0, 1, 1).data].slice(0, 3);
            };
            const layers = [];
            for (let e = element; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
            const ground = layers.reduce((under, layer) => `rgb(${rgb(layer, under)})`, "white");
            const light = colour => {
                const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
                const [r, g, b] = colour.map(part);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ink = light(rgb(getComputedStyle(element).color, ground));
            const paper = light(rgb(ground, ground));
            return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        }"""
    )
    return ratio


def test_a_node_is_chosen_by_key_and_found_in_the_tables(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    node = console.locator(".sw-node").nth(1)
    node.focus()
    node.press("Enter")
    console.locator(".sw-node[aria-pressed='true']").wait_for()
    assert console.locator("section[aria-label='Ports'] tr[data-selected]").all_inner_texts()[0].startswith("double")
    assert console.locator("section[aria-label='Progress'] tr[data-selected] th").all_inner_texts() == ["double"]
    assert console.locator("section[aria-label='Backpressure'] tr[data-selected]").count() == 2
    node.press("Enter")
    console.locator(".sw-node[aria-pressed='true']").wait_for(state="detached")
    book.shut_down()


def test_the_words_of_a_drawing_can_be_read_however_narrow_the_console_is(lab: Lab) -> None:
    long = STEADY.replace("sw.Count", "sw.Map('one-more', abs) >> sw.Map('and-one-more', abs) >> sw.Count")
    book = lab.open([long], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    paper, last = console.locator(".sw-paper"), console.locator(".sw-node").last
    for width in (1000, 800, 470):
        console.evaluate("(element, width) => { element.style.width = `${width}px`; }", width)
        assert min(console.locator(".sw-drawing text:visible").evaluate_all(PIXELS)) > 8.0, width
    assert paper.evaluate("element => element.scrollWidth > element.clientWidth")
    assert not last.evaluate(SEEN)
    book.screenshot("narrow")
    last.focus()
    assert last.evaluate(SEEN), "who goes from node to node by key sees each"


def test_drain_asks_first_and_escape_calls_it_off(lab: Lab) -> None:
    book = lab.open([STEADY, "print(run.status().state)"], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    console.locator("button[data-do='drain']").click()
    console.get_by_text("It cannot be resumed").wait_for()
    console.get_by_text("what is left is dropped and counted").wait_for()
    book.page.keyboard.press("Escape")
    console.get_by_text("It cannot be resumed").wait_for(state="detached")
    book.run(1)
    assert book.text(1) == "running"
    book.shut_down()


def test_what_items_and_errors_say_is_never_markup(lab: Lab) -> None:
    hostile = STEADY.replace("lambda n: 2 * n", "spoil").replace(
        "ticks =", "def spoil(n):\n    raise ValueError('<img src=x onerror=boom()>')\n\nticks ="
    )
    hostile = hostile.replace(
        'ticks >> sw.Map("double", spoil) >>', '(d := sw.Map("double", spoil)).error >> sw.Count("bad"), ticks >> d >>'
    )
    book = lab.open([hostile], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    console.get_by_text("<img src=x onerror=boom()>").first.wait_for(timeout=120_000)
    refused = console.locator(".sw-events li", has_text="times, at last: ").first
    assert refused.locator(".sw-message").inner_text() == "ValueError('<img src=x onerror=boom()>')"
    assert console.locator("img").count() == 0
    assert book.problems == []
    book.shut_down()


def test_charts_come_once_a_page_and_follow_the_run(lab: Lab) -> None:
    book = lab.open([STEADY, "sw.console(run)"], viewport={"width": 1360, "height": 1800})
    book.run(0)
    console = live(book)
    assert book.page.evaluate("() => typeof globalThis.Bokeh") == "undefined"
    warnings: list[str] = []
    book.page.on("console", lambda said: warnings.append(said.text) if said.type == "warning" else None)
    console.locator(".sw-fold summary").click()
    console.locator(".sw-figurebox .bk-Figure").nth(1).wait_for(timeout=120_000)
    assert warnings == []
    points = "() => Bokeh.documents.map(d => d.get_model_by_name('throughput')?.data.time.length ?? 0)"
    book.page.wait_for_function(f"() => ({points})().some(n => n >= 4)", timeout=120_000)
    book.page.locator(".sw-fold").scroll_into_view_if_needed()
    book.screenshot("console-charts", of=console)
    follow = console.locator("button[data-do='follow']")
    assert not follow.is_visible()
    book.page.evaluate(
        "() => { for (const d of Bokeh.documents) for (const f of d.roots()) f.x_range.setv({start: 0, end: 1000}) }"
    )
    follow.wait_for(timeout=120_000)  # what somebody looks at is left alone
    follow.click()
    follow.wait_for(state="hidden", timeout=120_000)
    book.save()
    assert "Bokeh" not in (lab.root / book.file).read_text()
    assert book.problems == []
    book.shut_down()


def test_a_kernel_that_is_gone_is_told_of(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    book.run(0)
    console = live(book)
    book.restart_kernel()
    console.get_by_text("The kernel is gone").wait_for(timeout=120_000)
    assert not console.locator("button[data-do='drain']").is_visible()
    book.shut_down()


def test_the_heap_stays_flat(lab: Lab) -> None:
    book = lab.open([STEADY], viewport={"width": 1360, "height": 1500})
    book.run(0)
    live(book)
    session = book.page.context.new_cdp_session(book.page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        used: float = session.send("Runtime.getHeapUsage")["usedSize"]
        return used / 1e6

    book.page.wait_for_timeout(10_000)
    before = heap()
    book.page.wait_for_timeout(20_000)
    assert heap() - before < 1.0  # MB; a minute of frames is a quarter of that
    book.shut_down()
