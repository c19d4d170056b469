"""What the issuer publishes: fetched when needed, kept while good, never another's."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from jotary.client.discovery import Discovery
from jotary.client.errors import ProtocolError, UnavailableError
from jotary.client.transport import IssuerTransport
from jotary.jose import Key, KeySet
from jotary.oauth.metadata import MetadataError
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer

pytestmark = pytest.mark.anyio

METADATA = "https://id.example/.well-known/openid-configuration"
JWKS = "https://id.example/jwks"

MakeTransport = Callable[[httpx2.AsyncBaseTransport], IssuerTransport]


@pytest.fixture
def discovery(
    network: "Network", issuer: "SmallIssuer", clock: FrozenClock, issuer_transport: MakeTransport
) -> Discovery:
    """The small issuer, as a client discovers it."""
    return Discovery("https://id.example", issuer_transport(network), clock)


class Documents(httpx2.AsyncBaseTransport):
    """Documents by URL; what is not there is 404."""

    def __init__(self, **documents: Any) -> None:
        self.documents = documents
        self.status = 200

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer with the document."""
        found = self.documents.get(request.url.path)
        body = found if isinstance(found, bytes) else (httpx2.Response(200, json=found).content if found else b"")
        return httpx2.Response(self.status if found else 404, stream=httpx2.ByteStream(body))


async def test_metadata_is_fetched_once_and_again_after_ten_minutes(
    discovery: Discovery, network: "Network", clock: FrozenClock
) -> None:
    """A sign-in costs no discovery; a change at the issuer is seen soon."""
    await discovery.metadata()
    clock.advance(599)
    await discovery.metadata()
    assert network.count(METADATA) == 1
    clock.advance(1)
    await discovery.metadata()
    assert network.count(METADATA) == 2


async def test_a_clock_that_is_set_back_prolongs_nothing(
    discovery: Discovery, network: "Network", clock: FrozenClock
) -> None:
    """Keys that the issuer replaces meanwhile would be unknown until the clock is where it was."""
    await discovery.keys()
    clock.advance(-3600)
    await discovery.keys()
    assert network.count(JWKS) == 2
    clock.advance(-3600)
    await discovery.newer_keys()
    assert network.count(JWKS) == 3
    clock.advance(29)
    await discovery.newer_keys()
    assert network.count(JWKS) == 3


async def test_many_who_need_it_at_once_fetch_it_once(discovery: Discovery, network: "Network") -> None:
    """A start under load is one request to the issuer."""
    await asyncio.gather(*(discovery.keys() for _ in range(20)))
    assert network.count(METADATA) == 1
    assert network.count(JWKS) == 1


async def test_what_was_good_stays_good_while_the_issuer_is_down(
    discovery: Discovery, network: "Network", clock: FrozenClock
) -> None:
    """And the issuer is asked again only every half minute."""
    first = await discovery.keys()
    clock.advance(600)
    for fault in (httpx2.ConnectError("down"), 500, 404):
        network.fail(JWKS, fault)
        assert await discovery.keys() is first
        assert await discovery.keys() is first
        clock.advance(30)
    assert network.count(JWKS) == 1 + 3
    assert await discovery.keys() is not first


async def test_an_issuer_that_was_never_reached_is_unavailable(discovery: Discovery, network: "Network") -> None:
    """And is asked again at once by whoever comes next."""
    network.fail(METADATA, httpx2.ConnectError("down"))
    with pytest.raises(UnavailableError):
        await discovery.metadata()
    assert (await discovery.metadata()).issuer == "https://id.example"


async def test_newer_keys_are_fetched_at_most_every_half_minute(
    discovery: Discovery, network: "Network", clock: FrozenClock
) -> None:
    """A token with an invented kid must not become a load on the issuer."""
    await discovery.keys()
    for _ in range(3):
        await discovery.newer_keys()
    assert network.count(JWKS) == 1
    clock.advance(30)
    for _ in range(3):
        await discovery.newer_keys()
    assert network.count(JWKS) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://id.example/"},
        {"issuer": "https://ID.example"},
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://id.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "http://10.0.0.1/jwks"},
        {"revocation_endpoint": "https://user@id.example/revoke"},
        {"end_session_endpoint": "ftp://id.example"},
        {"token_endpoint": ["https://id.example/token"]},
    ],
)
async def test_metadata_that_must_not_be_used_is_refused(
    discovery: Discovery, issuer: "SmallIssuer", changes: dict[str, Any]
) -> None:
    """RFC 8414 §3.3: the issuer byte for byte; and no endpoint to which a secret would travel in the clear."""
    issuer.metadata.update(changes)
    with pytest.raises(ProtocolError):
        await discovery.metadata()


@pytest.mark.parametrize("status", [203, 301, 302, 403])
async def test_only_a_document_that_is_there_is_read(
    clock: FrozenClock, issuer_transport: MakeTransport, status: int
) -> None:
    """RFC 8414 §3.2: 200. What comes with another status is somebody else's, however it looks."""
    documents = Documents(**{"/.well-known/openid-configuration": {"issuer": "https://id.example"}})
    documents.status = status
    with pytest.raises(ProtocolError, match=str(status)):
        await Discovery("https://id.example", issuer_transport(documents), clock).metadata()


@pytest.mark.parametrize("jwks", [b"", b"[]", b'{"keys":{}}', b"<html>"])
async def test_keys_that_are_none_are_refused(clock: FrozenClock, issuer_transport: MakeTransport, jwks: bytes) -> None:
    """RFC 7517 §5."""
    metadata = {"issuer": "https://id.example", "jwks_uri": JWKS}
    documents = Documents(**{"/.well-known/openid-configuration": metadata, "/jwks": jwks})
    with pytest.raises(ProtocolError):
        await Discovery("https://id.example", issuer_transport(documents), clock).keys()


async def test_the_path_of_rfc_8414_is_tried_when_there_is_no_openid_document(
    clock: FrozenClock, issuer_transport: MakeTransport
) -> None:
    """RFC 8414 §3.1: the well-known part stands before the issuer's own path."""
    metadata = {"issuer": "https://id.example/tenant", "jwks_uri": JWKS}
    keys = KeySet([Key.generate("ES256", kid="k")]).to_jwks()
    documents = Documents(**{"/.well-known/oauth-authorization-server/tenant": metadata, "/jwks": keys})
    discovery = Discovery("https://id.example/tenant", issuer_transport(documents), clock)
    assert (await discovery.metadata()).issuer == "https://id.example/tenant"
    assert len(await discovery.keys()) == 1


async def test_an_issuer_without_keys_cannot_sign_anybody_in(
    clock: FrozenClock, issuer_transport: MakeTransport
) -> None:
    """Its ID tokens could not be checked."""
    documents = Documents(**{"/.well-known/openid-configuration": {"issuer": "https://id.example"}})
    with pytest.raises(ProtocolError, match="jwks_uri"):
        await Discovery("https://id.example", issuer_transport(documents), clock).keys()


@pytest.mark.parametrize("issuer", ["http://id.example", "https://id.example?x", "https://id.example#x", "id.example"])
async def test_what_cannot_be_an_issuer_is_refused_at_the_start(
    clock: FrozenClock, issuer_transport: MakeTransport, issuer: str
) -> None:
    """RFC 8414 §2."""
    with pytest.raises(MetadataError):
        Discovery(issuer, issuer_transport(Documents()), clock)
