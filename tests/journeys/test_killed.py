"""The kill test of `python -m tests.journeys.killed`, over a few weeks."""

from tests.journeys.killed import tell


def test_a_process_that_is_killed_again_and_again_writes_what_an_uninterrupted_one_writes(tmp_path):
    story = tell(kills=6, rows=25_000, seed=1, folder=tmp_path)
    assert story.kills >= 6
    assert story.held["hours.jsonl"] > 3000
    assert story.held["delayed"] > 1000
