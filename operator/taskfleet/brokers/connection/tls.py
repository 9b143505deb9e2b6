"""TLS to a broker: a context out of PEM texts, and what is wrong where a handshake fails."""

import os
import re
import ssl
from collections.abc import Iterator

from taskfleet.brokers.connection.target import Tls

_UNKNOWN_CA = "The server's certificate is signed by an unknown CA."
_OTHER_NAME = "The server's certificate is not valid for the host of the URL."
# OpenSSL's codes: openssl/x509_vfy.h.
_REFUSED = {
    9: "The server's certificate is not valid yet.",
    10: "The server's certificate has expired.",
    18: _UNKNOWN_CA,
    19: _UNKNOWN_CA,
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
_NO_CERTIFICATE = "The server requires a client certificate."
_OUR_CERTIFICATE = "The server rejects the client certificate."
# What a server says in the names that OpenSSL has for TLS alerts, and what its own errors are called.
_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _NO_CERTIFICATE,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "The server rejects the handshake. It may require a client certificate.",
    "TLSV1_ALERT_UNKNOWN_CA": _OUR_CERTIFICATE,
    "SSLV3_ALERT_BAD_CERTIFICATE": _OUR_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _OUR_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _OUR_CERTIFICATE,
}
# A peer that does not speak TLS may not be a broker; nothing is said about it.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING")


def tls_context(tls: Tls) -> ssl.SSLContext:
    """The context of a client. Raises ssl.SSLError for invalid certificates or keys, or if they do not match."""
    context = ssl.create_default_context(cadata=None if tls.ca is None else _certificates(tls.ca))
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None and tls.key is not None:
        _load(context, f"{tls.certificate}\n{tls.key}\n")
    return context


def _certificates(text: str) -> str:
    """The certificates without what stands between them, in whatever language."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    if not found:
        raise ssl.SSLError("no certificate")  # an empty text would mean the system's CAs
    return "\n".join(found)


def _load(context: ssl.SSLContext, chain: str) -> None:
    """Python takes certificates from files only, and a key should be in none: this one is in memory."""
    descriptor = os.memfd_create("taskfleet-client-certificate")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(chain.encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
    finally:
        os.close(descriptor)


def tls_failure(error: BaseException) -> str | None:
    """A sentence where TLS is why `error` came about; no text of the server's is in it."""
    for each in chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _REFUSED.get(
                each.verify_code, f"The server's certificate is not valid (code {each.verify_code})."
            )
        if isinstance(each, ssl.SSLError) and each.reason in _NO_TLS:
            return None
        if isinstance(each, ssl.SSLError):
            return _ALERTS.get(each.reason or "", f"The TLS handshake failed ({each.reason}).")
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, each once: one that a library raises again may be its own cause."""
    told: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None and not any(seen is each for each in told):
        told.append(seen)
        yield seen
        seen = seen.__cause__ or seen.__context__
