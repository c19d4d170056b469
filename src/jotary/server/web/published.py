"""Discovery and the public keys (RFC 8414 §3, OIDC Discovery §4, RFC 7517 §5)."""

from starlette.requests import Request
from starlette.responses import Response

from jotary.server.web.documents import Document
from jotary.server.web.headers import CORS, PUBLIC
from jotary.server.web.json_face import json_response
from jotary.server.web.parts import Parts


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
        self._metadata = self._document_of(parts.documents.discovery())
        self._jwks = self._document_of(parts.documents.jwks())

    async def metadata(self, request: Request) -> Response:
        """The discovery document."""
        self._metadata = self._current(self._metadata, self._parts.documents.discovery())
        return self._metadata.response(request)

    async def jwks(self, request: Request) -> Response:
        """The public keys."""
        self._jwks = self._current(self._jwks, self._parts.documents.jwks())
        return self._jwks.response(request)

    def _current(self, document: Document, body: bytes) -> Document:
        """The document, made anew when its bytes are others: a key has come or gone."""
        return document if document.body is body else self._document_of(body)

    def _document_of(self, body: bytes) -> Document:
        return Document(body, media_type="application/json", headers=self._headers)

    async def health(self, _request: Request) -> Response:
        """The process answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """The process can serve requests; `Unavailable` becomes 503."""
        await self._parts.ready()
        return json_response({"status": "ready"})
