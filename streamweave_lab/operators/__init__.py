"""Ready-made nodes: ports and plain-Python logic over batches."""

from streamweave_lab.operators.asynchronous import MapAsync
from streamweave_lab.operators.each import Filter, FlatMap, Map
from streamweave_lab.operators.ends import Collect, Count, ForEach, Latest
from streamweave_lab.operators.folds import Fold, WindowResult, count, fold, max, mean, min, sum  # noqa: A004
from streamweave_lab.operators.keyed import Reduce
from streamweave_lab.operators.panes import Pane
from streamweave_lab.operators.replay import Replay
from streamweave_lab.operators.route import Route
from streamweave_lab.operators.window import Window

__all__ = [
    "Collect",
    "Count",
    "Filter",
    "FlatMap",
    "Fold",
    "ForEach",
    "Latest",
    "Map",
    "MapAsync",
    "Pane",
    "Reduce",
    "Replay",
    "Route",
    "Window",
    "WindowResult",
    "count",
    "fold",
    "max",
    "mean",
    "min",
    "sum",
]
