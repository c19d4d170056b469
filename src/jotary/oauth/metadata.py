"""What an authorization server publishes about itself (RFC 8414, OpenID Connect Discovery 1.0)."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from jotary.oauth.loopback import is_loopback

_OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"  # OIDC Discovery §4


class MetadataError(ValueError):
    """A metadata document that cannot be trusted or read; the text says which member and why."""


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members that jotary publishes or reads, named as in RFC 8414 §2 and OIDC Discovery §3."""

    issuer: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    jwks_uri: str | None = None
    userinfo_endpoint: str | None = None
    revocation_endpoint: str | None = None
    introspection_endpoint: str | None = None
    end_session_endpoint: str | None = None
    scopes_supported: tuple[str, ...] | None = None
    claims_supported: tuple[str, ...] | None = None
    response_types_supported: tuple[str, ...] | None = None
    response_modes_supported: tuple[str, ...] | None = None
    grant_types_supported: tuple[str, ...] | None = None
    subject_types_supported: tuple[str, ...] | None = None
    prompt_values_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    revocation_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    revocation_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    introspection_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    introspection_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False
    claims_parameter_supported: bool | None = None
    request_parameter_supported: bool | None = None
    request_uri_parameter_supported: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """The document's members; what is not set is left out (RFC 8414 §3.2)."""
        members: dict[str, Any] = msgspec.to_builtins(self)
        return members

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], *, issuer: str) -> "ServerMetadata":
        """Read a document that was fetched for `issuer`; unknown members are ignored.

        Raises:
            MetadataError: a member has the wrong type, or the document is another issuer's (RFC 8414 §3.3: the
                comparison is byte for byte, or whoever serves the document could speak for somebody else).
        """
        try:
            metadata = msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            raise MetadataError(f"the metadata document is malformed: {error}") from error
        if metadata.issuer != issuer:
            raise MetadataError(
                f"the metadata document names the issuer {metadata.issuer[:200]!r}, not {issuer!r}: "
                "they must be equal byte for byte, trailing slash included"
            )
        return metadata


def well_known_urls(issuer: str) -> tuple[str, str]:
    """Where an issuer's metadata stands: OIDC Discovery §4.1 (appended) and RFC 8414 §3.1 (inserted)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}{path}{_OPENID_CONFIGURATION}",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def check_issuer_url(issuer: str) -> str:
    """Return the issuer if it is one: https (http on loopback only), a host, no query, no fragment (RFC 8414 §2).

    Raises:
        MetadataError: with what to change.
    """
    try:
        parts = urlsplit(issuer)
        _ = parts.port  # parsed on access: a bad one raises here
    except ValueError as error:
        raise MetadataError(f"the issuer {issuer!r} is not a URL") from error
    if not parts.scheme:
        raise MetadataError(f"the issuer {issuer!r} must be a URL, such as 'https://id.example.com'")
    if not parts.hostname or "@" in parts.netloc:
        raise MetadataError(f"the issuer {issuer!r} must name a host, without user information")
    if parts.query or parts.fragment or "?" in issuer or "#" in issuer:
        raise MetadataError(f"the issuer {issuer!r} must have no query and no fragment")
    if parts.path.endswith(_OPENID_CONFIGURATION):
        raise MetadataError(f"the issuer {issuer!r} is where its metadata is: leave out {_OPENID_CONFIGURATION!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise MetadataError(f"the issuer {issuer!r} must be https (http only on 127.0.0.1, [::1] or localhost)")
    return issuer
