"""`jotary explain`: why a token is accepted or refused."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from jotary.cli import options
from jotary.cli.explanation import members, print_explanation
from jotary.cli.output import print_json
from jotary.cli.provider_settings import Trusted, trusted_provider
from jotary.jose import JOSEError, KeySet, strict_json
from jotary.jose.key_set import MAX_SIZE
from jotary.oauth.metadata import MetadataError, check_issuer_url
from jotary.tokens.claims import DEFAULT_LEEWAY
from jotary.tokens.errors import TokenError
from jotary.tokens.revocation_feed import check_feed
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.explain import Circumstances, NoKeys, explain
from jotary.verifier.explain.display import printable
from jotary.verifier.fetch import Fetched, FetchError, Source, fetch_feed, fetch_keys
from jotary.verifier.follower import open_feed
from jotary.verifier.key_documents import read_keys
from jotary.verifier.providers import PROVIDERS
from jotary.verifier.revocations import RevocationList, cut_off

_LONGEST_INPUT: Final = 1 << 20  # characters of standard input; the size of a token is a check of its own
_MOST_PAGES: Final = 400  # answers of a feed; an issuer must not keep us reading for ever
_NO_ISSUER: Final = "Name the issuer that the API trusts, or the file with its keys."

Clock = Callable[[], float]


@click.command("explain")
@click.argument("token")
@click.option("--issuer", help="The issuer that the API trusts. Its keys and its cut-offs are fetched.")
@click.option("--audience", multiple=True, help="The name of the API; may be repeated.")
@click.option(
    "--jwks",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the issuer's keys (JWK Set). Nothing is fetched then.",
)
@click.option("--provider", type=click.Choice(sorted(PROVIDERS)), help="Hold it against this provider's tokens.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the provider, such as domain=tenant.eu.auth0.com; may be repeated, for a list with one NAME.",
)
@options.as_json
@click.pass_obj
def explain_token(
    clock: Clock | None,
    *,
    token: str,
    issuer: str | None,
    audience: tuple[str, ...],
    jwks: Path | None,
    provider: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say check by check why an access token is accepted or refused, and what to change.

    TOKEN is the token, or - to read it from standard input. Prefer that: what stands on a command line is kept in the
    shell's history, and shown in the list of processes. Nothing is fetched from anywhere that the token itself names,
    and its signature is never printed.

    With --provider the rules of that provider's tokens are checked, which are those of TokenVerifier.for_provider.
    --issuer and --audience are settings of it, where it has such; --set gives the others.

    Without --issuer and --audience only the shape of the token is checked. The exit code is 0 if an API that expects
    this would accept the token, and 1 if not, or if too little is known to say.
    """
    text = _read() if token == "-" else token.strip()  # noqa: S105 -- the usual name of standard input, no secret
    if not text:
        raise click.UsageError(
            "There is no token. Give one on standard input, such as: jotary token | jotary explain -"
        )
    if not all(audience):
        raise click.BadParameter("must not be empty.", param_hint="--audience")
    if provider is None and settings:
        raise click.BadParameter("goes with --provider.", param_hint="--set")
    if provider is None:
        trusted = Trusted(issuer=_checked(issuer), audiences=frozenset(audience))
    else:
        trusted = trusted_provider(provider, issuer, audience, settings)
    circumstances = _gather(trusted, jwks, clock or time.time)
    explanation = explain(text, circumstances, int((clock or time.time)()))
    if as_json:
        print_json(members(explanation))
    else:
        print_explanation(explanation)
    sys.exit(0 if explanation.verdict == "accepted" else 1)


def _read() -> str:
    data = sys.stdin.buffer.read(_LONGEST_INPUT)
    return data.decode("utf-8", "replace").strip()  # what is not ASCII is no token


def _checked(issuer: str | None) -> str | None:
    try:
        return None if issuer is None else check_issuer_url(issuer)
    except MetadataError as error:
        raise click.BadParameter(f"{error}.", param_hint="--issuer") from None


def _gather(trusted: Trusted, jwks: Path | None, clock: Clock) -> Circumstances:
    """Everything that decides but for the token itself."""
    if jwks is not None:
        return trusted.circumstances(_keys_in(jwks, trusted.profile))
    if trusted.keys is not None:
        return trusted.circumstances(trusted.keys)
    if trusted.issuer is None:
        return trusted.circumstances(NoKeys(reason=_NO_ISSUER, is_failure=False))
    # As in the verifier: a provider's issuer may be any text; then the keys' address is what must be safe to ask.
    source = Source(issuer=trusted.jwks_uri or trusted.issuer, jwks_uri=trusted.jwks_uri, profile=trusted.profile)
    try:
        fetched = fetch_keys(source, time.monotonic)
    except FetchError as error:
        reason = f"The issuer's keys could not be fetched: {error}."
        return trusted.circumstances(NoKeys(reason=reason, is_failure=True))
    return trusted.circumstances(fetched.keys, None if trusted.profile else _cut_offs(source, fetched, clock))


def _keys_in(path: Path, profile: TokenProfile | None) -> KeySet:
    try:
        keys = read_keys(strict_json.loads_object(path.read_bytes(), max_size=MAX_SIZE), profile)
    except JOSEError as error:
        raise click.BadParameter(f"{path} holds no keys: {error.hint}.", param_hint="--jwks") from None
    if not len(keys):
        raise click.BadParameter(f"{path} holds no key that can be used.", param_hint="--jwks")
    return keys


def _cut_offs(source: Source, fetched: Fetched, clock: Clock) -> RevocationList | None:
    """Everything that the issuer's feed holds now (design §6.3); None if it has none, or it cannot be read."""
    if fetched.revocations_uri is None:
        return None
    revocations, position = RevocationList(), 0
    try:
        for _ in range(_MOST_PAGES):
            signed = fetch_feed(source, time.monotonic, fetched.revocations_uri, after=position, wait=0)
            claims = open_feed(signed, fetched.keys).claims
            answer = check_feed(claims, issuer=source.issuer, after=position, now=int(clock()), leeway=DEFAULT_LEEWAY)
            cut_off(revocations, answer.entries, leeway=DEFAULT_LEEWAY)
            if not answer.entries or answer.position <= position:
                return revocations
            position = answer.position
    except (FetchError, JOSEError, TokenError) as error:
        click.echo(f"The issuer's revocation feed could not be read: {printable(str(error))}", err=True)
        return None
    return revocations
