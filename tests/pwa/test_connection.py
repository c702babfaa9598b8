"""One connection: to the address that was checked, with a certificate for the name, and no longer
than it may take."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pwa.connection import MOST_READ, Connection, Unanswered
from pwa.endpoints import Endpoint

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
HERE = ["127.0.0.1"]
HEADERS = {"TTL": "60"}


@contextmanager
def serving(talk, wrap=lambda accepted: accepted):
    """Runs ``talk(connection, number)`` for every connection, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = []

        def run():
            with suppress(OSError):
                while True:
                    accepted, _ = server.accept()
                    with accepted, suppress(OSError), wrap(accepted) as connection:
                        seen.append(connection)
                        talk(connection, len(seen))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield server.getsockname()[1], seen
        finally:
            for opened in (server, *seen):
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
            thread.join()


def request_in(connection):
    """The head and the body of one request; "" when the other side hung up."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        if not part:
            return ""
        received += part
    return received.decode()


def until(seconds=10.0):
    return time.monotonic() + seconds


def plain(port):
    return Connection(Endpoint("http", "127.0.0.1", port, "/x"), HERE, None, until())


def test_a_request_says_what_HTTP_demands_and_leaves_in_one_piece():
    heard = []

    def talk(connection, number):
        while said := request_in(connection):
            heard.append(said)
            connection.sendall(OK)

    with serving(talk) as (port, seen):
        connection = plain(port)
        for _ in range(2):
            assert connection.post("/x?y", HEADERS, b"body", until()).status == 201
            assert connection.is_usable()
        connection.close()
    head = f"POST /x?y HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTTL: 60\r\nContent-Length: 4\r\n\r\n"
    assert heard == [head + "body"] * 2
    assert len(seen) == 1


def answer_of(*pieces, pause=0.0):
    """What ``post`` makes of an answer in these pieces, and whether the connection lives on."""

    def talk(connection, number):
        request_in(connection)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        request_in(connection)

    with serving(talk) as (port, _):
        connection = plain(port)
        try:
            answer = connection.post("/x", HEADERS, b"", until(0.5 if pause else 10))
            return answer, connection.is_open
        finally:
            connection.close()


def test_answers_are_read_in_whatever_pieces_they_come():
    for pieces in (
        [b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nhm"],
        [b"HTTP/1.1 429 Slow\r\nretry-after:", b" 7\r\nContent-Length: 2\r\n\r\nh", b"m"],
        [b"HTTP/1.1 429 \r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n",
         b"1\r\nh\r\n1\r\nm\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 7\r\n",
         b"Content-Length: 2\r\n\r\nhm"],
    ):  # fmt: skip
        answer, is_open = answer_of(*pieces)
        assert (answer.status, answer.retry_after, answer.body) == (429, "7", b"hm")
        assert is_open


def test_of_a_long_answer_four_kilobytes_are_read():
    long = b"x" * 1_000_000
    head = b"HTTP/1.1 400 Bad\r\nContent-Length: 1000000\r\n\r\n"
    answer, is_open = answer_of(head + long)
    assert (answer.status, len(answer.body), is_open) == (400, MOST_READ, False)


def test_a_status_counts_although_its_body_never_comes():
    answer, is_open = answer_of(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n", pause=0.6)
    assert (answer.status, answer.body, is_open) == (201, b"", False)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
        [b"\x00" * 100 + b"\n"],
        [b"HTTP/1.1 abc\r\n\r\n"],
        [b"HTTP/1.1 99999 x\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000],
        [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"],
    ],
)
def test_what_is_no_HTTP_is_no_answer(pieces):
    with pytest.raises(Unanswered, match=r"no HTTP|cannot be reached"):
        answer_of(*pieces)


def test_a_slow_drip_ends_when_the_time_is_over():
    drip = [bytes([byte]) for byte in b"HTTP/1.1 201 Created\r\n"]
    with pytest.raises(Unanswered, match="in time"):
        answer_of(*drip, pause=0.05)


def test_nobody_at_the_address_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unanswered, match="cannot be reached"):
        plain(port)


def test_a_kept_connection_that_breaks_before_any_answer_was_untouched():
    def talk(connection, number):
        request_in(connection)
        connection.sendall(OK)
        request_in(connection)  # and hangs up

    with serving(talk) as (port, _):
        connection = plain(port)
        connection.post("/x", HEADERS, b"", until())
        with pytest.raises(Unanswered) as trouble:
            connection.post("/x", HEADERS, b"", until())
    assert trouble.value.untouched
    assert not connection.is_open


def test_a_fresh_connection_that_breaks_was_not():
    with (
        serving(lambda connection, number: request_in(connection)) as (port, _),
        pytest.raises(Unanswered) as trouble,
    ):
        plain(port).post("/x", HEADERS, b"", until())
    assert not trouble.value.untouched


@pytest.mark.parametrize("unasked", [b"", b"HTTP/1.1 408 Timeout\r\n\r\n"])
def test_a_connection_on_which_something_happened_is_not_used_again(unasked):
    answered, said = threading.Event(), threading.Event()

    def talk(connection, number):
        request_in(connection)
        connection.sendall(OK)
        answered.wait()
        connection.sendall(unasked)
        if not unasked:
            connection.shutdown(socket.SHUT_WR)
        said.set()
        request_in(connection)

    with serving(talk) as (port, _):
        connection = plain(port)
        connection.post("/x", HEADERS, b"", until())
        answered.set()
        said.wait()
        assert not connection.is_usable()
        connection.close()


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def credentials(tmp_path_factory):
    """A root's certificate, and the file with a certificate of its for fcm.googleapis.com."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("fcm.googleapis.com")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    return pem.decode(), file


@pytest.fixture
def tls_service(credentials):
    """Port, and the names that were asked for."""
    asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials[1])
    context.sni_callback = lambda opened, name, _: asked.append(name)

    def talk(connection, number):
        while request_in(connection):
            connection.sendall(OK)

    with serving(talk, lambda accepted: context.wrap_socket(accepted, server_side=True)) as running:
        yield running[0], asked


def test_TLS_asks_for_the_name_and_goes_to_the_address(tls_service, credentials, monkeypatch):
    port, asked = tls_service
    context = ssl.create_default_context(cadata=credentials[0])
    monkeypatch.setattr(socket, "getaddrinfo", None)  # no look-up that could say otherwise
    endpoint = Endpoint("https", "fcm.googleapis.com", port, "/x")
    connection = Connection(endpoint, HERE, context, until())
    for _ in range(2):
        assert connection.post("/x", HEADERS, b"", until()).status == 201
        assert connection.is_usable()
    connection.close()
    assert asked == ["fcm.googleapis.com"]


def test_TLS_without_a_certificate_for_the_name_is_not_spoken(tls_service, credentials):
    port, _ = tls_service
    trusting = ssl.create_default_context(cadata=credentials[0])
    for host, context in (
        ("web.push.apple.com", trusting),
        ("fcm.googleapis.com", ssl.create_default_context()),
    ):
        with pytest.raises(Unanswered, match="TLS cannot be trusted"):
            Connection(Endpoint("https", host, port, "/x"), HERE, context, until())


def test_the_next_address_is_tried_when_one_does_not_answer(credentials, tls_service):
    port, _ = tls_service
    context = ssl.create_default_context(cadata=credentials[0])
    endpoint = Endpoint("https", "fcm.googleapis.com", port, "/x")
    connection = Connection(endpoint, ["::1", "127.0.0.1"], context, until())
    assert connection.post("/x", HEADERS, b"", until()).status == 201
    connection.close()
