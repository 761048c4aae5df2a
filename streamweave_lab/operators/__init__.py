"""Ready-made nodes: ports and plain-Python logic over batches."""

from streamweave_lab.operators.asynchronous import MapAsync
from streamweave_lab.operators.each import Filter, FlatMap, Map
from streamweave_lab.operators.ends import Collect, Count, ForEach, Latest
from streamweave_lab.operators.enrich import Enrich
from streamweave_lab.operators.folds import Fold, WindowResult, count, fold, max, mean, min, sum  # noqa: A004
from streamweave_lab.operators.iterate import Iterate
from streamweave_lab.operators.join import IntervalJoin
from streamweave_lab.operators.keyed import Reduce
from streamweave_lab.operators.keyed_state import KeyedStep, Timer
from streamweave_lab.operators.merge import Merge, Zip
from streamweave_lab.operators.panes import Pane
from streamweave_lab.operators.per_key import PerKey
from streamweave_lab.operators.quantiles import quantiles
from streamweave_lab.operators.replay import Replay
from streamweave_lab.operators.route import Route
from streamweave_lab.operators.shaping import Deduplicate, Sample, Take
from streamweave_lab.operators.shaping_rate import Debounce, Throttle
from streamweave_lab.operators.shaping_top import Ranking, TopK
from streamweave_lab.operators.window import Window
from streamweave_lab.operators.window_join import WindowJoin

__all__ = [
    "Collect",
    "Count",
    "Debounce",
    "Deduplicate",
    "Enrich",
    "Filter",
    "FlatMap",
    "Fold",
    "ForEach",
    "IntervalJoin",
    "Iterate",
    "KeyedStep",
    "Latest",
    "Map",
    "MapAsync",
    "Merge",
    "Pane",
    "PerKey",
    "Ranking",
    "Reduce",
    "Replay",
    "Route",
    "Sample",
    "Take",
    "Throttle",
    "Timer",
    "TopK",
    "Window",
    "WindowJoin",
    "WindowResult",
    "Zip",
    "count",
    "fold",
    "max",
    "mean",
    "min",
    "quantiles",
    "sum",
]
