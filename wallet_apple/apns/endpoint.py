"""Where the push service is, and how to get a connection that shows the pass certificate."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from passes.wallet_port import WalletMisconfigured

APPLE = "https://api.push.apple.com"
CONNECT_SECONDS = 5.0

_PUSH_TYPES = ("background", "alert", "")


class Unreachable(Exception):
    """No connection; the sentence says why. ``refused_certificate``: what the TLS alert said."""

    def __init__(self, message: str, refused_certificate: str = "") -> None:
        super().__init__(message)
        self.refused_certificate = refused_certificate


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The push service's address and what is said in every request.

    ``ca_file`` is a root to trust beside the system's. An empty ``push_type`` or ``priority``
    leaves the header out.
    """

    host: str
    port: int
    tls: bool = True
    ca_file: str = ""
    push_type: str = "background"
    priority: str = "5"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"


def read_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """From TREUEPASS_APNS_URL, _CA, _PUSH_TYPE (``none`` leaves it out) and _PRIORITY.

    Raises WalletMisconfigured.
    """
    url = environment.get("TREUEPASS_APNS_URL") or APPLE
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if (
        not host
        or parts.scheme not in {"https", "http"}
        or (parts.scheme == "http" and not _is_loopback(host))
    ):
        raise WalletMisconfigured(
            "TREUEPASS_APNS_URL must start with https:// (http:// only for an address on this"
            " machine)."
        )
    ca_file = environment.get("TREUEPASS_APNS_CA", "")
    if ca_file and not Path(ca_file).is_file():
        raise WalletMisconfigured("TREUEPASS_APNS_CA must name a file with a certificate in PEM.")
    push_type = environment.get("TREUEPASS_APNS_PUSH_TYPE") or "background"
    push_type = "" if push_type == "none" else push_type
    priority = environment.get("TREUEPASS_APNS_PRIORITY") or "5"
    if push_type not in _PUSH_TYPES or priority not in {"1", "5", "10"}:
        raise WalletMisconfigured(
            "TREUEPASS_APNS_PUSH_TYPE must be background, alert or none, and"
            " TREUEPASS_APNS_PRIORITY 1, 5 or 10."
        )
    if push_type == "background" and priority == "10":
        raise WalletMisconfigured(
            "Apple refuses TREUEPASS_APNS_PRIORITY=10 with the push type background: set 5, or"
            " another TREUEPASS_APNS_PUSH_TYPE."
        )
    tls = parts.scheme == "https"
    return Endpoint(host, port or (443 if tls else 80), tls, ca_file, push_type, priority)


def client_context(endpoint: Endpoint, pem: bytes | None) -> ssl.SSLContext:
    """TLS 1.2 or newer with HTTP/2; shows the certificate in ``pem`` (key and chain) if given.

    Raises WalletMisconfigured.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    try:
        if endpoint.ca_file:
            context.load_verify_locations(endpoint.ca_file)
        if pem is not None:
            _load(context, pem)
    except (OSError, ValueError) as error:
        raise WalletMisconfigured(
            "TLS cannot use the Apple certificate with its key, or the file of TREUEPASS_APNS_CA."
        ) from error
    return context


def connect(
    endpoint: Endpoint, context: ssl.SSLContext | None, seconds: float
) -> socket.socket | ssl.SSLSocket:
    """A socket that does not block, after the TLS handshake. Raises Unreachable."""
    plain = None
    try:
        # The time holds for each address of the host and for each step of the handshake.
        plain = socket.create_connection((endpoint.host, endpoint.port), timeout=seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure: socket.socket | ssl.SSLSocket = plain
        if context is not None:
            secure = context.wrap_socket(plain, server_hostname=endpoint.host)
            if secure.selected_alpn_protocol() != "h2":
                secure.close()
                raise Unreachable("the server does not speak HTTP/2")
        secure.setblocking(False)
    except ssl.SSLCertVerificationError as error:
        _close(plain)
        raise Unreachable(
            f"the server's own certificate is not trusted ({error.verify_message})"
        ) from error
    except ssl.SSLError as error:
        _close(plain)
        about = str(error.reason) if is_about_certificate(error) else ""
        raise Unreachable(f"TLS failed ({error.reason})", about) from error
    except OSError as error:
        _close(plain)
        raise Unreachable(f"no connection ({type(error).__name__})") from error
    return secure


def is_about_certificate(error: ssl.SSLError) -> bool:
    """Whether the server's TLS alert is about the client's certificate (RFC 8446, 6.2)."""
    reason = error.reason or ""
    return "ALERT" in reason and any(
        word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR")
    )


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """The library reads keys from files only: one that nobody else may read, and not for long."""
    descriptor, name = tempfile.mkstemp(prefix="treuepass-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        # A password that is asked for would wait at the terminal.
        context.load_cert_chain(name, password=b"")
    finally:
        Path(name).unlink()


def _close(plain: socket.socket | None) -> None:
    if plain is not None:
        plain.close()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
