"""The checks of a provider's profile, in the verifier's order and with its functions (`tokens/profiled_token.py`).

One list says which checks there are and how each is made, so that neither can be without the other.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from jotary.jose.header import Header
from jotary.tokens import claims as checks
from jotary.tokens import profiled_token as rules
from jotary.tokens.errors import TokenError
from jotary.tokens.token_profile import RequiredClaim, TokenProfile
from jotary.verifier.explain.content import ContentExpected, check_time, member, time_expected, time_found
from jotary.verifier.explain.display import one_of, sentence, shown
from jotary.verifier.explain.record import Record
from jotary.verifier.explain.standards import CHECKS, Check

_PROVIDER: Final = "the provider's own documentation"
_OF_A_KEY: Final = frozenset({"kid", "signature"})


class ProfileCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check.

    Attributes:
        row: its name, where the rule stands, what would pass.
        make: raises for a token that does not pass.
        found: what the token has.
        expected: what would pass, where that depends on who asks.
        after: the check that has to pass first.
    """

    row: Check
    make: Callable[[Header, dict[str, Any], ContentExpected], object]
    found: Callable[[Header, dict[str, Any], ContentExpected], str]
    expected: Callable[[ContentExpected], str] | None = None
    after: str | None = None


def rows_of(profile: TokenProfile) -> dict[str, Check]:
    """Every check that the verifier makes for this profile, by name, in its order."""
    names = list(CHECKS)
    form = [CHECKS[name] for name in names[: names.index("typ")] if not (profile.is_unsigned and name in _OF_A_KEY)]
    hints = {"kid": profile.unknown_key_hint, "form": profile.opaque_hint}
    advised = [msgspec.structs.replace(row, advice=sentence(hints.get(row.name, "")) or row.advice) for row in form]
    content = [check.row for check in profile_checks(profile)]
    key = [_KEY_ISSUER] if profile.key_issuer != "ignored" else []
    return {row.name: row for row in (*advised, *content, *key, CHECKS["revoked"])}


def check_profiled_content(
    header: Header, claims: dict[str, Any], profile: TokenProfile, expected: ContentExpected, record: Record
) -> None:
    """Check the kind and every claim, also of a token whose signature does not hold: all that is wrong is shown."""
    for check in profile_checks(profile):
        if check.after is None or record.passed(check.after):
            record.run(
                check.row.name,
                partial(check.make, header, claims, expected),
                found=check.found(header, claims, expected),
                expected=None if check.expected is None else check.expected(expected),
            )


def check_key_issuer(
    kid: str | None, own: str | None, claims: dict[str, Any], profile: TokenProfile, to: Record
) -> None:
    """Check that the key signs for the issuer of this token, which only what the provider publishes can tell.

    Args:
        kid: of the token's header.
        own: the issuer that the key names as its own.
        claims: what the token says.
        profile: of the provider.
        to: what is recorded.
    """
    if profile.key_issuer != "ignored" and to.passed("iss", "signature"):
        found = "absent" if own is None else shown(own)
        to.run("key_issuer", partial(rules.check_key_issuer, kid, own, profile, claims["iss"]), found=found)


def profile_checks(profile: TokenProfile) -> Iterator[ProfileCheck]:
    """The checks of kind and claims (`check_profiled_token`)."""
    if profile.types is not None:
        yield ProfileCheck(
            row=Check("typ", "RFC 8725 §3.11", rules.type_names(profile), "Send another kind of token to the API."),
            make=lambda header, _claims, _expected: rules.check_type(header.typ, profile),
            found=lambda header, _claims, _expected: member(header.members, "typ"),
        )
    yield from (_required(claim) for claim in profile.required)
    yield from (_refused(name, profile) for name in sorted(profile.refused))
    yield from _who_issued_it(profile)
    yield _audience(profile)
    yield from _times(profile)
    yield from _who_and_what(profile)


def _required(claim: RequiredClaim) -> ProfileCheck:
    return _claim(
        Check(
            "typ_claim" if claim.name == "typ" else claim.name,
            "RFC 8725 §3.12",
            one_of(claim.values),
            "Look whose token this is.",
        ),
        claim.name,
        lambda claims, _expected: rules.check_required(claims, claim),
    )


def _refused(name: str, profile: TokenProfile) -> ProfileCheck:
    row = Check(name, "OpenID Connect Core §2", "absent", "")
    return _claim(row, name, lambda claims, _expected: rules.check_absent(claims, name, profile))


