import json
from dataclasses import replace

import pytest

from streamweave_lab.errors import StateError
from streamweave_lab.state import NodeState
from streamweave_lab.state.manifest import assembled, checksum, damages, info_of, manifest_of, parsed
from streamweave_lab.testing.stores import example

CHECKPOINT = replace(example("flights"), id=7)
TEXT = manifest_of(CHECKPOINT)
DATA: dict[str, bytes | None] = {name: state.data for name, state in CHECKPOINT.nodes.items()}


def test_a_manifest_and_the_data_make_the_checkpoint_again() -> None:
    content = parsed(TEXT, checksum(TEXT), 7, what="it")
    assert assembled(content, DATA, damages(content, DATA), what="it") == CHECKPOINT
    assert info_of(content).bytes == sum(len(data or b"") for data in DATA.values())


def test_each_damaged_state_is_named() -> None:
    content = parsed(TEXT, checksum(TEXT), 7, what="it")
    whole = DATA["delays"] or b""
    assert damages(content, DATA | {"delays": None}) == ("the state of node 'delays' is missing",)
    assert damages(content, DATA | {"delays": whole[:-1]}) == (
        f"the state of node 'delays' has {len(whole) - 1} bytes instead of {len(whole)}",
    )
    changed = damages(content, DATA | {"delays": b"x" * len(whole), "empty": None})
    assert changed == ("the state of node 'delays' does not match its sha256", "the state of node 'empty' is missing")
    with pytest.raises(
        StateError, match="it is damaged: the state of node 'delays' does not match its sha256; the state"
    ):
        assembled(content, DATA, changed, what="it")


def test_a_manifest_is_read_only_with_its_own_checksum_and_under_its_own_id() -> None:
    with pytest.raises(StateError, match="it: its manifest is damaged"):
        parsed(TEXT.replace(b"flights", b"flight5"), checksum(TEXT), 7, what="it")
    with pytest.raises(StateError, match="it: its manifest is that of checkpoint 7"):
        parsed(TEXT, checksum(TEXT), 8, what="it")


def test_a_newer_format_says_what_to_install() -> None:
    newer = json.dumps(json.loads(TEXT) | {"format_version": 2, "written_by": "0.9.1"}).encode()
    with pytest.raises(StateError, match=r'it has format 2, .* pip install --upgrade "streamweave_lab>=0\.9\.1"'):
        parsed(newer, checksum(newer), 7, what="it")


def test_pickled_state_is_given_only_to_a_node_that_says_so() -> None:
    state = NodeState.of(range(3), 2, pickled=True)
    assert (state.version, state.encoding, state.value(pickled=True)) == (2, "pickle", range(3))
    with pytest.raises(StateError, match="pickled_state = True"):
        state.value()
    assert NodeState.of((1, 2)).value(pickled=True) == (1, 2)
    with pytest.raises(StateError, match="'avro', which is not known here"):
        NodeState(1, "avro", b"").value()
