"""What any store of checkpoints must keep to, as a check to be called from a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from streamweave_lab.errors import StateError, StoreHeldError
from streamweave_lab.state import Checkpoint, NodeState, Store

MakeStore = Callable[[], Store]
Damage = Callable[[int], object]


def check_store(make_store: MakeStore, damages: Mapping[str, Damage] | None = None) -> None:
    """Check that a store keeps all that `Store` promises.

    Each call of `make_store` opens one and the same place, which is empty at first and keeps at least 10 checkpoints
    of a graph. `damages` are ways to damage the checkpoint with a given id behind the store's back, by name, as a crash
    or a bad disk would; `store_damages.damages_of` has those for the stores of this package.

    Raises: AssertionError with a sentence that says what is not kept.
    """
    for law in (
        _nothing_is_there_at_first,
        _what_was_written_comes_back,
        _ids_grow_for_ever,
        _a_list_has_the_newest_first,
        _old_ones_are_pruned,
        _graphs_are_kept_apart,
        _what_cannot_be_written_leaves_nothing,
        _two_writers_do_not_disturb_each_other,
        _a_place_is_one_run_s_at_a_time,
        _who_is_gone_gives_way,
    ):
        law(make_store, f"check{law.__name__}")
    for name, damage in (damages or {}).items():
        _damage_is_found(make_store, f"check-{name}".replace(" ", "-"), name, damage)


def example(graph: str, epoch: int = 1) -> Checkpoint:
    """A checkpoint with a bit of everything in it."""
    state = {("EWR", epoch): (1.5, None), ("Malmö", 2): (float("inf"), b"\x00")}
    return Checkpoint(
        graph=graph,
        epoch=epoch,
        taken_at=1_700_000_000.25 + epoch,
        nodes={
            "delays": NodeState.of(state, 3),
            "x.y-z_1": NodeState.of(list(range(300))),
            "empty": NodeState.of(None),
        },
        positions={"departures": 4096 * epoch},
        config={"window": {"hours": 1.5}, "carriers": ["UA", "Å"], "secret": "**********"},
        config_sha256="ab" * 32,
        reason="interval",
    )


def _nothing_is_there_at_first(make_store: MakeStore, graph: str) -> None:
    store = make_store()
    _same(store.latest(graph), None, "latest() of a graph that was never kept")
    _same(store.list(graph), (), "list() of a graph that was never kept")
    _refused(lambda: store.read(graph, 1), "read() of what is not there")
    _true(store.verify(graph, 1) != (), "verify() of what is not there must say so")
    store.close()


def _what_was_written_comes_back(make_store: MakeStore, graph: str) -> None:
    written, store = example(graph), make_store()
    info = store.write(written)
    _same((info.problems, info.reason, info.taken_at), ((), "interval", written.taken_at), "what write() returns")
    store.close()
    for again in (make_store(), store):  # a closed store may be used again
        _same(again.latest(graph), replace(written, id=info.id), "latest() in a store that was opened again")
        _same(again.read(graph, info.id), replace(written, id=info.id), "read() in a store that was opened again")
        _same(again.verify(graph, info.id), (), "verify() of a whole checkpoint")
        again.close()


def _ids_grow_for_ever(make_store: MakeStore, graph: str) -> None:
    store = make_store()
    ids = [store.write(example(graph)).id for _ in range(3)]
    store.prune(graph, 1)
    store.close()
    store = make_store()
    ids += [store.write(example(other)).id for other in (graph, f"{graph}2")]
    ids.append(store.write(replace(example(graph), id=ids[-1] + 10)).id)
    ids.append(store.write(example(graph)).id)
    _true(ids[0] > 0, f"the first id is {ids[0]}; it must be at least 1")
    _true(ids == sorted(set(ids)), f"ids must grow, also after pruning and opening again; they were {ids}")
    _refused(lambda: store.write(replace(example(graph), id=ids[-1])), "write() with an id that was given before")
    store.close()


def _a_list_has_the_newest_first(make_store: MakeStore, graph: str) -> None:
    store = make_store()
    infos = [store.write(example(graph, epoch)) for epoch in (1, 2, 3)]
    _same(store.list(graph), tuple(reversed(infos)), "list()")
    store.close()


def _old_ones_are_pruned(make_store: MakeStore, graph: str) -> None:
    store = make_store()
    ids = [store.write(example(graph)).id for _ in range(5)]
    _same(sorted(store.prune(graph, 2)), ids[:3], "what prune() says it deleted")
    _same([info.id for info in store.list(graph)], [ids[4], ids[3]], "what prune(keep=2) leaves")
    _refused(lambda: store.read(graph, ids[0]), "read() of what was pruned")
    _same(store.prune(graph, 2), (), "prune() a second time")
    _refused(lambda: store.prune(graph, 0), "prune(keep=0)", ValueError)
    store.close()


def _graphs_are_kept_apart(make_store: MakeStore, graph: str) -> None:
    store, other = make_store(), f"{graph}.other"
    first = store.write(example(graph)).id
    second = [store.write(example(other)).id for _ in range(3)]
    store.prune(other, 1)
    _same([info.id for info in store.list(graph)], [first], "list() of a graph beside another")
    latest = store.latest(graph)
    _same(latest and latest.id, first, "latest() of a graph beside another")
    _refused(lambda: store.read(graph, second[-1]), "read() of another graph's checkpoint")
    store.close()


def _what_cannot_be_written_leaves_nothing(make_store: MakeStore, graph: str) -> None:
    store = make_store()
    info = store.write(example(graph))
    _refused(lambda: store.write(replace(example(graph), config={"not JSON": object()})), "write() of no JSON")
    _same([one.id for one in store.list(graph)], [info.id], "list() after a write that failed")
    _true(store.write(example(graph)).id > info.id, "a write after one that failed must succeed")
    store.close()


def _two_writers_do_not_disturb_each_other(make_store: MakeStore, graph: str) -> None:
    stores = (make_store(), make_store())
    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(lambda n: stores[n % 2].write(example(graph, n)).id, range(8)))
    _same(len(set(ids)), 8, "the number of ids given to 8 writes by two stores from four threads")
    for store in stores:
        _same({info.id for info in store.list(graph)}, set(ids), "what two writers have written")
        _same([info.problems for info in store.list(graph)], [()] * 8, "the problems of what two writers have written")
        store.close()


def _a_place_is_one_run_s_at_a_time(make_store: MakeStore, graph: str) -> None:
    first, second = make_store(), make_store()
    place = first.hold(graph)
    written = place.write(example(graph))
    _same([info.id for info in first.list(graph)], [written.id], "list() after a write through a place")
    _refused(lambda: second.hold(graph), "hold() of a place that another run has", StoreHeldError)
    _refused(lambda: first.hold(graph), "hold() a second time, by the same store", StoreHeldError)
    other = second.hold(f"{graph}.other")
    other.write(example(f"{graph}.other"))
    other.leave()
    place.leave()
    place.leave()
    after = second.hold(graph)
    _true(
        after.write(example(graph, 2)).id > written.id, "the ids must grow from one run that has the place to the next"
    )
    _refused(lambda: place.write(example(graph, 3)), "write() through a place that was left", StoreHeldError)
    _same(len(first.list(graph)), 2, "the number of checkpoints after a write that was refused")
    after.leave()
    for store in (first, second):
        store.close()


def _who_is_gone_gives_way(make_store: MakeStore, graph: str) -> None:
    store = make_store()
    alive = [True]
    old = store.hold(graph, lambda: alive[0])
    old.write(example(graph))
    alive[0] = False
    new = store.hold(graph)
    _refused(lambda: old.write(example(graph, 2)), "write() of a run that has given way", StoreHeldError)
    new.write(example(graph, 3))
    _same([info.epoch for info in store.list(graph)], [3, 1], "the epochs of what was kept before and after")
    new.leave()
    store.close()


def _damage_is_found(make_store: MakeStore, graph: str, name: str, damage: Damage) -> None:
    store = make_store()
    old, middle, new = (store.write(example(graph, epoch)).id for epoch in (1, 2, 3))
    store.close()
    damage(new)
    store = make_store()
    latest = store.latest(graph)
    _same(latest and latest.id, middle, f"{name}: the id of latest(), which goes back to the newest whole one,")
    named = latest.passed_over if latest else ()
    _true(len(named) == 1 and str(new) in named[0], f"{name}: latest() must name what it passed over, and not {named}")
    _refused(lambda: store.read(graph, new), f"{name}: read() of the damaged one")
    _true(store.verify(graph, new) != (), f"{name}: verify() must say what is damaged")
    problems = {info.id: bool(info.problems) for info in store.list(graph)}
    _same(problems, {new: True, middle: False, old: False}, f"{name}: which ids have problems in list()")
    _same(store.prune(graph, 1), (old,), f"{name}: prune(keep=1) counts whole ones only, and so deletes")
    newest = store.write(example(graph, 4)).id
    _true(newest > new, f"{name}: the id of a damaged checkpoint must not be given again")
    _same(
        store.prune(graph, 1), tuple(sorted((new, middle), reverse=True)), f"{name}: prune() after a newer one deletes"
    )
    store.close()


def _true(kept: bool, sentence: str) -> None:
    if not kept:
        raise AssertionError(sentence)


def _same(seen: Any, promised: Any, what: str) -> None:
    _true(seen == promised, f"{what} is {seen!r}; it must be {promised!r}")


def _refused(call: Callable[[], object], what: str, error: type[Exception] = StateError) -> None:
    try:
        result = call()
    except error:
        return
    raise AssertionError(f"{what} must raise {error.__name__}; it returned {result!r}")
