from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

import streamweave_lab as sw
from streamweave_lab.engine.status import EdgeStatus, NodeStatus, Status
from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.metrics.folding import PORTS, VARIABLE, port_limit
from streamweave_lab.ops.metrics.prometheus import registry, registry_of

Document = Callable[..., Status]


def node(name: str, role: str = "step", **fields: object) -> NodeStatus:
    return NodeStatus(
        name=name, kind="Map", role=role, state="idle", items_in={"in": 10}, items_out={"out": 9, "error": 1},
        **fields,
    )  # type: ignore[arg-type]  # fmt: skip


WIDE = (
    node("first", frontier=60.0, newest=90.0),
    node("second", frontier=50.0, newest=90.0, errors=2),
    node("third", frontier=40.0, newest=95.0, errors=3),
)
EDGES = tuple(
    EdgeStatus(source="x.out", target=f"{each.name}.in", queued=4, capacity=64, peak=9, sent=10, received=10)
    for each in WIDE
)


def value(own: CollectorRegistry, name: str, **labels: str) -> float | None:
    return own.get_sample_value(f"streamweave_{name}", {"graph_id": "flights", **labels})


@pytest.fixture
def folded(document: Document) -> CollectorRegistry:
    """Room for one node and two ports more."""
    return registry(lambda: document(nodes=WIDE, edges=EDGES), limit=5)


def test_beyond_the_limit_nodes_are_told_together_and_sums_stay_true(folded: CollectorRegistry) -> None:
    together = {"node_id": "(others)"}
    assert value(folded, "items_in_total", node_id="first", port="in") == 10
    assert value(folded, "items_in_total", node_id="second", port="in") is None
    assert value(folded, "items_in_total", **together, port="(others)") == 20
    assert value(folded, "items_out_total", **together, port="(others)") == 20
    assert value(folded, "channel_backpressure", **together, port="(others)") == 8
    assert value(folded, "errors_total", **together) == 5


def test_of_nodes_told_together_the_slowest_frontier_and_the_largest_lag_are_told(folded: CollectorRegistry) -> None:
    assert value(folded, "progress_frontier", node_id="(others)") == 40.0
    assert value(folded, "progress_lag_seconds", node_id="(others)") == 55.0


def test_how_many_nodes_are_told_together_is_a_metric_itself(folded: CollectorRegistry, document: Document) -> None:
    assert value(folded, "metrics_folded_nodes") == 2
    assert value(registry(document), "metrics_folded_nodes") == 0


def test_a_node_too_wide_for_the_limit_does_not_take_the_place_of_those_behind_it(document: Document) -> None:
    wide = node("wide").model_copy(update={"items_out": {f"p{i}": 1 for i in range(100)}})
    own = registry(lambda: document(nodes=(wide, *WIDE[:1]), edges=()), limit=5)
    assert value(own, "items_out_total", node_id="first", port="out") == 9
    assert value(own, "items_out_total", node_id="(others)", port="(others)") == 100


def test_a_thousand_ports_are_told_apart_unless_the_environment_says_otherwise() -> None:
    assert port_limit({}) == PORTS == 1000
    assert port_limit({VARIABLE: " 50 "}) == 50
    for wrong in ("0", "-1", "many", "1e3"):
        with pytest.raises(ConfigError, match=r"STREAMWEAVE_METRICS_PORTS.*is not a number of ports; use 1 or more"):
            port_limit({VARIABLE: wrong})


async def wait_for(run: sw.LocalRun, event: str) -> str:
    for _ in range(200):
        for each in run.status().events:
            if each.event == event:
                return each.message
        await asyncio.sleep(0.005)
    raise AssertionError(f"no {event}")


def test_a_run_notes_once_that_nodes_are_told_together() -> None:
    async def watched() -> None:
        spill = sw.Collect[int]("spill")
        run = sw.Graph("wide", sw.Replay("numbers", range(3)) >> sw.Map("plus", lambda n: n + 1) >> spill).start()
        await run.done()
        registry_of(run, run.status, limit=2)
        registry_of(run, run.status, limit=2)
        assert await wait_for(run, "metrics.folded") == (
            "2 of 3 nodes are told together in the metrics, as (others): 2 ports are told apart; "
            "set STREAMWEAVE_METRICS_PORTS to change that"
        )
        assert [each.event for each in run.status().events].count("metrics.folded") == 1

    asyncio.run(watched())


def test_a_served_run_tells_the_limit_that_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    run = sw.Graph("served", sw.Replay("numbers", range(3)) >> sw.Count("kept")).run_to_end()
    with run.serve() as server, urlopen(f"{server.url}/metrics") as answer:
        told = answer.read().decode()
    assert 'streamweave_metrics_folded_nodes{graph_id="served"} 1.0' in told
    assert 'streamweave_items_in_total{graph_id="served",node_id="(others)",port="(others)"} 3.0' in told
    assert run.status().events[0].event == "metrics.folded"
