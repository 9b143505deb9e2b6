"""What another page in the same browser, or another program on this machine, must not be able to do. Pure but for the
session's secrets.

Another origin can neither read nor act: its requests have no cookie (SameSite), no key (a header, which needs a preflight
that is never answered), and another Origin. A name that resolves to 127.0.0.1 (DNS rebinding) is another Host. Cookies
are shared by all ports of a host, so a server on another port may see ours: it has no key.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

KEY_HEADER = "Taskfleet-Key"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Sent with every answer."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass
class Session:
    """`token` is for the link, once; `cookie` and `key` are for all requests after it."""

    token: str | None = field(default_factory=_secret, repr=False)
    cookie: str = field(default_factory=_secret, repr=False)
    key: str = field(default_factory=_secret, repr=False)

    def open(self, token: object) -> bool:
        """Whether it is the token of the link, which is void from then on."""
        known = self.token is not None and isinstance(token, str) and _same(token, self.token)
        if known:
            self.token = None
        return known

    def admits(self, cookie: str | None, key: str | None) -> bool:
        return cookie is not None and key is not None and _same(cookie, self.cookie) and _same(key, self.key)


def foreign(method: str, headers: Mapping[str, str], *, port: int, data: bool) -> str | None:
    """Why a request does not come from our own page; None: it may. `data`: it reads or acts, and is no part of the page.

    A part of the page is fetched from anywhere, because a link to it may stand in a mail.
    """
    host = headers.get("Host", "")
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        return "This Host is not served here."
    if not data:
        return None if method in ("GET", "HEAD") else "Only GET is possible here."
    origin = headers.get("Origin")
    if origin != f"http://{host}" and (origin is not None or method != "GET"):
        return "Requests of other origins are refused."
    if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return "Requests of other sites are refused."
    return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
