"""Discovery and the public keys (RFC 8414 §3, OIDC Discovery §4, RFC 7517 §5)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from jotary.server.flows.endpoints import REVOCATIONS, endpoint_url
from jotary.server.web.documents import Document
from jotary.server.web.headers import CORS, PUBLIC
from jotary.server.web.json_face import json_response
from jotary.server.web.parts import Parts
from jotary.tokens.revocation_feed import feed_link


class Published:
    """What everybody may read."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._headers = {
            **PUBLIC,
            **CORS,
            # No longer than a new key is announced before its first use, or a reader could meet a token that it has
            # no key for (design §6.2).
            "Cache-Control": f"public, max-age={parts.settings.jwks_max_age}",
        }
        # Who has the keys needs the feed, too; the metadata's members are all registered ones (RFC 8414 §2), and some
        # who read them take no others (docs/decisions, "The keys link to the feed").
        self._jwks_headers = {**self._headers, "Link": feed_link(endpoint_url(parts.settings.issuer, REVOCATIONS))}
        self._metadata = self._document_of(parts.documents.discovery(), self._headers)
        self._jwks = self._document_of(parts.documents.jwks(), self._jwks_headers)

    async def metadata(self, request: Request) -> Response:
        """The discovery document."""
        self._metadata = self._current(self._metadata, self._parts.documents.discovery(), self._headers)
        return self._metadata.response(request)

    async def jwks(self, request: Request) -> Response:
        """The public keys."""
        self._jwks = self._current(self._jwks, self._parts.documents.jwks(), self._jwks_headers)
        return self._jwks.response(request)

    def _current(self, document: Document, body: bytes, headers: Mapping[str, str]) -> Document:
        """The document, made anew when its bytes are others: a key has come or gone."""
        return document if document.body is body else self._document_of(body, headers)

    def _document_of(self, body: bytes, headers: Mapping[str, str]) -> Document:
        return Document(body, media_type="application/json", headers=headers)

    async def health(self, _request: Request) -> Response:
        """The process answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """The process can serve requests; `Unavailable` becomes 503."""
        await self._parts.ready()
        return json_response({"status": "ready"})
