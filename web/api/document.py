"""The OpenAPI 3.1 document, made of the API's own table of contents, and a readable page of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Response, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from passes.card_templates.pictures import ROLES
from passes.idempotency import LONGEST_KEY
from web.api import answers
from web.api.operation import OPERATIONS, Operation

blueprint = Blueprint("api_document", __name__, url_prefix="/api")

VERSION = "1"
_REF = "#/components/schemas/{model}"
_CARD_NAME = "The card's id or its serial number"
_ALIAS = " An alias for programs that move here; new ones use the call that it stands for."


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(
        orjson.dumps(document(), option=orjson.OPT_INDENT_2), content_type="application/json"
    )


@blueprint.get("/docs")
def docs() -> str:
    groups: dict[str, list[Operation]] = {}
    for made in OPERATIONS:
        groups.setdefault(_tag(made), []).append(made)
    return render_template("api_docs.html", groups=groups, document=document(), fields_of=fields_of)


@cache
def document() -> dict[str, Any]:
    """The whole document; the same for every merchant."""
    used: list[type[BaseModel]] = [answers.Problem]
    for made in OPERATIONS:
        used += [model for model in (made.body, made.answer) if model is not None]
    models = [(model, "validation") for model in dict.fromkeys(used)]
    _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, dict[str, Any]] = {}
    for made in OPERATIONS:
        path = "/api/v1" + re.sub(r"<(\w+)>", r"{\1}", made.path)
        paths.setdefault(path, {})[made.method.lower()] = _operation(made)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Treuepass",
            "version": VERSION,
            "description": (
                "Loyalty cards in Apple Wallet, Google Wallet and the browser. Amounts are decimal"
                " strings in the merchant's currency, times are RFC 3339 in UTC, errors are"
                " RFC 9457 problem documents with a stable code."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"key_header": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(made) for made in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of the merchant, with the scope of the call",
                },
                "key_header": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "The same key, for programs that know only this header",
                },
            },
            "responses": {
                "Problem": {
                    "description": "What went wrong",
                    "content": {
                        "application/problem+json": {
                            "schema": {"$ref": _REF.format(model=answers.Problem.__name__)}
                        }
                    },
                }
            },
        },
    }


def fields_of(model: type[BaseModel]) -> list[tuple[str, str, bool]]:
    """Name, type in words and whether it is required, of every field; for the readable page."""
    schema = model.model_json_schema(ref_template=_REF)
    required = set(schema.get("required", ()))
    return [
        (name, _in_words(part), name in required)
        for name, part in schema.get("properties", {}).items()
    ]


def _operation(made: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": made.name,
        "summary": made.summary,
        "description": f"Scope: {made.scope}.{_ALIAS if made.alias else ''}",
        "tags": [_tag(made)],
        "parameters": [*_path_parameters(made), *_query_parameters(made), *_headers(made)],
        "responses": {
            str(made.status): {
                "description": "Done",
                "content": {
                    "application/json": {
                        "schema": {"$ref": _REF.format(model=made.answer.__name__)}
                    }
                },
            },
            **{
                str(status): {"$ref": "#/components/responses/Problem"}
                for status in _statuses(made)
            },
        },
    }
    if made.body is not None:
        required = any(field.is_required() for field in made.body.model_fields.values())
        described["requestBody"] = {
            "required": required,
            "content": {
                "application/json": {"schema": {"$ref": _REF.format(model=made.body.__name__)}}
            },
        }
    if made.picture:
        described["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("image/png", "image/jpeg")
            },
        }
    return described


def _statuses(made: Operation) -> list[int]:
    found = {401, 403, 429}
    if "<" in made.path:
        found.add(404)
    if made.body or made.picture:
        found |= {400, 409, 422}
    if made.picture or made.body:
        found.add(413)
    if made.query or made.method == "POST":
        found.add(422)
    if made.method in {"POST", "PATCH"}:
        found |= {400, 404, 409}
    if made.method == "DELETE":
        found.add(409)
    return sorted(found)


def _path_parameters(made: Operation) -> list[dict[str, Any]]:
    described = []
    for name in re.findall(r"<(\w+)>", made.path):
        schema: Mapping[str, Any] = {"type": "string", "minLength": 1, "maxLength": 64}
        if name == "role":
            schema = {"type": "string", "enum": list(ROLES)}
        described.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": _CARD_NAME if name == "card" else name.replace("_", " "),
                "schema": schema,
            }
        )
    return described


def _query_parameters(made: Operation) -> list[dict[str, Any]]:
    if made.query is None:
        return []
    schema = made.query.model_json_schema(ref_template=_REF)
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(part)}
        for name, part in schema["properties"].items()
    ]


def _headers(made: Operation) -> list[dict[str, Any]]:
    if made.method != "POST" or not made.repeats:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key and request within 24 hours get the first answer again",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_KEY,
                "pattern": "^[ -~]+$",
            },
        }
    ]


def _without_null(part: Mapping[str, Any]) -> dict[str, Any]:
    """A query parameter is there or not; it is never null."""
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**choices[0], **{k: v for k, v in part.items() if k == "description"}}
    return {k: v for k, v in part.items() if k not in {"default", "title"} or v is not None}


def _tag(made: Operation) -> str:
    return made.path.split("/")[1]


def _in_words(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        return str(part["$ref"]).rsplit("/", 1)[-1]
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"])
    if "const" in part:
        return str(part["const"])
    if "anyOf" in part:
        return " | ".join(dict.fromkeys(_in_words(choice) for choice in part["anyOf"]))
    if part.get("type") == "array":
        return f"list of {_in_words(part.get('items', {}))}"
    return str(part.get("format") or part.get("type") or "any")
