"""What the issuer publishes, fetched when it is needed and kept while it is good (RFC 8414 §3, OIDC Discovery §4)."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

from jotary.client.errors import ClientError, ProtocolError
from jotary.client.refresh import SingleFlight
from jotary.client.transport import IssuerTransport, check_url
from jotary.jose import JOSEError, KeySet, strict_json
from jotary.oauth.metadata import MetadataError, ServerMetadata, check_issuer_url, well_known_urls

#: Seconds that a document is used before it is fetched again.
KEPT_FOR: Final = 600
#: Seconds after a failed fetch, or after a fetch that an unknown `kid` forced, before the next one.
COOL_DOWN: Final = 30

Document = TypeVar("Document")
Clock = Callable[[], int]

_log = logging.getLogger("jotary.client")


class _Kept(Generic[Document]):
    """A document that outlives a failed fetch: an issuer that is down for an hour signs nobody out."""

    def __init__(self, fetch: Callable[[], Awaitable[Document]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._document: Document | None = None
        self._fetched_at = 0
        self._asked_at = 0
        self._good_for = 0  # seconds from then on; by a clock that was set back since, none of them
        self._flights: SingleFlight[None, Document] = SingleFlight()

    async def get(self) -> Document:
        if self._document is not None and self._asked_at <= self._clock() < self._asked_at + self._good_for:
            return self._document
        return await self._flights.run(None, self._fetch_or_keep)

    async def get_newer(self) -> Document:
        """Fetch again although the document is not old, unless that was done a moment ago."""
        if not self._fetched_at <= self._clock() < self._fetched_at + COOL_DOWN:
            self._good_for = 0
        return await self.get()

    async def _fetch_or_keep(self) -> Document:
        try:
            self._document = await self._fetch()
        except ClientError as error:
            if self._document is None:
                raise
            _log.warning("a document of the issuer could not be fetched again; the last good one stays: %s", error)
            self._asked_at, self._good_for = self._clock(), COOL_DOWN
        else:
            self._fetched_at = self._clock()
            self._asked_at, self._good_for = self._fetched_at, KEPT_FOR
        return self._document


class Discovery:
    """The metadata and the keys of one issuer.

    Args:
        issuer: its identifier; the metadata must carry exactly this text.
        transport: carries the requests.
        clock: Unix seconds.

    Raises:
        MetadataError: `issuer` cannot be one.
    """

    def __init__(self, issuer: str, transport: IssuerTransport, clock: Clock) -> None:
        self.issuer = check_issuer_url(issuer)
        self._transport = transport
        self._metadata = _Kept(self._fetch_metadata, clock)
        self._keys = _Kept(self._fetch_keys, clock)

    async def metadata(self) -> ServerMetadata:
        """The issuer's metadata; every endpoint in it is https, or on loopback.

        Raises:
            UnavailableError: it was never fetched, and cannot be now.
            ProtocolError: what stands there is not this issuer's metadata.
        """
        return await self._metadata.get()

    async def keys(self) -> KeySet:
        """The issuer's public keys. Raises as `metadata`."""
        return await self._keys.get()

    async def newer_keys(self) -> KeySet:
        """The keys once more, because a token names one that is not among them. Raises as `metadata`."""
        return await self._keys.get_newer()

    async def _fetch_metadata(self) -> ServerMetadata:
        openid, oauth = well_known_urls(self.issuer)
        document = await self._document(openid, missing_is_none=True) or await self._document(oauth)
        try:
            metadata = ServerMetadata.from_dict(document or {}, issuer=self.issuer)
        except MetadataError as error:
            raise ProtocolError(str(error)) from error
        for endpoint in (
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            metadata.jwks_uri,
            metadata.revocation_endpoint,
            metadata.end_session_endpoint,
        ):
            if endpoint is not None:
                check_url(endpoint)
        return metadata

    async def _fetch_keys(self) -> KeySet:
        jwks_uri = (await self.metadata()).jwks_uri
        if jwks_uri is None:
            raise ProtocolError("the issuer's metadata names no jwks_uri")
        document = await self._document(jwks_uri)
        try:
            return KeySet.from_jwks(document or {})
        except JOSEError as error:
            raise ProtocolError(f"the issuer's keys cannot be read: {error}") from error

    async def _document(self, url: str, *, missing_is_none: bool = False) -> dict[str, Any] | None:
        answer = await self._transport.get(url)
        if answer.status == 404 and missing_is_none:  # noqa: PLR2004 -- not found
            return None
        if answer.status != 200:  # noqa: PLR2004 -- RFC 8414 §3.2
            raise ProtocolError(f"{url} answered with HTTP status {answer.status}")
        try:
            return strict_json.loads_object(answer.body, max_size=len(answer.body))
        except JOSEError as error:
            raise ProtocolError(f"{url} does not hold a JSON object ({error.code})") from error
