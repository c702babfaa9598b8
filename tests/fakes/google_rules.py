"""What Google keeps, and what it answers to a request that it lets in."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import unquote

import jwt

from tests.fakes.google_shapes import SCHEMAS, as_of_old, error, masked, merged, unknown_names

MOST_MESSAGES = 10
LOUD_A_DAY = 3
"""Announced changes, and announced messages, of one pass in 24 hours."""

Answer = tuple[int, dict]


class Rules:
    """``resources`` by ``loyaltyObject/<id>``, as they were sent; edit them freely."""

    def __init__(self) -> None:
        self.resources: dict[str, dict] = {}
        self.holders: set[str] = set()
        """Ids of objects that somebody has in their wallet."""
        self.unreachable: set[str] = set()
        """Addresses of pictures that Google cannot fetch."""
        self.announced: Counter[tuple[str, str]] = Counter()
        """By id and ``update`` or ``message``: what phones were told since ``new_day``."""

    def answer(self, method: str, path: str, query: dict[str, str], body: dict) -> Answer:
        if path == "jwt/validate":
            return 404, error(404, "Only the server knows the key.")
        resource, _, rest = path.partition("/")
        schema = resource[:1].upper() + resource[1:]
        if schema not in SCHEMAS or not resource.endswith(("Class", "Object")):
            return 404, error(404, "Requested entity was not found.")
        resource_id, _, action = unquote(rest).partition("/")
        sent = "AddMessageRequest" if action else schema
        if refused := self._refused(body, sent):
            return refused
        if method == "GET" and not resource_id:
            status, found = self._listed(resource, query)
        elif method == "POST" and action == "addMessage":
            status, found = self._add_message(resource, resource_id, body.get("message", {}))
        elif method == "POST" and not resource_id:
            status, found = self._insert(resource, body)
        elif action or method not in {"GET", "PATCH", "PUT"}:
            return 404, error(404, "Requested entity was not found.")
        else:
            status, found = self._one(method, resource, resource_id, body)
        return status, masked(found, query.get("fields", "")) if status == 200 else found

    def _refused(self, body: dict, schema: str) -> Answer | None:
        unknown = next(unknown_names(body, schema), None)
        if unknown:
            message = f'Invalid JSON payload received. Unknown name "{unknown}"'
            refusal = error(400, message, "invalid")
            refusal["error"]["details"] = [
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"description": message}],
                }
            ]
            return 400, refusal
        if body.get("reviewStatus") in {"APPROVED", "REJECTED", "approved", "rejected"}:
            return 400, error(400, "Invalid review status: only Google may set it.", "invalid")
        if any(url in json.dumps(body) for url in self.unreachable):
            return 400, error(400, "Image cannot be loaded.", "invalid")
        return None

    def _insert(self, resource: str, body: dict) -> Answer:
        path = f"{resource}/{body['id']}"
        if not str(body["id"]).partition(".")[0].isdecimal():
            return 400, error(400, f"Invalid resource ID: {body['id']}", "invalidResource")
        if path in self.resources:
            return 409, error(409, f"Wallet Object {body['id']} already exists.")
        class_path = f"{resource.removesuffix('Object')}Class/{body.get('classId')}"
        if resource.endswith("Object") and class_path not in self.resources:
            return 404, error(404, f"Wallet Object Class {body.get('classId')} not found.")
        self.resources[path] = _kept(body)
        return 200, self.shown(path)

    def _one(self, method: str, resource: str, resource_id: str, body: dict) -> Answer:
        path = f"{resource}/{resource_id}"
        if path not in self.resources:
            return 404, self._missing(resource, resource_id)
        if method == "GET":
            return 200, self.shown(path, with_class=True)
        old = self.resources[path]
        new = merged(old, body) if method == "PATCH" else body
        if body.get("notifyPreference") == "NOTIFY_ON_UPDATE" and _balances(new) != _balances(old):
            if self.announced[resource_id, "update"] >= LOUD_A_DAY:
                message = f"Quota exceeded for notifications on updates of {resource_id}."
                return 403, error(403, message, "quotaExceeded")
            self.announced[resource_id, "update"] += 1
        self.resources[path] = _kept(new)
        return 200, self.shown(path)

    def _add_message(self, resource: str, resource_id: str, message: dict) -> Answer:
        path = f"{resource}/{resource_id}"
        if path not in self.resources:
            return 404, self._missing(resource, resource_id)
        kept = self.resources[path].setdefault("messages", [])
        if len(kept) >= MOST_MESSAGES:
            return 400, error(400, f"At most {MOST_MESSAGES} messages are allowed.", "invalid")
        if message.get("messageType") == "TEXT_AND_NOTIFY":
            if self.announced[resource_id, "message"] >= LOUD_A_DAY:
                issuer, _, name = resource_id.partition(".")
                text = (
                    f"Quota exceeded for issuer ({issuer}) when adding TEXT_AND_NOTIFY message to"
                    f" class {name}."
                )
                return 403, error(403, text, "quotaExceeded")
            self.announced[resource_id, "message"] += 1
        kept.append(message)
        return 200, {"resource": self.shown(path)}

    def _listed(self, resource: str, query: dict[str, str]) -> Answer:
        if resource.endswith("Object"):
            owner = query.get("classId", "")
            if f"{resource.removesuffix('Object')}Class/{owner}" not in self.resources:
                return 404, error(404, f"Wallet Object Class {owner} not found.")
            found = [p for p, body in self._all(resource) if body.get("classId") == owner]
        else:
            owner = query.get("issuerId", "")
            if not owner.isdecimal():
                return 400, error(400, f"Invalid issuer ID: {owner}", "invalidResource")
            found = [p for p, body in self._all(resource) if body["id"].startswith(f"{owner}.")]
        start = int(query.get("token", "0"))
        end = start + int(query["maxResults"]) if "maxResults" in query else len(found)
        more = {"nextPageToken": str(end)} if end < len(found) else {}
        page = [self.shown(path) for path in found[start:end]]
        pagination = {"kind": "walletobjects#pagination", "resultsPerPage": len(page), **more}
        return 200, {"resources": page, "pagination": pagination}

    def _all(self, resource: str) -> list[tuple[str, dict]]:
        return [(p, body) for p, body in self.resources.items() if p.startswith(f"{resource}/")]

    def shown(self, path: str, *, with_class: bool = False) -> dict:
        """A resource as Google answers it: enums as of old, and what Google sets itself."""
        resource, _, resource_id = path.partition("/")
        body = self.resources[path]
        shown = as_of_old(body, resource[0].upper() + resource[1:])
        assert isinstance(shown, dict)
        shown |= {"kind": f"walletobjects#{resource}", "version": "1"}
        if resource.endswith("Class"):
            if "reviewStatus" in body:
                shown["reviewStatus"] = "approved"
            shown.setdefault("multipleDevicesAndHoldersAllowedStatus", "statusUnspecified")
            return shown
        shown |= {"hasUsers": resource_id in self.holders, "hasLinkedDevice": False}
        class_path = f"{resource.removesuffix('Object')}Class/{body.get('classId')}"
        if with_class and class_path in self.resources:
            shown["classReference"] = self.shown(class_path)
        return shown

    def validate(self, body: dict, key: object) -> Answer:
        """``jwt.validate``: nothing when the token would save a pass."""
        if set(body) == {"jwtResource"}:
            try:
                claims = jwt.decode(
                    body["jwtResource"]["jwt"],
                    key,
                    algorithms=["RS256"],
                    audience="google",
                    options={"require": ["iss", "iat"]},
                )
            except jwt.InvalidTokenError:
                return 400, error(400, "Invalid JWT.", "invalid")
            payload = claims.get("payload", {}) if claims.get("typ") == "savetowallet" else {}
        elif set(body) == {"jsonResource"}:
            given = json.loads(body["jsonResource"]["json"])
            payload = given.get("payload", given)
        else:
            return 400, error(400, "Either jwt_resource or json_resource must be set.", "invalid")
        named = [
            f"{family.removesuffix('s')}/{each.get('id')}"
            for family, entries in payload.items()
            if family.endswith("Objects")
            for each in entries
        ]
        if not named:
            return 400, error(400, "The JWT names no pass.", "invalid")
        missing = next((path for path in named if path not in self.resources), None)
        if missing:
            return 400, error(400, f"Wallet Object {missing.partition('/')[2]} not found.")
        return 200, {}

    def _missing(self, resource: str, resource_id: str) -> dict:
        what = "Class " if resource.endswith("Class") else ""
        return error(404, f"Wallet Object {what}{resource_id} not found.")


def _kept(body: dict) -> dict:
    """Whether to announce a change is said with each change anew (Google: notifyPreference)."""
    return {name: value for name, value in body.items() if name != "notifyPreference"}


def _balances(body: dict) -> list[object]:
    names = ("loyaltyPoints", "secondaryLoyaltyPoints")
    return [body.get(name, {}).get("balance") for name in names]
