"""Access tokens: every claim is checked, and the failed one is named (RFC 9068 §4)."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jotary.tokens.access_token import AccessToken, access_token_claims, check_access_token, check_one_by_one
from jotary.tokens.errors import TokenError

NOW = 1_800_000_000
ISSUER = "https://id.example.com"
API = "https://todo.example.com"


BAD: dict[str, list[Any]] = {
    "iss": [None, "", 7, ISSUER + "/", ISSUER.upper(), [ISSUER]],
    "aud": [None, "", 7, [], [7], [API, 7], {API: 1}, API + "/", [[API]], "https://other.example"],
    "exp": [None, "", "1900000000", True, [], NOW - 5, -1, 2**53, float("inf")],
    "iat": [None, "", True, [], NOW + 6, 2**60],
    "nbf": ["", True, [], NOW + 6],
    "sub": [None, "", 7, ["alice"]],
    "client_id": [None, "", 7, ["web"]],
    "jti": [None, "", 7],
    "scope": [7, ["todo:read"], "a  b", 'a"', {"a": 1}],
    "sid": [7, "", ["s1"]],
}


def claims(**changes: Any) -> dict[str, Any]:
    """A sound token's claims with some changed; None removes one."""
    sound = access_token_claims(
        issuer=ISSUER,
        subject="alice",
        audience=[API],
        client_id="web",
        scopes=("todo:read", "todo:write"),
        session_id="s1",
        jti="j1",
        now=NOW,
        lifetime=300,
        authenticated_at=NOW - 10,
        methods=("pwd",),
    )
    return {name: value for name, value in (sound | changes).items() if value is not None}


def check(candidate: dict[str, Any], *, now: int = NOW, audience: str | list[str] = API) -> AccessToken:
    """Check as the ToDo API does."""
    return check_access_token(candidate, issuer=ISSUER, audience=audience, now=now, leeway=5)


def test_a_sound_token_passes() -> None:
    """RFC 9068 §2.2."""
    token = check(claims())
    assert (token.subject, token.client_id, token.session_id, token.jti) == ("alice", "web", "s1", "j1")
    assert token.scopes == {"todo:read", "todo:write"}
    assert (token.issued_at, token.expires_at, token.audience) == (NOW, NOW + 300, (API,))
    assert token.claims["auth_time"] == NOW - 10
    assert token.claims["amr"] == ["pwd"]


def test_one_of_several_audiences_is_enough() -> None:
    """RFC 7519 §4.1.3, in both directions."""
    assert check(claims(aud=["other", API])).audience == ("other", API)
    assert check(claims(), audience=["other", API]).audience == (API,)


def test_several_resources_become_a_list() -> None:
    """RFC 9068 §3."""
    several = access_token_claims(
        issuer=ISSUER,
        subject="c",
        audience=[API, "b"],
        client_id="c",
        scopes=(),
        session_id=None,
        jti="j",
        now=NOW,
        lifetime=1,
    )
    assert several["aud"] == [API, "b"]
    assert not {"sid", "auth_time", "amr"} & set(several)


@pytest.mark.parametrize(("claim", "value"), [(claim, value) for claim, values in BAD.items() for value in values])
def test_each_bad_claim_is_refused_by_name(claim: str, value: object) -> None:
    """RFC 9068 §4, RFC 7519 §4.1."""
    with pytest.raises(TokenError) as refused:
        check(claims() | {claim: value} if value is not None else claims(**{claim: None}))
    assert refused.value.claim == claim


@pytest.mark.parametrize(
    ("now", "accepted"), [(NOW + 304, True), (NOW + 305, False), (NOW - 5, True), (NOW - 6, False)]
)
def test_leeway_is_exact(now: int, accepted: bool) -> None:
    """RFC 7519 §4.1.4: some small leeway, here five seconds, and not one more."""
    if accepted:
        assert check(claims(), now=now).subject == "alice"
    else:
        with pytest.raises(TokenError):
            check(claims(), now=now)


def test_a_token_without_scope_may_do_nothing() -> None:
    """An absent scope is no scope."""
    assert check(claims(scope=None)).scopes == frozenset()


GOOD: dict[str, list[Any]] = {
    "aud": [API, [API], ("other", API)],
    "exp": [NOW + 1, NOW - 4, NOW + 0.5, 2**53 - 1],
    "iat": [NOW, NOW + 5, 0, 1.5],
    "nbf": [NOW + 5, 0, 0.5],
    "scope": ["", "todo:read"],
    "sid": ["s2"],
}
#: null is a value, too; and what is neither true nor false when it is compared.
ODD: list[Any] = [None, False, 1, 1.0, float("nan"), float("inf"), -0.0, 10**30, b"text", API, ISSUER]
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([*bad, *GOOD.get(name, []), *ODD]) | st.just(API) | st.text(max_size=3)
        for name, bad in BAD.items()
    },
)


@given(
    changes=CHANGES, removed=st.sets(st.sampled_from(sorted(BAD)), max_size=2), audience=st.sampled_from([API, {API}])
)
@example(changes={"sid": None}, removed=set(), audience=API)
@example(changes={"nbf": None}, removed=set(), audience=API)
@example(changes={"exp": float("nan")}, removed=set(), audience=API)
@example(changes={"scope": None}, removed=set(), audience=API)
def test_the_checks_in_one_step_are_those_one_by_one(changes: dict[str, Any], removed: set[str], audience: Any) -> None:
    """RFC 9068 §4: what is fast refuses the same, for the same reason, and reads the same."""
    candidate = {name: value for name, value in {**claims(), **changes}.items() if name not in removed}
    expected: dict[str, Any] = {"issuer": ISSUER, "audience": audience, "now": NOW, "leeway": 5}
    verdicts = []
    for checker in (check_access_token, check_one_by_one):
        try:
            verdicts.append(repr(checker(candidate, **expected)))
        except TokenError as error:
            verdicts.append(f"{error.claim}: {error.hint}")
    assert verdicts[0] == verdicts[1]
