"""Laws 1 to 8 and 11 over random graphs, batch sizes and interleavings."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamweave_lab.testing.interleave import run_interleaved
from streamweave_lab.testing.laws import Witness
from streamweave_lab.testing.strategies import Sketch, sketches
from streamweave_lab.testing.vertices import Version

quickly = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


@quickly
@given(sketches(), seeds)
def test_whoever_goes_first_the_outputs_are_those_of_plain_lists(sketch: Sketch, seed: int) -> None:
    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), witness=Witness)
    assert run.status().state == "stopped", run.status().reasons
    assert sketch.found(run) == sketch.expected()
    assert [edge for edge in run.status().edges if edge.queued or edge.dropped or edge.sent != edge.received] == []
    assert [node.name for node in run.status().nodes if node.held] == []
