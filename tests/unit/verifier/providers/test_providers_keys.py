"""Keys as the providers publish them: with an issuer of their own, as certificates, and beside others'."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from jotary import InvalidToken, TokenVerifier
from jotary.jose import JOSEError, Key, strict_json
from jotary.testing import Fault, LoopbackIssuer
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.key_documents import key_issuer, read_keys
from jotary.verifier.keys import lost_a_key

ONE, TWO = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "82229342-1101-4ab6-817b-70c0747630f3"
ANY = "https://login.microsoftonline.com/{tenantid}/v2.0"
JWK = Key.generate("RS256", kid="k1")


def issuer_of(tenant: str) -> str:
    """As v2.0 tokens say it."""
    return ANY.replace("{tenantid}", tenant)


@pytest.fixture
def loopback() -> Iterator[LoopbackIssuer]:
    """Serves the keys."""
    with LoopbackIssuer() as issuer:
        yield issuer


Entra = Callable[..., TokenVerifier]


@pytest.fixture
def entra(desk: Any, loopback: LoopbackIssuer) -> Entra:
    """A verifier of many tenants, or of one, whose one key names this issuer."""

    def make(own: object = ANY, tenant: str = "common", **settings: Any) -> TokenVerifier:
        entry = {**desk.key.public().to_jwk(), "issuer": own}
        loopback.faults[loopback.jwks_path] = Fault(
            body=strict_json.dumps({"keys": [{name: value for name, value in entry.items() if value is not None}]})
        )
        return TokenVerifier.for_provider(
            "entra",
            tenant=tenant,
            audience="https://api.example",
            jwks_uri=loopback.origin + loopback.jwks_path,
            clock=desk.clock,
            **settings,
        )

    return make


def claim_of(verifier: TokenVerifier, token: str) -> str:
    """The check that refuses it."""
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token)
    return caught.value.claim


def test_tokens_of_every_tenant_are_taken_for_their_own(desk: Any, entra: Entra) -> None:
    """The principal has the issuer of its tenant: `sub` means nothing without it."""
    verifier = entra()
    for tenant in (ONE, TWO):
        text = desk.token("entra", iss=issuer_of(tenant), tid=tenant)
        assert verifier.verify(text).issuer == issuer_of(tenant)
    assert verifier.verify(desk.token("entra", tid=None)).issuer == issuer_of(ONE)


@pytest.mark.parametrize(
    "issuer",
    [
        issuer_of(""),
        issuer_of("common"),
        issuer_of(ONE.upper()),
        issuer_of(f"{ONE}/x"),
        issuer_of(ONE) + "/",
        ANY,
        issuer_of(ONE).replace("https", "http"),
        f"https://evil.example/{ONE}/v2.0",
        f"https://login.microsoftonline.com/{ONE}",
        f"{issuer_of(ONE)}\n",
    ],
)
def test_an_issuer_of_another_form_is_no_tenant(desk: Any, entra: Entra, issuer: str) -> None:
    """What stands for `{tenantid}` is a GUID, and nothing else differs."""
    assert claim_of(entra(), desk.token("entra", iss=issuer)) == "iss"


def test_issuer_and_tenant_must_be_the_same(desk: Any, entra: Entra) -> None:
    """`tid` says what `iss` says."""
    assert claim_of(entra(), desk.token("entra", tid=TWO)) == "tid"


def test_tenants_can_be_listed(desk: Any, entra: Entra) -> None:
    """Then no other one is let in."""
    verifier = entra(tenants=[TWO])
    assert claim_of(verifier, desk.token("entra")) == "iss"
    verifier.verify(desk.token("entra", iss=issuer_of(TWO), tid=TWO))


@pytest.mark.parametrize("own", [issuer_of(TWO), "https://evil.example/{tenantid}", None, 7])
def test_a_key_of_one_tenant_signs_for_no_other(desk: Any, entra: Entra, own: object) -> None:
    """The key's own `issuer` must be there, and fit."""
    assert claim_of(entra(own), desk.token("entra")) == "iss"
    entra(issuer_of(ONE)).verify(desk.token("entra"))


def test_a_key_of_another_tenant_does_not_sign_for_a_single_one(desk: Any, entra: Entra) -> None:
    """There the member may be absent, but not another tenant's."""
    entra(None, tenant=ONE).verify(desk.token("entra"))
    entra(ANY, tenant=ONE).verify(desk.token("entra"))
    assert claim_of(entra(issuer_of(TWO), tenant=ONE), desk.token("entra")) == "iss"


def test_a_token_that_names_no_key_is_refused_where_keys_have_issuers(desk: Any, entra: Entra) -> None:
    """Or the one fitting key would be taken without asking whose it is."""
    for verifier in (entra(), entra(issuer_of(TWO), tenant=ONE)):
        assert claim_of(verifier, desk.token("entra", header={"kid": None})) == "kid"


def test_a_key_that_changes_its_issuer_counts_as_changed() -> None:
    """What was verified with it is verified anew."""
    profile = TokenProfile(key_issuer="required")
    entry = JWK.public().to_jwk()
    before, after = (read_keys({"keys": [{**entry, "issuer": issuer_of(tenant)}]}, profile) for tenant in (ONE, TWO))
    assert (key_issuer(before, "k1"), key_issuer(before, None)) == (issuer_of(ONE), None)
    assert lost_a_key(before, after)


def certificate(key: Key) -> str:
    """A self-signed certificate of the key."""
    private = load_pem_private_key(key.to_pem(private=True).encode(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "securetoken.system.gserviceaccount.com")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())  # type: ignore[arg-type]  # of RSA
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=16))
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()  # type: ignore[arg-type]  # of RSA


def test_keys_are_read_from_certificates(desk: Any, loopback: LoopbackIssuer) -> None:
    """Firebase: an object from kid to certificate, fetched when the first token comes."""
    body = strict_json.dumps({"k1": certificate(desk.key), "other": certificate(JWK)})
    loopback.faults[loopback.jwks_path] = Fault(body=body)
    uri = loopback.origin + loopback.jwks_path
    verifier = TokenVerifier.for_provider("firebase", project_id="todo-1234", jwks_uri=uri, clock=desk.clock)
    assert verifier.verify(desk.token("firebase")).subject == "s"
    assert claim_of(verifier, desk.token("firebase", header={"kid": "other"})) == "signature"


@pytest.mark.parametrize("value", ["", "x", 7, None, {"a": 1}, "x" * 70_000, JWK.to_pem(), JWK.to_pem(private=True)])
def test_what_is_no_certificate_is_ignored(value: Any) -> None:
    """One bad entry spoils no other one, and a private key is never taken."""
    profile = TokenProfile(key_format="certificates")
    keys = read_keys({"bad": value, "good": certificate(JWK)}, profile)
    assert [key.kid for key in keys] == ["good"]
    assert [ignored.kid for ignored in keys.ignored] == ["bad"]


def test_a_jwk_set_is_no_map_of_certificates() -> None:
    """Nor the other way round: what was asked for is what is read."""
    document = {"keys": [JWK.public().to_jwk()]}
    assert len(read_keys(document, TokenProfile(key_format="certificates"))) == 0
    assert len(read_keys(document, TokenProfile())) == 1
    assert len(read_keys(document, TokenProfile(key_ids=frozenset({"other"})))) == 0
    with pytest.raises(JOSEError):
        read_keys({"k1": certificate(JWK)}, TokenProfile())
