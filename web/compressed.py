"""Sends text in a third of its size to browsers that take it so (RFC 9110, 8.4.1: gzip)."""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Flask, Response, request

TEXT = {
    "text/html",
    "text/css",
    "text/javascript",
    "image/svg+xml",
    "application/manifest+json",
}
LEAST = 600
"""Bytes; smaller answers fill one packet anyway."""


def init_app(app: Flask) -> None:
    """Packs pages, styles and scripts.

    Not for who sends a cookie: where a page holds a secret of theirs and words of somebody else,
    its packed size would tell the one by the other (BREACH). Static files have no secrets.
    """

    @app.after_request
    def compress(response: Response) -> Response:
        is_static = (request.endpoint or "").rpartition(".")[2] == "static"
        if (
            response.status_code != 200
            or request.method != "GET"
            or response.mimetype not in TEXT
            or "Content-Encoding" in response.headers
            or (response.is_streamed and not is_static)
        ):
            return response
        response.vary.add("Accept-Encoding")
        if not request.accept_encodings["gzip"] or (request.cookies and not is_static):
            return response
        response.direct_passthrough = False  # a file is read like any other answer
        body = response.get_data()
        if len(body) < LEAST:
            return response
        response.set_data(_packed(body) if is_static else gzip.compress(body, 6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        tag, _ = response.get_etag()
        if tag is not None:
            response.set_etag(tag, weak=True)  # the same content in other bytes
        return response


@lru_cache(maxsize=64)
def _packed(file: bytes) -> bytes:
    return gzip.compress(file, 9, mtime=0)
