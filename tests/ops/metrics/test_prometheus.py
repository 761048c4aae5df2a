from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from streamweave_lab.engine.status import CheckpointStatus, DrainStatus, LoopStatus, Status
from streamweave_lab.ops.metrics.prometheus import exposition, registry

PROMTOOL = os.environ.get("PROMTOOL", "promtool")
Document = Callable[..., Status]
Samples = dict[str, dict[tuple[str, ...], float]]

LABELS = {
    "streamweave_items_in_total": {"graph_id", "node_id", "port"},
    "streamweave_items_out_total": {"graph_id", "node_id", "port"},
    "streamweave_errors_total": {"graph_id", "node_id"},
    "streamweave_channel_backpressure": {"graph_id", "node_id", "port"},
    "streamweave_channel_capacity": {"graph_id", "node_id", "port"},
    "streamweave_channel_blocked_seconds_total": {"graph_id", "node_id", "port"},
    "streamweave_node_time_seconds_total": {"graph_id", "node_id", "state"},
    "streamweave_progress_frontier": {"graph_id", "node_id"},
    "streamweave_progress_lag_seconds": {"graph_id", "node_id"},
    "streamweave_progress_newest": {"graph_id", "node_id"},
    "streamweave_late_items_total": {"graph_id", "node_id"},
    "streamweave_node_restarts_total": {"graph_id", "node_id"},
    "streamweave_ready": {"graph_id"},
    "streamweave_run_state": {"graph_id", "streamweave_run_state"},
    "streamweave_config_info": {"graph_id", "config_version", "schema_version", "sha256"},
    "streamweave_config_reloads_total": {"graph_id", "result"},
    "streamweave_config_last_reload_successful": {"graph_id"},
    "streamweave_config_last_reload_success_timestamp_seconds": {"graph_id"},
    "streamweave_event_loop_lag_seconds": set(),
    "streamweave_drain_dropped_items_total": {"graph_id"},
    "streamweave_run_started_timestamp_seconds": {"graph_id"},
    "streamweave_metrics_folded_nodes": {"graph_id"},
    "streamweave_backlog_size": {"graph_id", "node_id"},
    "streamweave_drain_duration_seconds": {"graph_id"},
    "streamweave_checkpoints_total": {"graph_id", "result"},
    "streamweave_checkpoint_interval_seconds": {"graph_id"},
    "streamweave_checkpoint_last_committed_id": {"graph_id"},
    "streamweave_checkpoint_last_committed_timestamp_seconds": {"graph_id"},
    "streamweave_source_committed_offset": {"graph_id", "node_id", "partition"},
}

KEPT = CheckpointStatus(
    every=5.0, committed=3, failed=1, last_id=7, last_at=1000.5, problem="no space left", resumed_from=None,
    positions={"departures": 960},
)  # fmt: skip
DRAINED = DrainStatus(phase="close", complete=True, seconds=1.5, dropped={})


def test_checkpoints_are_counted_by_result_and_the_last_one_named(document: Document) -> None:
    found = samples(document(checkpoint=KEPT))
    assert found["streamweave_checkpoints_total"] == {("flights", "committed"): 3, ("flights", "failed"): 1}
    assert list(found["streamweave_checkpoint_last_committed_id"].values()) == [7]
    assert list(found["streamweave_checkpoint_last_committed_timestamp_seconds"].values()) == [1000.5]
    assert found["streamweave_checkpoint_interval_seconds"] == {("flights",): 5}
    assert found["streamweave_source_committed_offset"] == {("flights", "departures", "0"): 960}
    without = samples(document())
    assert not [name for name in without if "checkpoint" in name or "offset" in name]


def test_checkpoints_on_demand_have_no_interval_and_before_the_first_no_id(document: Document) -> None:
    none_yet = KEPT.model_copy(update={"every": None, "last_id": None, "last_at": None, "positions": {}})
    found = samples(document(checkpoint=none_yet))
    assert {name for name in found if "checkpoint" in name} == {"streamweave_checkpoints_total"}


def text(status: Status, accept: str = "") -> str:
    return exposition(registry(lambda: status), accept)[0].decode()


