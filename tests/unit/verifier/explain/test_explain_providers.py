"""An explanation by a provider's rules says what `TokenVerifier.for_provider` does, check by check."""

from functools import cache
from typing import Any

import pytest

from jotary import InvalidToken, TokenVerifier
from jotary.jose import Key, KeySet, base64url, strict_json
from jotary.testing import FrozenClock, TestIssuer
from jotary.testing.provider_shapes import SHAPES
from jotary.verifier import providers
from jotary.verifier.explain import Circumstances, Explanation, explain
from jotary.verifier.explain.profiled import rows_of
from jotary.verifier.explain.providers import recognise
from jotary.verifier.key_documents import read_keys

CLOCK = FrozenClock()
NOW = CLOCK.now
KEY = Key.generate("RS256", kid="k1")
OTHER_TENANT = "82229342-1101-4ab6-817b-70c0747630f3"
#: Settings beside the example's, so that every check of a provider is there.
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {("google", ""): {"hosted_domain": "example.com"}}
EXTRA: dict[tuple[str, str], dict[str, Any]] = {("google", ""): {"hd": "example.com"}}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    *((provider, variant, SETTINGS.get((provider, variant), {})) for provider, variant in SHAPES),
    ("entra", "", {"tenant": "common"}),
    ("keycloak", "", {"roles_of": "todo-api"}),
    ("firebase", "", {"key_format": "jwks"}),
]

#: A claim that breaks its check; for every other claim a number does.
BROKEN: dict[str, Any] = {
    "iss": "https://evil.example/",
    "aud": "https://other.example",
    "exp": NOW - 5,
    "nbf": NOW + 6,
    "iat": NOW + 6,
    "auth_time": NOW + 6,
    "ver": "0.9",
    "token_use": "refresh",
    "hd": "evil.example",
    "tid": OTHER_TENANT,
    **dict.fromkeys(("nonce", "at_hash", "c_hash"), "x"),
}


@cache
def issuer(provider: str, variant: str, settings: tuple[tuple[str, Any], ...]) -> TestIssuer:
    """With the one key."""
    made = TestIssuer.for_provider(provider, variant=variant, clock=CLOCK, **dict(settings))
    made.signing_key = KEY
    made._published = [KEY]
    return made


class Case:
    """A provider's issuer, its verifier, and what an explanation must know to say the same."""

    def __init__(self, provider: str, variant: str, settings: dict[str, Any]) -> None:
        self.issuer = issuer(provider, variant, tuple(settings.items()))
        self.extra = EXTRA.get((provider, variant), {})
        decided = providers.options(provider, self.issuer.settings)
        self.profile = decided["profile"]
        self.document = self.issuer.keys_document()
        audience = decided["audience"]
        self.circumstances: dict[str, Any] = {
            "issuer": decided["issuer"],
            "audiences": frozenset([audience] if isinstance(audience, str) else audience),
            "algorithms": frozenset(decided["algorithms"]),
            "profile": self.profile,
        }
        self.provider = provider

    def keys(self) -> KeySet:
        """As they are published."""
        return read_keys(self.document, self.profile)

    def token(self, **changed: Any) -> str:
        """Good but for these claims."""
        head, payload, _ = self.issuer.token(scopes=["todo:read"]).split(".")
        header = strict_json.loads_object(base64url.decode(head))
        claims = {**strict_json.loads_object(base64url.decode(payload)), **self.extra, **changed}
        return self.issuer.sign(strict_json.dumps(claims), header={name: header.get(name) for name in ("typ", "x5t")})

    def said_by_verifier(self, token: str) -> str | None:
        """The claim by which the verifier refuses; None if it accepts."""
        settings = {**self.issuer.settings, "keys": self.keys(), "clock": CLOCK}
        try:
            TokenVerifier.for_provider(self.provider, **settings).verify(token)
        except InvalidToken as error:
            return error.claim
        return None

    def explained(self, token: str) -> Explanation:
        """The other one of the two."""
        return explain(token, Circumstances(keys=self.keys(), **self.circumstances), NOW)

    def corpus(self) -> dict[str, str]:
        """By the check that it breaks: a token of this provider with one mutation."""
        good = self.token()
        head, payload, signature = good.split(".")
        forged = self.issuer.sign(base64url.decode(payload), key=Key.generate("RS256", kid="k1"))
        header = strict_json.loads_object(base64url.decode(head))
        made = {
            "size": self.token(padding="x" * 9000),
            "form": f"{head}.{payload}",
            "header_base64url": f"{head}=.{payload}.{signature}",
            "header_json": f"{base64url.encode(b'[]')}.{payload}.{signature}",
            "header": f"{base64url.encode(b'{}')}.{payload}.{signature}",
            "crit": self._headed(header, crit=["exp"], exp=1),
            "payload_base64url": f"{head}.{payload}=.{signature}",
            "signature_base64url": f"{good}=",
            "b64": self._headed(header, b64=False, crit=["b64"]),
            "alg": self._headed(header, alg="HS256"),
            "kid": self._headed(header, kid="unknown"),
            "signature": f"{head}.{payload}.{forged.split('.')[2]}",
            "payload_json": self.issuer.sign(b"[]", header={"typ": header.get("typ")}),
            "typ": self.issuer.sign(base64url.decode(payload), header={"typ": "logout+jwt"}),
        }
        for name in rows_of(self.profile):
            if name not in made and name not in {"key_issuer", "revoked"}:
                made[name] = self._broken(name)
        return {name: made[name] for name in rows_of(self.profile) if name in made}

    def _headed(self, header: dict[str, Any], **changed: Any) -> str:
        """A changed header; the signature does not matter, as the check stands before it."""
        _, payload, signature = self.token().split(".")
        return f"{base64url.encode(strict_json.dumps({**header, **changed}))}.{payload}.{signature}"

    def _broken(self, name: str) -> str:
        if name == "aud":
            return self.token(**{self.profile.audience_claim: BROKEN["aud"]})
        if name == "client":
            return self.token(**self._two_clients())
        return self.token(**{name.removesuffix("_claim"): BROKEN.get(name, 7)})

    def _two_clients(self) -> dict[str, Any]:
        """A client that is no name; where `aud` names it, two of them."""
        (first, *_) = [claim for claim in self.profile.client_claims if f'"{claim}"' in self.payload()]
        return {"aud": [self.issuer.audience, "other"]} if first == "aud" else {first: 7}

    def payload(self) -> str:
        """Of the good token, as text."""
        return base64url.decode(self.token().split(".")[1]).decode()

    def names(self, check: str, claim: str | None) -> bool:
        """Whether the verifier's word for it is that of the check."""
        if check == "client":
            return claim in {*self.profile.client_claims, "aud"}
        return claim == CLAIM_OF.get(check, check)


