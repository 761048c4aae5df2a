"""The description is true: schemathesis asks what it says, and what it forbids, of a real server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from streamweave_lab.engine.protocol import VERBS
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.http.table import TABLE
from streamweave_lab.ops.server import Server, serve
from tests.ops.http.conftest import NO_TLS, TOKEN, Speed, running

AUTH = {"Authorization": f"Bearer {TOKEN}"}
FEW = settings(
    max_examples=5, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
LAST = ("/stop", "/drain", "/suspend", "/tap")
"""When the run has ended a tap does not wait for items."""


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Server]:
    """A server that may be asked for anything, any number of times."""
    unlimited = Limits(rate=1e6, burst=1_000_000, wrong_tokens=1e6, running=1_000_000)
    with running("fuzzed", Speed()) as run, serve(run, token=TOKEN, limits=unlimited) as server:
        yield server


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_that_schemathesis_thinks_of_is_answered_otherwise_than_described(fuzzed: Server) -> None:
    schema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")
    schema.validate()
    operations = [each.ok() for each in schema.get_all_operations()]
    answers: Counter[tuple[str, int]] = Counter()

    # Whether what fits the description is accepted depends on the run's state and on the keys that were used; and what
    # only lacks the token is no longer wrong when it is sent.
    excluded = [positive_data_acceptance, negative_data_rejection]

    def ask(case: Any) -> None:
        answer = case.call_and_validate(headers=AUTH, excluded_checks=excluded, timeout=30)
        answers[case.operation.label, answer.status_code] += 1

    for operation in sorted(operations, key=lambda each: LAST.index(each.path) if each.path in LAST else -1):
        if operation.path == "/events":  # it has no end; test_events.py reads it
            continue
        FEW(given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))(ask))()
        if operation.body or operation.query or operation.headers:
            FEW(given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))(ask))()
    not_asked = {"GET /events", "GET /openapi.json"}
    assert {label for label, _ in answers} == {f"{each.method} {each.path}" for each in TABLE} - not_asked
    assert not [answer for answer in answers if answer[1] >= 500 and answer[1] != 503]
    assert answers["POST /pause", 202] + answers["POST /pause", 200] > 0
    assert fuzzed.run.status().state == "stopped"


def test_every_row_of_the_table_is_described_and_every_verb_has_one(asking: httpx.Client) -> None:
    document = asking.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Run steady"
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == {(each.path, each.method.lower()) for each in TABLE}
    assert {each.verb for each in TABLE if each.verb} == set(VERBS) - {"plan"}
    names = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(set(names)) == len(names)


def test_what_needs_the_token_is_what_is_described_to_need_it(steady: Server) -> None:
    for endpoint in TABLE:
        answer = httpx.request(endpoint.method, steady.url + endpoint.path, verify=NO_TLS, timeout=60)
        assert (answer.status_code == 401) is not endpoint.open, endpoint.path


def test_a_method_that_a_path_does_not_have_is_a_problem_that_names_those_it_has(asking: httpx.Client) -> None:
    refused = asking.get("/drain")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert refused.json()["detail"] == "this is asked with POST, not GET"
    assert asking.options("/status", headers={"Origin": "http://evil.example"}).status_code == 405
