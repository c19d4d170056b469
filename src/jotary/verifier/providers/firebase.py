"""Firebase Authentication: ID tokens and session cookies of a project; unsigned ones of the emulator on request."""

import logging
import re
from typing import Literal

import msgspec

from jotary.jose import KeySet
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.providers.preset import Preset

_log = logging.getLogger("jotary.verifier")

_PROJECT = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]", re.ASCII)
_SECURE_TOKEN = "securetoken@system.gserviceaccount.com"  # noqa: S105 -- an account's name, no secret
_OTHERS = "ID tokens, session cookies and custom tokens of Firebase are signed with different keys; which one is this?"
_PROFILE = TokenProfile(
    types=frozenset({"", "jwt"}),
    refused=frozenset(),
    client_claims=("aud",),
    scope_claim=None,
    past_claims=("auth_time",),
    longest_subject=128,
    unknown_key_hint=_OTHERS,
)


def firebase(
    *,
    project_id: str,
    kind: Literal["id_token", "session_cookie"] = "id_token",
    key_format: Literal["certificates", "jwks"] = "certificates",
    accept_unsigned_tokens_of_the_emulator: bool = False,
) -> Preset:
    """ID tokens or session cookies of a project.

    Args:
        project_id: such as "example-1234", not its number.
        kind: which of the two is sent to this API.
        key_format: where the keys are read: as certificates, or as a JWK Set (ID tokens only).
        accept_unsigned_tokens_of_the_emulator: for development. Anybody can write such a token, and signed ones are
            refused then, so that it cannot stay on unnoticed.

    Raises:
        ValueError: a setting cannot be.
    """
    if not _PROJECT.fullmatch(project_id):
        raise ValueError("project_id must be the project's id, such as 'example-1234', not its name or number")
    if kind not in {"id_token", "session_cookie"} or key_format not in {"certificates", "jwks"}:
        raise ValueError("kind must be 'id_token' or 'session_cookie', and key_format 'certificates' or 'jwks'")
    if kind == "session_cookie" and key_format == "jwks":
        raise ValueError("the keys of session cookies are published as certificates: leave key_format out")
    host = "securetoken.google.com" if kind == "id_token" else "session.firebase.google.com"
    emulated = accept_unsigned_tokens_of_the_emulator is True
    if emulated:
        _log.warning("tokens of the Firebase emulator are taken unsigned: anybody can write one; never in production")
    return Preset(
        issuer=f"https://{host}/{project_id}",
        audience=project_id,
        profile=msgspec.structs.replace(_PROFILE, key_format=key_format, is_unsigned=emulated),
        jwks_uri=_keys(kind, key_format),
        keys=KeySet() if emulated else None,
    )


def _keys(kind: str, key_format: str) -> str:
    if kind == "session_cookie":
        return "https://www.googleapis.com/identitytoolkit/v3/relyingparty/publicKeys"
    if key_format == "jwks":
        return f"https://www.googleapis.com/service_accounts/v1/jwk/{_SECURE_TOKEN}"
    return f"https://www.googleapis.com/robot/v1/metadata/x509/{_SECURE_TOKEN}"