#: What `InvalidToken.claim` says for a check, where that is not the check's own name.
CLAIM_OF = {
    **dict.fromkeys(
        [
            *("size", "form", "header_base64url", "header_json", "header"),
            *("payload_base64url", "signature_base64url", "b64", "payload_json"),
        ],
        "token",
    ),
    "typ_claim": "typ",
    "key_issuer": "iss",
}


@pytest.fixture(params=CASES, ids=[f"{provider} {variant} {settings}" for provider, variant, settings in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    """Each provider, each kind of its tokens, and settings that change the checks."""
    return Case(*request.param)


def failed(explanation: Explanation) -> list[str]:
    """The names of the checks that failed."""
    return [check.name for check in explanation.checks if check.verdict == "failed"]


def test_a_good_token_passes_every_check_of_its_provider(case: Case) -> None:
    """And none of them is left undecided but for the feed, which no other provider has."""
    explanation = case.explained(case.token())
    assert (explanation.verdict, case.said_by_verifier(case.token())) == ("accepted", None)
    assert {check.name for check in explanation.checks if check.verdict != "passed"} == {"revoked"}
    assert [check.name for check in explanation.checks] == list(rows_of(case.profile))


def test_the_broken_check_is_the_one_that_the_verifier_names(case: Case) -> None:
    """One mutation for each check: it is named, nothing else fails beside it, and the verifier refuses for the same."""
    for name, token in case.corpus().items():
        explanation = case.explained(token)
        if name == case.profile.audience_claim:  # Cognito: `client_id` stands for the audience, looked at first
            assert failed(explanation) == ["aud", *({name} - {"aud"})]
            continue
        assert failed(explanation) == [name]
        refused_by = explanation.refused_by
        assert refused_by is not None
        assert refused_by.expected, name
        assert refused_by.standard, name
        assert refused_by.change, name
        assert case.names(name, case.said_by_verifier(token)), name


def test_whatever_is_wrong_with_a_claim_the_verdict_is_the_verifiers(case: Case) -> None:
    """Also of claims that the explanation might not know of: a check that only one of the two makes is found here."""
    payload = strict_json.loads_object(base64url.decode(case.token().split(".")[1]))
    for name in sorted({*payload, "nbf", "sid", "jti", "auth_time", "nonce", "at_hash", "c_hash", "hd", "tid", "typ"}):
        for value in (None, 7, "", "x", [], ["x"], {"roles": [""]}, NOW + 6, NOW - 5, 1e300, "s" * 129):
            token = case.token(**{name: value})
            refused_by = case.explained(token).refused_by
            said = case.said_by_verifier(token)
            assert said is None if refused_by is None else case.names(refused_by.name, said), (name, value)


def test_two_mutations_at_once_are_named_by_the_first(case: Case) -> None:
    """One order in both places."""
    names = [name for name in rows_of(case.profile) if name in {*BROKEN, "sub", "sid", "azp", "scp", "scope", "roles"}]
    for first in names:
        for second in names:
            if first != second:
                broken = {name: BROKEN.get(name, 7) for name in (first, second)}
                if "aud" in broken:
                    broken[case.profile.audience_claim] = broken.pop("aud")
                token = case.token(**broken)
                refused_by = case.explained(token).refused_by
                assert refused_by is not None
                assert case.names(refused_by.name, case.said_by_verifier(token)), (first, second)


@pytest.mark.parametrize("own", [f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0", None])
def test_a_key_of_another_tenant_is_a_check_of_its_own(own: str | None) -> None:
    """Entra publishes with each key for whom it signs."""
    case = Case("entra", "", {"tenant": "common"})
    (entry,) = case.document["keys"]
    case.document = {"keys": [{**entry, "issuer": own} if own else {k: v for k, v in entry.items() if k != "issuer"}]}
    assert failed(case.explained(case.token())) == ["key_issuer"]
    assert case.said_by_verifier(case.token()) == "iss"
    assert case.explained(case.token()).verdict == "refused"


def unsigned(case: Case, alg: str = "none") -> str:
    """As the emulator writes it."""
    return f"{base64url.encode(strict_json.dumps({'alg': alg, 'typ': 'JWT'}))}.{case.token().split('.')[1]}."


def test_tokens_of_an_emulator_are_taken_unsigned_and_no_others() -> None:
    """By the same switch, with neither key nor signature to check."""
    decided = providers.options("firebase", {"project_id": "todo-1234", "accept_unsigned_tokens_of_the_emulator": True})
    case = Case("firebase", "", {})
    case.circumstances["profile"] = case.profile = decided["profile"]
    case.document = {}
    assert not {"kid", "signature"} & set(rows_of(case.profile))
    verifier = TokenVerifier.for_provider(
        "firebase", project_id="todo-1234", accept_unsigned_tokens_of_the_emulator=True, clock=CLOCK
    )
    assert verifier.verify(unsigned(case)).subject == "person-1"
    assert case.explained(unsigned(case)).verdict == "accepted"
    for text in (case.token(), unsigned(case) + case.token().split(".")[2], unsigned(case, "RS256")):
        assert failed(case.explained(text)) == ["alg"]


def test_what_kind_of_jwt_it_is_only_the_checks_say(case: Case) -> None:
    """An ID token of Google is what the API wants; the words of RFC 9068 would send it away."""
    kind = case.explained(case.token()).kind
    assert kind.name in {"provider_jwt", "access_token"}


def test_a_provider_is_recognised_by_its_own_tokens(case: Case) -> None:
    """A hint, by the form of the issuer; FusionAuth's may be any text."""
    names = {
        "auth0": "Auth0",
        "okta": "Okta",
        "keycloak": "Keycloak",
        "fusionauth": "FusionAuth",
        "entra": "Microsoft Entra ID",
        "cognito": "Amazon Cognito",
        "google": "Google",
        "firebase": "Firebase Authentication",
    }
    provider = case.explained(case.token()).provider
    assert provider is not None
    assert provider.name == names[case.provider]


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"iss": "https://token.actions.githubusercontent.com"}, "GitHub Actions"),
        ({"iss": "https://token.actions.githubusercontent.com/octo"}, "GitHub Actions"),
        ({"iss": "https://token.actions.githubusercontent.com.evil.example"}, None),
        (
            {"iss": "https://ghes.example/_services/token", "repository_owner": "o", "job_workflow_ref": "r"},
            "GitHub Actions",
        ),
        ({"iss": "https://kubernetes.default.svc"}, "Kubernetes"),
        ({"iss": "https://kubernetes.default.svc.cluster.local"}, "Kubernetes"),
        ({"iss": "https://kubernetes.default.svcevil.example"}, None),
        ({"iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/A", "kubernetes.io": {}}, "Kubernetes"),
        ({"iss": "https://x.clerk.accounts.dev"}, "Clerk"),
        ({"iss": "https://clerk.example.com", "fva": [7, -1], "sid": "s"}, "Clerk"),
        ({"iss": "https://abc.supabase.co/auth/v1"}, "Supabase"),
        ({"iss": "https://login.partner.microsoftonline.cn/x/v2.0"}, "Microsoft Entra ID"),
        ({"iss": "https://sts.chinacloudapi.cn/x/"}, "Microsoft Entra ID"),
        ({"iss": "https://contoso.b2clogin.com/x/v2.0/"}, "Microsoft Entra ID"),
        ({"iss": "https://session.firebase.google.com/x"}, "Firebase Authentication"),
        ({"iss": "https://gitlab.example", "namespace_path": "a", "project_path": "a/b"}, "GitLab"),
        ({"iss": "https://cognito-idp.cn-north-1.amazonaws.com.cn/x"}, "Amazon Cognito"),
        ({"iss": "https://gitlab.com\n"}, None),
        ({"iss": 7}, None),
    ],
)
def test_issuers_are_recognised_by_what_their_documentation_says(claims: dict[str, Any], name: str | None) -> None:
    """The pages stand beside each row."""
    provider = recognise(claims)
    assert (None if provider is None else provider.name) == name
