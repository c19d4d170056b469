"""jotary itself: access tokens of RFC 9068, keys found by discovery, cut-offs followed."""

from collections.abc import Collection

from jotary.verifier.providers.preset import Preset


def jotary(*, issuer: str, audience: str | Collection[str]) -> Preset:
    """The same as `TokenVerifier(issuer=…, audience=…)`.

    Args:
        issuer: the server's URL.
        audience: this API's identifier, or several.
    """
    return Preset(issuer=issuer, audience=audience, algorithms=None)
