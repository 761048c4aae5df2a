"""A secret of the configuration is in nothing that is told of a run, whoever puts it into words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from streamweave_lab.cli.outcome import sentence
from streamweave_lab.config.model import Config, live
from streamweave_lab.config.secrets import Secrets
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Wait
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.ops.explain.explain import explain
from streamweave_lab.ops.http.plain import encoded
from streamweave_lab.ops.http.problems import problem_of
from streamweave_lab.ops.logs.log import log_to
from streamweave_lab.ops.logs.record import WITH_ITEMS
from streamweave_lab.testing.loop import run_virtual

OLD, NEW, ITEM = "TOP'SECRET-\\u00e9", "OTHER-SECRET", "ITEM-CONTENT"


class Keyed(Config):
    key: SecretStr = live(SecretStr(OLD))


def call(item: str, config: Keyed) -> str:
    raise ValueError(f"cannot take {item} with {config.key.get_secret_value()}")


def drawn(**how: Any) -> Graph:
    return Graph("g", Replay("rows", [ITEM]) >> Map("call", call, config=Keyed) >> Collect("all"), **how)


async def ended(journal: Path, **how: Any) -> tuple[LocalRun, BaseException | None]:
    run = drawn(**how).start(Keyed())
    run.keep_history(journal)
    try:
        await run.done()
    except RunFailedError as error:
        return run, error
    return run, None


@pytest.mark.parametrize("how", [{}, {"supervise": {"call": "skip"}}, {"supervise": {"call": "stop"}}], ids=str)
def test_a_secret_in_the_words_of_an_error_is_told_nowhere(how: dict[str, Any], tmp_path: Path) -> None:
    lines: list[str] = []
    with log_to(lines.append, items=True):
        run, failed = asyncio.run(ended(tmp_path / "journal", **how))
    status = run.status()
    told = [status.model_dump_json(), encoded(status).decode(), str(status), str(explain(status)), *lines]
    told += [sentence(status, run.dropped), str(run.history), (tmp_path / "journal").read_text()]
    told += [str(failed), problem_of(failed, "drain").detail] if failed else []
    forms = {OLD, repr(OLD)[1:-1], ascii(OLD)[1:-1], "SECRET"}
    assert not [each for each in told for form in forms if form in each]
    assert any("cannot take" in each and "**********" in each for each in told)


def test_the_history_has_no_item_even_where_a_change_made_the_run_fail(tmp_path: Path) -> None:
    class Poison(Config):
        on: bool = live(False)

    def poisoned(item: str, config: Poison) -> str:
        if config.on:
            raise ValueError(f"cannot take {item}")
        return item

    class Ticking(Replay[str]):
        def poll(self, limit: int) -> Any:
            due = self.position / 10
            return super().poll(1) if self.clock.now() >= due else Wait(due - self.clock.now())

    async def main() -> str:
        call = Map("call", poisoned, config=Poison)
        run = Graph("g", Ticking("rows", [ITEM] * 10_000) >> call >> Collect("all")).start(Poison())
        run.keep_history(tmp_path / "journal")
        await asyncio.sleep(1)
        report = await run.configure({"on": True}, 2.0)
        assert not report.applied
        return str(run.history)

    told = run_virtual(main())
    assert "failed: call: ValueError" in told
    assert ITEM not in told + (tmp_path / "journal").read_text()


def test_a_log_without_items_names_node_type_and_place_and_says_how_the_words_are_seen(tmp_path: Path) -> None:
    lines: list[str] = []
    with log_to(lines.append):
        asyncio.run(ended(tmp_path / "journal"))
    (failed,) = [json.loads(line) for line in lines if "node.failed" in line]
    assert failed["message"] == f"call: ValueError; {WITH_ITEMS}"
    assert (failed["node_id"], failed["error_type"]) == ("call", "ValueError")
    assert failed["error_at"].startswith("test_secrets.py:")
    assert ITEM not in "".join(lines)


def test_secrets_of_every_configuration_that_a_run_has_had_are_hidden() -> None:
    secrets = Secrets()
    secrets.learn(Keyed())
    secrets.learn(Keyed(key=SecretStr(NEW)))
    assert secrets.hide(f"{OLD}, {OLD!r}, {NEW}; key") == '**********, "**********", **********; key'


def test_a_secret_too_short_to_be_told_from_a_word_is_left_alone() -> None:
    secrets = Secrets()
    secrets.learn(Keyed(key=SecretStr("a")))
    assert secrets.hide("a banana") == "a banana"
