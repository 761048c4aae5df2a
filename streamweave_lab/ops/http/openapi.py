"""The description of the HTTP API, made from the table that makes the routes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from streamweave_lab.ops.http.api import Endpoint, Parameter
from streamweave_lab.ops.http.bodies import ProblemDocument

SAID = {
    400: "The request, its Host header or its body is malformed.",
    401: "There is no token, or not this server's.",
    404: "There is no such thing.",
    409: "The run cannot do this now.",
    413: "The body is too large.",
    422: "What was sent does not fit, or fits nothing.",
    429: "Too many requests.",
    431: "The headers are too large.",
}
_REF = "#/components/schemas/{model}"


def describe(name: str, table: tuple[Endpoint, ...]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the run `name`."""
    schemas, components = _schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Run {name}",
            "version": _version(),
            "description": "Probes, metrics and controls of one run. Times are seconds, sizes are items or bytes. "
            "Every answer has the request's id in X-Request-ID, which may be given.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(table: tuple[Endpoint, ...]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type, and what they refer to."""
    kinds: dict[Any, JsonSchemaMode] = {ProblemDocument: "serialization"}
    kinds |= {each.result: "serialization" for each in table if each.result is not None}
    kinds |= {each.body: "validation" for each in table if each.body is not None}
    inputs = [(kind, mode, TypeAdapter(kind)) for kind, mode in kinds.items()]
    found, rest = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return {kind: schema for (kind, _), schema in found.items()}, rest.get("$defs", {})


def _operation(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name(endpoint),
        "summary": endpoint.summary,
        "description": endpoint.what,
        "security": [] if endpoint.open else [{"token": []}],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.parameters:
        described["parameters"] = [_parameter(each) for each in endpoint.parameters]
    if endpoint.body is not None:
        content = {"application/json": {"schema": schemas[endpoint.body], "example": endpoint.body.example}}
        described["requestBody"] = {"required": _needs_more(endpoint), "content": content}
    return described


def _responses(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    schema = {} if endpoint.result is None else {"schema": schemas[endpoint.result]}
    content = {media: schema or {"schema": {"type": "string"}} for media in endpoint.media}
    responses: dict[str, Any] = {str(s): {"description": w, "content": content} for s, w in endpoint.statuses.items()}
    problems = {400, 429, 431, *endpoint.problems} | (set() if endpoint.open else {401})
    for status in sorted(problems):
        problem = {"application/problem+json": {"schema": schemas[ProblemDocument]}}
        responses[str(status)] = {"description": SAID[status], "content": problem}
    if endpoint.body is not None:
        where = {"description": "Where to look the operation up.", "schema": {"type": "string"}}
        for status in endpoint.statuses:
            responses[str(status)]["headers"] = {"Location": where}
    return responses


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.what,
        "required": parameter.required,
        "schema": dict(parameter.schema),
    }


def _needs_more(endpoint: Endpoint) -> bool:
    return endpoint.body is not None and any(each.is_required() for each in endpoint.body.model_fields.values())


def _name(endpoint: Endpoint) -> str:
    words = endpoint.path.strip("/").replace("{", "").replace("}", "").replace(".json", "").replace("/", "_")
    return f"{endpoint.method.lower()}_{words or 'index'}"


def _version() -> str:
    try:
        return version("streamweave_lab")
    except PackageNotFoundError:  # run from a checkout
        return "0"
