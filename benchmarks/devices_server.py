"""The product's own application with one view more: the least that a JSON view can do."""

from __future__ import annotations

from flask import Flask, Response

import app

TRIVIAL = "/trivial.json"


def create_app() -> Flask:
    """What the server of the benchmark serves."""
    made = app.create_app()

    @made.get(TRIVIAL)
    def trivial() -> Response:
        return Response(b'{"ok":true}', mimetype="application/json")

    return made
