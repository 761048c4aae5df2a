"""What is answered to everybody: probes, metrics, and where to find the rest."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.status import Status
from streamweave_lab.ops import health
from streamweave_lab.ops.http.api import Api, answer
from streamweave_lab.ops.http.guard import has_token
from streamweave_lab.ops.metrics import prometheus as metrics


async def live(api: Api, request: Request) -> Response:
    """GET /live."""
    status, silent = api.run.status(), max(0.0, SYSTEM_CLOCK.now() - api.run.heartbeat())
    found = health.live(status, silent, api.limits.silent)
    return _answer("live", found, status, request, [("event loop", found.ok, f"last heard of {silent:.1f} s ago")])


async def ready(api: Api, request: Request) -> Response:
    """GET /ready."""
    status = api.run.status()
    found = _as_may_be_told(health.ready(status), status, api, request)
    stalled, flow = status.loop.stalled_seconds, health.flow(status)
    well = status.state == "running" and (found.ok or not flow.ok)  # else it has a reason that is not about flow
    return _answer("ready", found, status, request, [
        ("run", well, "; ".join(found.reasons) if status.state == "running" and not well else f"it is {status.state}"),
        ("event loop", not stalled, f"silent for {stalled:.1f} s" if stalled else "it answers"),
        ("flow", flow.ok, "; ".join(flow.reasons) or "items can move"),
    ])  # fmt: skip


async def startup(api: Api, request: Request) -> Response:
    """GET /startup."""
    status = api.run.status()
    found = _as_may_be_told(health.startup(status), status, api, request)
    kept = status.checkpoint
    resumed = kept.resumed_from if kept is not None else None
    restored = "nothing to restore" if resumed is None else f"from checkpoint {resumed}"
    return _answer("started", found, status, request, [
        ("restored", found.ok, restored if found.ok else "not yet"),
        ("started", found.ok, f"the run is {status.state}"),
    ])  # fmt: skip


async def scrape(api: Api, request: Request) -> Response:
    """GET /metrics."""
    body, content_type = metrics.exposition(api.registry, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": content_type})


async def description(api: Api, _: Request) -> Response:
    """GET /openapi.json."""
    return Response(api.description, media_type="application/json")


async def index(api: Api, _: Request) -> Response:
    """GET /."""
    title = html.escape(f"Run {api.run.name}")
    links = "".join(f'<li><a href="{path}">{path}</a>: {what}' for path, what in (
        ("/live", "would a restart help? 200 or 503"),
        ("/ready", "does the run take part in the work? 200 or 503, with reasons"),
        ("/startup", "has it been restored and started? 200 or 503"),
        ("/metrics", "all counters, for Prometheus"),
        ("/openapi.json", "everything else, which needs the token"),
    ))  # fmt: skip
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{links}</ul>'
    )


def _as_may_be_told(found: health.Health, status: Status, api: Api, request: Request) -> health.Health:
    if found.ok or has_token(api, request):
        return found
    return replace(found, reasons=health.told_to_all(status) or found.reasons)


def _answer(
    word: str, found: health.Health, status: Status, request: Request, checks: list[tuple[str, bool, str]]
) -> Response:
    body: dict[str, Any] = {
        "status": word if found.ok else f"not {word}",
        "reasons": list(found.reasons),
        "since": None if found.since is None else _rfc3339(found.since),
    }
    if "verbose" in request.query_params:
        said = [{"name": name, "ok": ok, "detail": detail} for name, ok, detail in checks]
        body |= {"graph": status.graph, "state": status.state, "checks": said}
    return answer(body, 200 if found.ok else 503)


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
