"""The two time series people zoom into, as Bokeh documents; the front end hosts them and feeds them from its frames."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamweave_lab.engine.status import Status

THROUGHPUT, FRONTIER = "throughput", "frontier"
_A_DATE = 1e8
"""Event times from here on (1973) are seconds since 1970; below, seconds since the beginning of something."""

# Okabe and Ito's palette, which colour-blind people can tell apart, in tones for light and dark ground.
_COLOURS = ("#3b8fd4", "#e08a1e", "#2aa876", "#c65fa5", "#8f7ee0", "#d4604a", "#5fb3c9", "#a8a032")
_SMALL: dict[str, Any] = {"axis_label_text_font_size": "11px", "major_label_text_font_size": "11px"}
_DASHES = ("solid", "dashed", "dotted", "dotdash")


def library() -> bytes:
    """The text of BokehJS, from the bokeh package itself."""
    return files("bokeh").joinpath("server", "static", "js", "bokeh.min.js").read_bytes()


def documents(status: Status) -> dict[str, Any]:
    """The figures as JSON items for `Bokeh.embed.embed_item`, with empty data sources named as the figures."""
    from bokeh.embed import json_item

    return {
        THROUGHPUT: json_item(_throughput([node.name for node in status.nodes])),
        FRONTIER: json_item(_frontier(is_date(status))) if has_event_time(status) else None,
        "dated": is_date(status),
    }


def has_event_time(status: Status) -> bool:
    """Items of this run have had an event time."""
    return any(node.newest is not None for node in status.nodes)


def is_date(status: Status) -> bool:
    """The event time of this run is a date rather than a number of seconds."""
    newest = [node.newest for node in status.nodes if node.newest is not None]
    return bool(newest) and max(newest) > _A_DATE


def _throughput(nodes: list[str]) -> Any:
    from bokeh.models import ColumnDataSource

    source = ColumnDataSource({"time": [], **{f"node{i}": [] for i in range(len(nodes))}}, name=THROUGHPUT)
    figure = _figure("items/s", "linear")
    for i, node in enumerate(nodes):
        line = figure.line(
            "time", f"node{i}", source=source, legend_label=node, line_width=2,
            color=_COLOURS[i % len(_COLOURS)], line_dash=_DASHES[i // len(_COLOURS) % len(_DASHES)], name=node,
        )  # fmt: skip
        _hover(figure, line, [(node, f"@node{i}{{0,0.[0]}} items/s")])
    figure.y_range.start = 0
    _legend(figure)
    return figure


def _frontier(dated: bool) -> Any:
    from bokeh.models import ColumnDataSource, DataRange1d, LinearAxis

    source = ColumnDataSource({name: [] for name in ("time", "frontier", "newest", "lag")}, name=FRONTIER)
    figure = _figure("event time, UTC" if dated else "event time, seconds", "datetime" if dated else "linear")
    figure.extra_y_ranges = {"lag": DataRange1d(start=0, range_padding=0.1)}
    figure.add_layout(LinearAxis(y_range_name="lag", axis_label="lag, seconds", **_SMALL), "right")
    newest = figure.line("time", "newest", source=source, color=_COLOURS[1], line_width=2, legend_label="newest item")
    frontier = figure.line("time", "frontier", source=source, color=_COLOURS[0], line_width=2, legend_label="frontier")
    lag = figure.line(
        "time", "lag", source=source, color=_COLOURS[3], line_dash="dashed", y_range_name="lag", legend_label="lag"
    )
    figure.y_range.renderers = [newest, frontier]
    figure.extra_y_ranges["lag"].renderers = [lag]
    shown = "{%F %T}" if dated else "{0,0.[000]} s"
    tips = [("newest item", f"@newest{shown}"), ("frontier", f"@frontier{shown}"), ("lag", "@lag{0,0.[0]} s")]
    _hover(figure, newest, tips, {"@newest": "datetime", "@frontier": "datetime"} if dated else {}, mode="vline")
    _legend(figure)
    return figure


def _figure(y_label: str, y_type: Any) -> Any:
    from bokeh.models import DataRange1d, DatetimeTickFormatter, NumeralTickFormatter, Range1d
    from bokeh.plotting import figure

    drawn = figure(
        height=280, sizing_mode="stretch_width", x_axis_type="datetime", y_axis_type=y_type, y_axis_label=y_label,
        tools="xpan,xwheel_zoom,xbox_zoom,reset,save", active_drag="xpan", toolbar_location="above",
        min_border_right=16, x_range=Range1d(start=0, end=120_000),
        y_range=DataRange1d(only_visible=True, range_padding=0.1),
        background_fill_alpha=0, border_fill_alpha=0, outline_line_color=None, lod_threshold=None,
    )  # fmt: skip
    clock = "%H:%M:%S"
    drawn.xaxis.formatter = DatetimeTickFormatter(
        milliseconds=clock, seconds=clock, minsec=clock, minutes=clock, hourmin=clock, hours=clock
    )
    if y_type == "linear":
        drawn.yaxis.formatter = NumeralTickFormatter(format="0,0.[00]")
    for axis in drawn.axis:
        axis.update(**_SMALL)
    drawn.toolbar.logo = None
    drawn.toolbar.autohide = True
    return drawn


def _hover(
    figure: Any,
    line: Any,
    tips: list[tuple[str, str]],
    formatters: dict[str, Any] | None = None,
    mode: Any = "mouse",
) -> None:
    from bokeh.models import HoverTool

    when = ("time", "@time{%H:%M:%S}")
    named = {"@time": "datetime", **(formatters or {})}
    figure.add_tools(HoverTool(renderers=[line], tooltips=[when, *tips], formatters=named, mode=mode, visible=False))


def _legend(figure: Any) -> None:
    """Below the figure, so that it hides no line; a click hides the line it names."""
    legend = figure.legend[0]
    legend.click_policy = "hide"
    legend.location = "left"
    legend.orientation = "horizontal"
    legend.ncols = 8
    legend.label_text_font_size = "11px"
    legend.background_fill_alpha = legend.border_line_alpha = 0
    legend.margin = legend.padding = 2
    figure.add_layout(legend, "below")
