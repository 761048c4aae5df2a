"""A look at what passes: sampled, redacted, and free while nobody looks."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from streamweave_lab.engine.tap import TappedPort
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.redaction import LONGEST
from streamweave_lab.operators import Collect, Count, Map, Replay
from streamweave_lab.testing.laws import Witness
from streamweave_lab.testing.loop import run_virtual
from tests.engine.test_truth import Ticking


def invert(n: int) -> float:
    return 12 / (n % 3)


def drawn(**rule: Any) -> Graph:
    parse = Map("parse", invert)
    return Graph("tapped", Ticking() >> parse >> Collect("all"), parse.error >> Count("bad"), **rule)


def test_a_tap_shows_the_next_items_with_their_event_times() -> None:
    async def main() -> None:
        run = drawn().start()
        await asyncio.sleep(3.5)
        seen = await run.tap("ticks.out", n=3)
        assert seen["ticks.out"] == TappedPort(("4", "5", "6"), (4.0, 5.0, 6.0), 3)
        assert seen.complete
        assert seen.seconds == pytest.approx(2.5)
        await run.stop()

    run_virtual(main())


def test_a_pattern_taps_every_port_that_it_fits_and_time_limits_it() -> None:
    async def main() -> None:
        run = drawn().start()
        await asyncio.sleep(0.5)
        seen = await run.tap("parse.*", n=4, seconds=5)
        refused = "Failure(node='parse', item=3, error=ZeroDivisionError('division by zero'), time=3.0)"
        assert {port: (at.items, at.passed) for port, at in seen.ports.items()} == {
            "parse.in": (("1", "2", "3", "4"), 4),
            "parse.out": (("12.0", "6.0", "12.0", "6.0"), 4),
            "parse.error": ((refused,), 1),
        }
        assert not seen.complete
        await run.stop()

    run_virtual(main())


def test_of_many_items_every_so_manyeth_is_kept_and_all_are_counted() -> None:
    async def main() -> None:
        run = Graph("many", Replay("n", range(100_000)) >> Count("end")).start()
        seen = await run.tap("n.out", n=5, every=1000)
        kept = [int(item) for item in seen["n.out"].items]
        assert [later - earlier for earlier, later in pairwise(kept)] == [1000] * 4
        assert seen["n.out"].passed == 4001
        await run.done()

    asyncio.run(main())


def test_the_graph_says_what_of_an_item_leaves_it() -> None:
    asked: list[tuple[str, Any]] = []

    def without_card(port: str, order: dict[str, Any]) -> dict[str, Any]:
        asked.append((port, order["card"]))
        return {key: "***" if key == "card" else value for key, value in order.items()}

    async def main() -> None:
        orders = Replay("orders", [{"of": "Ann", "card": 4711}, {"of": "Bo", "card": 815}])
        run = Graph("shop", orders >> Collect("kept"), redact=without_card).start()
        seen = await run.tap("kept.in")
        assert seen["kept.in"].items == ({"of": "Ann", "card": "***"}, {"of": "Bo", "card": "***"})
        assert asked == [("kept.in", 4711), ("kept.in", 815)]
        assert run["kept"].items[0]["card"] == 4711

    run_virtual(main())


def test_without_a_rule_an_item_is_seen_as_its_repr_at_limited_length() -> None:
    async def main() -> None:
        run = Graph("long", Replay("n", ["x" * 10_000, list(range(10**6))]) >> Count("end")).start()
        items = (await run.tap("n.out"))["n.out"].items
        assert (len(items[0]), items[1]) == (LONGEST, f"[{', '.join(map(str, range(20)))}, ...]")

    run_virtual(main())


def test_a_rule_that_raises_shows_nothing_and_fails_nothing() -> None:
    def broken(port: str, item: Any) -> Any:
        raise KeyError(item)

    async def main() -> None:
        run = drawn(redact=broken).start()
        seen = await run.tap("ticks.out", n=1)
        assert seen["ticks.out"].items == ("<not shown: the graph's redact raised KeyError>",)
        assert run.status().ready
        await run.stop()

    run_virtual(main())


def test_nothing_of_a_tap_stays_behind_not_even_of_one_that_is_called_off() -> None:
    async def main() -> None:
        run = drawn().start()
        before = {name: dict(state.outs) for name, state in run.core.by_name.items()}
        lengths = [len(outs) for state in run.core.states for outs in state.outs.values()]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.tap("*", n=1000), 3)
        await run.tap("*", n=2)
        assert {name: dict(state.outs) for name, state in run.core.by_name.items()} == before
        assert [len(outs) for state in run.core.states for outs in state.outs.values()] == lengths
        await run.stop()

    run_virtual(main())


def test_counters_balance_while_a_run_is_tapped() -> None:
    async def main() -> None:
        run = drawn().start()
        tapping = asyncio.ensure_future(run.tap("*", n=1000))
        await asyncio.sleep(5.5)
        Witness(run)()
        tapping.cancel()
        await run.drain()

    run_virtual(main())


def test_two_taps_at_once_do_not_disturb_each_other() -> None:
    async def main() -> None:
        run = drawn().start()
        await asyncio.sleep(0.5)
        one, other = await asyncio.gather(run.tap("ticks.out", n=2), run.tap("ticks.*", n=4, every=2))
        assert (one["ticks.out"].items, other["ticks.out"].items) == (("1", "2"), ("1", "3", "5", "7"))
        await run.stop()

    run_virtual(main())


def test_a_tap_ends_with_the_run_and_of_an_ended_run_sees_nothing() -> None:
    async def main() -> None:
        run = Graph("short", Replay("n", [1, 2]) >> Count("end")).start()
        seen = await run.tap("end.in", n=5)
        assert (seen["end.in"].items, seen.complete) == (("1", "2"), False)
        await run.done()
        assert (await run.tap("n.*"))["n.out"] == TappedPort((), (), 0)
        assert run.ask("tap", pattern="n.*").result().ports == {"n.out": TappedPort((), (), 0)}

    run_virtual(main())


def test_a_pattern_that_fits_nothing_and_counts_that_mean_nothing_are_refused() -> None:
    async def main() -> None:
        run = drawn().start()
        with pytest.raises(
            ValueError, match=r"no drawn port of run 'tapped' fits 'prase.out'; did you mean 'parse.out'"
        ):
            await run.tap("prase.out")
        with pytest.raises(ValueError, match="n >= 1, every >= 1 and seconds >= 0, not n=0, every=1, seconds=None"):
            await run.tap("parse.out", n=0)
        await run.stop()

    run_virtual(main())


def test_an_open_error_port_stays_open_while_everything_is_tapped() -> None:
    async def main() -> None:
        run = Graph("open", Replay("n", [1, 0]) >> Map("m", lambda n: 1 / n) >> Count("end")).start()
        seen = await run.tap("*", n=9)
        assert sorted(seen.ports) == ["end.in", "m.in", "m.out", "n.out"]
        assert (run.status().state, run.failure is not None) == ("failed", True)

    run_virtual(main())
