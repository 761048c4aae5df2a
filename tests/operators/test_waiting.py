import math

from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.waiting import Waiting

TIMES = st.one_of(st.none(), st.lists(st.one_of(st.integers(0, 9).map(float), st.none()), min_size=1, max_size=6))


@given(
    st.lists(st.one_of(TIMES.map(lambda times: Batch([*"abcdef"][: len(times or "abc")], times)), st.integers(1, 9)))
)
def test_what_waits_is_taken_in_order_and_its_earliest_time_is_known(script):
    waiting, plain = Waiting(), []
    for step in script:
        if isinstance(step, Batch):
            waiting.add(step)
            plain += zip(step.items, step.times or [None] * len(step), strict=True)
        else:
            n = min(step, len(plain))
            taken, plain = plain[:n], plain[n:]
            batch = waiting.take(n)
            assert batch.items == [item for item, _ in taken]
            assert batch.times in (None, [time for _, time in taken])
            assert batch.times is not None or None in [time for _, time in taken]
        assert (len(waiting), waiting.rows()) == (len(plain), plain)
        assert waiting.earliest == min((time for _, time in plain if time is not None), default=math.inf)
        assert Waiting(plain).rows() == plain