def _who_issued_it(profile: TokenProfile) -> Iterator[ProfileCheck]:
    def issuer(claims: Mapping[str, Any], expected: ContentExpected, *, naming: str) -> None:
        """One function of the verifier; its refusal says which of two checks it was."""
        try:
            rules.check_issuer(claims, profile, expected.issuer or "")
        except TokenError as error:
            if error.claim == naming:
                raise

    row = Check("iss", "RFC 7519 §4.1.1", "", "Compare the settings of the API with the provider's, to the last slash.")
    yield ProfileCheck(
        row=row,
        make=lambda _header, claims, expected: issuer(claims, expected, naming="iss"),
        found=lambda _header, claims, _expected: member(claims, "iss"),
        expected=lambda expected: one_of(frozenset({expected.issuer or "", *profile.issuer_aliases})),
    )
    tenant = profile.tenant_claim
    if tenant is not None:
        yield ProfileCheck(
            row=Check(tenant, _PROVIDER, "absent, or the tenant that 'iss' names", "Look whose token this is."),
            make=lambda _header, claims, expected: issuer(claims, expected, naming=tenant),
            found=lambda _header, claims, _expected: member(claims, tenant),
            after="iss",
        )


def _audience(profile: TokenProfile) -> ProfileCheck:
    name = profile.audience_claim
    advice = "" if name == "aud" else f"'{name}' stands for it in these tokens."
    return ProfileCheck(
        row=Check("aud", "RFC 7519 §4.1.3, RFC 8725 §3.9", "", advice),
        make=lambda _header, claims, expected: rules.check_audience(claims, profile, expected.audiences),
        found=lambda _header, claims, _expected: member(claims, name),
        expected=lambda expected: one_of(expected.audiences),
    )


def _times(profile: TokenProfile) -> Iterator[ProfileCheck]:
    yield from (_time(name, partial(check_time, name)) for name in ("exp", "nbf"))
    yield from (_time(name, partial(_check_past, name)) for name in profile.past_claims)
    yield _time("iat", partial(check_time, "iat"))


def _check_past(name: str, claims: dict[str, Any], expected: ContentExpected) -> None:
    rules.check_past(claims, name, now=expected.now, leeway=expected.leeway)


def _time(name: str, check: Callable[[dict[str, Any], ContentExpected], object]) -> ProfileCheck:
    return ProfileCheck(
        row=CHECKS.get(name) or Check(name, _PROVIDER, "", ""),
        make=lambda _header, claims, expected: check(claims, expected),
        found=lambda _header, claims, expected: time_found(name, claims, expected),
        expected=partial(time_expected, name),
    )


def _who_and_what(profile: TokenProfile) -> Iterator[ProfileCheck]:
    longest = "" if profile.longest_subject is None else f", {profile.longest_subject} characters at most"
    row = msgspec.structs.replace(CHECKS["sub"], expected=f"a string that is not empty{longest}")
    yield _claim(row, "sub", lambda claims, _expected: rules.subject(claims, profile))
    yield _client(profile)
    scope = profile.scope_claim
    if scope is not None:
        shape = "a string of values" if profile.scope_shape == "string" else "a list of values"
        row = Check(scope, "RFC 6749 §3.3", f"absent, or {shape}", "Mend it at the provider.")
        yield _claim(row, scope, lambda claims, _expected: rules.scopes(claims, profile))
    for path in (profile.role_path, (profile.permission_claim,) if profile.permission_claim else None):
        if path is not None:
            row = Check(path[0], _PROVIDER, "absent, or a list of strings", "Mend it at the provider.")
            yield _claim(row, path[0], partial(_check_strings, path))
    for name in ("sid", profile.id_claim):
        row = Check(name, _PROVIDER, "absent, or a string", "Mend it at the provider.")
        yield _claim(row, name, partial(_check_text, name))


def _check_strings(path: tuple[str, ...], claims: dict[str, Any], _expected: ContentExpected) -> None:
    rules.strings(claims, path)


def _check_text(name: str, claims: dict[str, Any], _expected: ContentExpected) -> None:
    checks.optional_text(claims, name)


def _client(profile: TokenProfile) -> ProfileCheck:
    """The check has the claim's name where only one can name the client."""
    first, *others = profile.client_claims
    names = " or ".join(f"'{name}'" for name in profile.client_claims)
    row = Check(
        "client" if others or first == "aud" else first,
        _PROVIDER,
        f"one client, in {names}",
        "Look whose token this is.",
    )

    def found(_header: Header, claims: dict[str, Any], _expected: ContentExpected) -> str:
        return next((shown(claims[name]) for name in profile.client_claims if name in claims), "absent")

    return ProfileCheck(row=row, make=lambda _header, claims, _expected: rules.client(claims, profile), found=found)


def _claim(row: Check, name: str, make: Callable[[dict[str, Any], ContentExpected], object]) -> ProfileCheck:
    return ProfileCheck(
        row=row,
        make=lambda _header, claims, expected: make(claims, expected),
        found=lambda _header, claims, _expected: member(claims, name),
    )


_KEY_ISSUER: Final = Check(
    "key_issuer", _PROVIDER, "a key that is published for the issuer of the token", "Look whose token this is."
)
