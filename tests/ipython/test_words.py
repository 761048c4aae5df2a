from __future__ import annotations

import pytest

from streamweave_lab.ipython.words import VERBS, NotUnderstoodError, Order, go_on, understand

RUNS = ["flights", "host-metrics", "flights.late"]


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("", Order("runs")),
        ("runs", Order("runs")),
        ("status", Order("status")),
        ("status flights", Order("status", "flights")),
        ("explain", Order("explain")),
        ("drain", Order("drain")),
        ("drain flights --timeout 30", Order("drain", "flights", 30.0)),
        ("drain --timeout=0.5 flights", Order("drain", "flights", 0.5)),
        ("suspend --timeout 5", Order("suspend", None, 5.0)),
        ("checkpoint flights", Order("checkpoint", "flights")),
        ("  stop   host-metrics ", Order("stop", "host-metrics")),
        ("reload 'flights'", Order("reload", "flights")),
    ],
)
def test_a_line_is_an_order(line: str, order: Order) -> None:
    assert understand(line) == order


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("drian", "'drian' is not something %weave does; did you mean 'drain'?"),
        (
            "fly",
            f"'fly' is not something %weave does; there is {', '.join(VERBS)}",
        ),
        ("status a b", "%weave status takes the name of one run, not 'a b'"),
        ("runs a", "%weave runs takes no name, not 'a'"),
        ("drain --timeout soon", "--timeout takes a number of seconds, not 'soon'"),
        ("drain --timeout", "--timeout takes a number of seconds, not ''"),
        ("drain --timeout -1", "--timeout takes a number of seconds, not '-1'"),
        ("drain --timeout nan", "--timeout takes a number of seconds, not 'nan'"),
        ("drain --force", "%weave drain has one option, --timeout, and no --force"),
        ("stop --timeout 3", "%weave stop has no options, and no --timeout"),
        ("status 'flights", '"status \'flights": No closing quotation'),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_could(line: str, said: str) -> None:
    with pytest.raises(NotUnderstoodError) as caught:
        understand(line)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("code", "begun", "words"),
    [
        ("%weave ", "", ["runs", "status", "explain", "drain", "suspend", "checkpoint", "reload", "stop"]),
        ("%weave s", "s", ["status", "suspend", "stop"]),
        ("weave dr", "dr", ["drain"]),
        ("report = %weave re", "re", ["reload"]),
        ("%weave runs ", "", []),
        ("%weave status fl", "fl", ["flights", "flights.late"]),
        ("%weave status host-m", "host-m", ["host-metrics"]),
        ("%weave status flights ", "", []),
        ("%weave drain ", "", ["flights", "flights.late", "host-metrics", "--timeout"]),
        ("%weave drain flights ", "", ["--timeout"]),
        ("%weave drain flights --timeout ", "", []),
        ("%weave drain --timeout 3 f", "f", ["flights", "flights.late"]),
        ("%weave nonsense ", "", []),
        ("%weaver s", "", []),
        ("print('weave", "", []),
    ],
)
def test_a_line_can_go_on_with_verbs_names_of_runs_and_options(code: str, begun: str, words: list[str]) -> None:
    assert go_on(code, RUNS) == (begun, words)
