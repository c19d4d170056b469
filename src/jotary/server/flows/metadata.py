"""What the server publishes about itself and its keys (OIDC Discovery §3, RFC 8414 §2, RFC 7517 §5).

One document serves both well-known paths. Every value says what stands, nothing that is only planned.
"""

from typing import Final

from jotary.jose import KeySet, strict_json
from jotary.oauth.metadata import ServerMetadata
from jotary.server.flows import endpoints
from jotary.server.flows.authorization_request import PROMPTS
from jotary.server.flows.client_authentication import ASSERTION_ALGORITHMS, METHODS
from jotary.server.flows.endpoints import endpoint_url
from jotary.server.flows.grants import GRANTS
from jotary.server.flows.narrowing import OFFLINE_ACCESS
from jotary.server.flows.profile import CLAIMS_OF_SCOPE, IDENTITY_SCOPES
from jotary.server.flows.response_mode import RESPONSE_MODES
from jotary.server.ports import Signer
from jotary.server.settings import Settings

_SCOPES: Final = (*IDENTITY_SCOPES, OFFLINE_ACCESS)
_ID_TOKEN_CLAIMS: Final = ("sub", "iss", "aud", "exp", "iat", "auth_time", "amr", "nonce", "sid", "at_hash")
_CLAIMS: Final = (*_ID_TOKEN_CLAIMS, *(claim for row in CLAIMS_OF_SCOPE.values() for claim in row))
#: The endpoints that answer confidential clients only have no use for `none`.
_CONFIDENTIAL_METHODS: Final = tuple(method for method in METHODS if method != "none")


def describe(settings: Settings, keys: KeySet) -> ServerMetadata:
    """The metadata of the server as it is set up, with these keys published."""
    issuer = settings.issuer
    # During a change of algorithms both sign for a while, and clients must expect both.
    algorithms = {settings.signing_algorithm, *(key.alg for key in keys if key.alg is not None)}
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=endpoint_url(issuer, endpoints.AUTHORIZATION),
        token_endpoint=endpoint_url(issuer, endpoints.TOKEN),
        jwks_uri=endpoint_url(issuer, endpoints.JWKS),
        userinfo_endpoint=endpoint_url(issuer, endpoints.USERINFO),
        revocation_endpoint=endpoint_url(issuer, endpoints.REVOCATION),
        introspection_endpoint=endpoint_url(issuer, endpoints.INTROSPECTION),
        end_session_endpoint=endpoint_url(issuer, endpoints.END_SESSION),
        scopes_supported=_SCOPES,
        claims_supported=_CLAIMS,
        response_types_supported=("code",),
        response_modes_supported=RESPONSE_MODES,
        grant_types_supported=tuple(grant.NAME for grant in GRANTS),
        subject_types_supported=("public",),
        prompt_values_supported=tuple(sorted(PROMPTS)),
        id_token_signing_alg_values_supported=tuple(sorted(algorithms)),
        token_endpoint_auth_methods_supported=METHODS,
        token_endpoint_auth_signing_alg_values_supported=ASSERTION_ALGORITHMS,
        revocation_endpoint_auth_methods_supported=METHODS,
        revocation_endpoint_auth_signing_alg_values_supported=ASSERTION_ALGORITHMS,
        introspection_endpoint_auth_methods_supported=_CONFIDENTIAL_METHODS,
        introspection_endpoint_auth_signing_alg_values_supported=ASSERTION_ALGORITHMS,
        code_challenge_methods_supported=("S256",),  # RFC 7636 §6.2.2
        authorization_response_iss_parameter_supported=True,  # RFC 9207 §3
        claims_parameter_supported=False,
        request_parameter_supported=False,
        request_uri_parameter_supported=False,  # left out it would mean true (OIDC Discovery §3)
    )


class Documents:
    """Both documents as JSON bytes, made once for each set of published keys.

    Args:
        settings: of the server.
        signer: whose public keys are published.
    """

    __slots__ = ("_discovery", "_jwks", "_keys", "_settings", "_signer")

    def __init__(self, *, settings: Settings, signer: Signer) -> None:
        self._settings = settings
        self._signer = signer
        self._keys: KeySet | None = None
        self._discovery = self._jwks = b""

    def discovery(self) -> bytes:
        """The metadata document, the same for both well-known paths."""
        self._renew()
        return self._discovery

    def jwks(self) -> bytes:
        """The JWK Set: announced, signing and retiring keys, public members only."""
        self._renew()
        return self._jwks

    def _renew(self) -> None:
        keys = self._signer.public_keys()
        if keys is not self._keys:  # the signer gives the same object until a key comes or goes
            self._discovery = strict_json.dumps(_without_tuples(describe(self._settings, keys)))
            self._jwks = strict_json.dumps(keys.to_jwks())
            self._keys = keys


def _without_tuples(metadata: ServerMetadata) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in metadata.to_dict().items()}
