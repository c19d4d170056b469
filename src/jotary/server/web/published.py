"""Discovery and the public keys (RFC 8414 §3, OIDC Discovery §4, RFC 7517 §5)."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from jotary.jose import KeySet
from jotary.server.web.documents import Document
from jotary.server.web.headers import CORS, PUBLIC
from jotary.server.web.json_face import json_response
from jotary.server.web.parts import Parts

_JSON: Final = "application/json"


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
        self._metadata = Document(msgspec.json.encode(parts.metadata), media_type=_JSON, headers=self._headers)
        self._keys = parts.signer.public_keys()
        self._jwks = self._document_of(self._keys)

    async def metadata(self, request: Request) -> Response:
        """The discovery document."""
        return self._metadata.response(request)

    async def jwks(self, request: Request) -> Response:
        """The public keys; the document is made anew when a key comes or goes."""
        keys = self._parts.signer.public_keys()
        if keys is not self._keys:
            self._keys, self._jwks = keys, self._document_of(keys)
        return self._jwks.response(request)

    def _document_of(self, keys: KeySet) -> Document:
        return Document(msgspec.json.encode(keys.to_jwks()), media_type=_JSON, headers=self._headers)

    async def health(self, _request: Request) -> Response:
        """The process answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """The process can serve requests; `Unavailable` becomes 503."""
        await self._parts.ready()
        return json_response({"status": "ready"})