def samples(status: Status) -> Samples:
    """name -> label values (in the order of label names) -> number"""
    found: Samples = defaultdict(dict)
    for family in parse_text(text(status)):
        for sample in family.samples:
            found[sample.name][tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def everything(document: Document) -> Status:
    """A Status that has something to say about every family."""
    waiting = document().node("departures").model_copy(update={"backlog": 12})
    return document(checkpoint=KEPT, drain=DRAINED, nodes=(waiting, *document().nodes[1:]))


def test_every_family_has_the_agreed_name_and_one_label_set(document: Document) -> None:
    seen: dict[str, set[frozenset[str]]] = defaultdict(set)
    for family in parse_text(text(everything(document))):
        for sample in family.samples:
            seen[sample.name].add(frozenset(sample.labels))
    assert dict(seen) == {name: {frozenset(labels)} for name, labels in LABELS.items()}


def test_promtool_has_nothing_to_say(document: Document) -> None:
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text(everything(document)), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_items_errors_and_time_are_told_by_node(document: Document) -> None:
    found = samples(document())
    assert found["streamweave_items_out_total"] == {
        ("flights", "departures", "out"): 1000,
        ("flights", "parse", "out"): 880,
        ("flights", "parse", "error"): 20,
    }
    assert found["streamweave_errors_total"]["flights", "parse"] == 20
    assert found["streamweave_late_items_total"]["flights", "spill"] == 3
    assert found["streamweave_node_restarts_total"]["flights", "parse"] == 1
    times = found["streamweave_node_time_seconds_total"]
    assert sum(times["flights", "departures", state] for state in ("busy", "idle", "blocked")) == 10.0


def test_edges_into_one_port_are_summed(document: Document) -> None:
    found = samples(document())
    assert found["streamweave_channel_backpressure"]["flights", "spill", "in"] == 11
    assert found["streamweave_channel_capacity"]["flights", "spill", "in"] == 120
    assert found["streamweave_channel_blocked_seconds_total"]["flights", "spill", "in"] == 0.25


def test_a_frontier_that_is_not_there_is_absent(document: Document) -> None:
    found = samples(document())
    assert found["streamweave_progress_frontier"] == {("flights", "departures"): 3600.0, ("flights", "parse"): 1800.0}
    assert found["streamweave_progress_lag_seconds"]["flights", "parse"] == 1800.0
    assert "streamweave_backlog_size" not in found


def test_a_run_without_configuration_has_no_configuration_metrics(document: Document) -> None:
    assert not [name for name in samples(document(config=None)) if "config" in name]


def test_configuration_tells_its_version_and_what_became_of_reloads(document: Document) -> None:
    found = samples(document())
    assert found["streamweave_config_info"] == {("3", "flights", "1", "c0ffee"): 1}
    assert found["streamweave_config_reloads_total"] == {
        ("flights", "applied"): 2,
        ("flights", "rejected"): 1,
        ("flights", "rolled_back"): 0,
    }
    assert found["streamweave_config_last_reload_successful"] == {("flights",): 0}
    assert found["streamweave_config_last_reload_success_timestamp_seconds"] == {("flights",): 1_700_000_100.0}


def test_exactly_one_run_state_is_set(document: Document) -> None:
    states = samples(document(state="paused", ready=False))
    assert [labels for labels, on in states["streamweave_run_state"].items() if on] == [("flights", "paused")]
    assert states["streamweave_ready"] == {("flights",): 0}


def test_a_stall_in_progress_counts_as_lag(document: Document) -> None:
    found = samples(document(loop=LoopStatus(lag_seconds=0.01, stalled_seconds=12.0)))
    assert found["streamweave_event_loop_lag_seconds"] == {(): 12.0}


def test_a_drain_tells_how_long_it_took_and_what_it_left(document: Document) -> None:
    drain = DrainStatus(phase="close", complete=False, seconds=30.0, dropped={"a.out -> b.in": 2, "b": 3})
    found = samples(document(drain=drain))
    assert found["streamweave_drain_duration_seconds"] == {("flights",): 30.0}
    assert found["streamweave_drain_dropped_items_total"] == {("flights",): 5}


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/plain;version=1.0.0", "application/json"])
def test_text_0_0_4_is_the_answer_unless_openmetrics_is_asked_for(document: Document, accept: str) -> None:
    content_type = exposition(registry(document), accept)[1]
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_openmetrics_is_valid_when_it_is_asked_for(document: Document) -> None:
    body, content_type = exposition(registry(document), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    types = {family.name: family.type for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
    assert types["streamweave_items_in"] == "counter"
    assert types["streamweave_progress_frontier"] == "gauge"
    assert types["streamweave_run_state"] == "stateset"
    assert types["streamweave_config"] == "info"


def test_two_registries_never_meet_and_the_global_one_stays_as_it_was(document: Document) -> None:
    before = {family.name for family in REGISTRY.collect()}
    registry(document)
    registry(document)
    assert {family.name for family in REGISTRY.collect()} == before


def test_label_values_are_escaped(document: Document) -> None:
    strange = document().model_copy(update={"graph": 'a"b\\c\nd'})
    assert samples(strange)["streamweave_ready"] == {('a"b\\c\nd',): 1}


def test_the_lag_of_a_node_is_measured_by_what_has_come_into_the_graph_on_the_way_to_it(document: Document) -> None:
    found = samples(document())
    assert found["streamweave_progress_newest"] == {
        ("flights", "departures"): 3600.0,
        ("flights", "parse"): 3600.0,
        ("flights", "spill"): 3600.0,
    }
    assert found["streamweave_progress_lag_seconds"] == {("flights", "departures"): 0.0, ("flights", "parse"): 1800.0}
