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
from jotary.jose import JOSEError, KeySet
from jotary.oauth.metadata import MetadataError, check_issuer_url
from jotary.tokens.claims import DEFAULT_LEEWAY
from jotary.tokens.errors import TokenError
from jotary.tokens.revocation_feed import check_feed
from jotary.verifier.explain import Circumstances, NoKeys, explain
from jotary.verifier.explain.display import printable
from jotary.verifier.fetch import Fetched, FetchError, Source, fetch_feed, fetch_keys
from jotary.verifier.follower import open_feed
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
@options.as_json
@click.pass_obj
def explain_token(
    clock: Clock | None, token: str, issuer: str | None, audience: tuple[str, ...], jwks: Path | None, *, as_json: bool
) -> None:
    """Say check by check why an access token is accepted or refused, and what to change.

    TOKEN is the token, or - to read it from standard input. Prefer that: what stands on a command line is kept in the
    shell's history, and shown in the list of processes. Nothing is fetched from anywhere that the token itself names,
    and its signature is never printed.

    Without --issuer and --audience only the shape of the token is checked. The exit code is 0 if an API that expects
    this would accept the token, and 1 if not, or if too little is known to say.
    """
    text = _read() if token == "-" else token.strip()  # noqa: S105 -- the usual name of standard input, no secret
    circumstances = _gather(issuer, frozenset(audience), jwks, clock or time.time)
    explanation = explain(text, circumstances, int((clock or time.time)()))
    if as_json:
        print_json(members(explanation))
    else:
        print_explanation(explanation)
    sys.exit(0 if explanation.verdict == "accepted" else 1)


def _read() -> str:
    data = sys.stdin.buffer.read(_LONGEST_INPUT)
    return data.decode("utf-8", "replace").strip()  # what is not ASCII is no token


def _gather(issuer: str | None, audiences: frozenset[str], jwks: Path | None, clock: Clock) -> Circumstances:
    """Everything that decides but for the token itself."""
    if not all(audiences):
        raise click.BadParameter("must not be empty.", param_hint="--audience")
    try:
        trusted = None if issuer is None else check_issuer_url(issuer)
    except MetadataError as error:
        raise click.BadParameter(f"{error}.", param_hint="--issuer") from None
    if jwks is not None:
        return Circumstances(issuer=trusted, audiences=audiences, keys=_keys_in(jwks))
    if trusted is None:
        return Circumstances(audiences=audiences, keys=NoKeys(reason=_NO_ISSUER, is_failure=False))
    return _fetched(Source(issuer=trusted), audiences, clock)


def _keys_in(path: Path) -> KeySet:
    try:
        keys = KeySet.from_jwks(path.read_bytes())
    except JOSEError as error:
        raise click.BadParameter(f"{path} holds no keys: {error.hint}.", param_hint="--jwks") from None
    if not len(keys):
        raise click.BadParameter(f"{path} holds no key that can be used.", param_hint="--jwks")
    return keys


def _fetched(source: Source, audiences: frozenset[str], clock: Clock) -> Circumstances:
    try:
        fetched = fetch_keys(source, time.monotonic)
    except FetchError as error:
        reason = f"The issuer's keys could not be fetched: {error}."
        return Circumstances(issuer=source.issuer, audiences=audiences, keys=NoKeys(reason=reason, is_failure=True))
    revocations = _cut_offs(source, fetched, clock)
    return Circumstances(issuer=source.issuer, audiences=audiences, keys=fetched.keys, revocations=revocations)


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
