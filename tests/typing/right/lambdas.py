"""A lambda says nothing of its argument; checkers must let it pass, alone and within a path."""

import streamweave_lab as sw


class Flight:
    carrier: str = ""
    delay: float = 0.0


flights = sw.Replay("flights", [Flight()], time=lambda flight: flight.delay)
twice = sw.Map("twice", lambda flight: flight.delay * 2)
late = sw.Filter("late", lambda flight: flight.delay > 15)
both = sw.FlatMap("both", lambda flight: [flight.carrier, flight.delay])
split = sw.Route("split", early=lambda flight: flight.delay < 0)
worst = sw.Reduce("worst", lambda best, flight: max(best, flight.delay), initial=0.0, key=lambda flight: flight.carrier)
hour = sw.Tumbling(seconds=3600)
mean = sw.Window("mean", sw.mean(lambda flight: flight.delay), hour, key=lambda flight: flight.carrier)
said = sw.Window("said", lambda pane: len(pane.items), hour, key=lambda flight: flight.carrier)
counted = sw.Window("counted", sw.count(), hour)
folded = sw.Window("folded", sw.fold(0, lambda n, flight: n + 1), hour)
board = sw.Latest("board", key=lambda result: result.key)
printed = sw.ForEach("printed", lambda flight: flight.carrier)
kept = sw.Collect("kept")

graph = sw.Graph(
    "flights",
    flights >> late >> mean >> board,
    flights >> twice >> kept,
    flights >> both >> sw.Count("both.count"),
    flights >> split,
    split["early"] >> printed,
    split.rest >> worst >> kept,
    flights >> said >> kept,
    flights >> counted >> kept,
    flights >> folded >> kept,
    flights >> sw.Map("inline", lambda flight: flight.delay) >> sw.Filter("big", lambda delay: delay > 60) >> kept,
)
