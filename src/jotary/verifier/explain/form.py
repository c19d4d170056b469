"""From text to header and claims: size, form, encodings, JSON, header members."""

from functools import partial
from typing import Any

import msgspec

from jotary.jose import JOSEError, base64url, jwt, strict_json
from jotary.jose import header as headers
from jotary.jose.compact import split
from jotary.jose.header import Header
from jotary.verifier.explain.display import shown
from jotary.verifier.explain.record import Record


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was taken apart as far as it goes; nothing in it may be believed. It does not print.

    Attributes:
        members: of the header, as they stand there.
        header: the same, once they were checked.
        claims: what the payload says.
        signing_input: what the signature covers.
        signature: what the third part stands for.
    """

    members: dict[str, Any] | None = None
    header: Header | None = None
    claims: dict[str, Any] | None = None
    signing_input: bytes = b""
    signature: bytes | None = None

    def __repr__(self) -> str:
        """Nothing of the token."""
        return "<Taken>"


def take_apart(token: str, max_size: int, record: Record) -> Taken:
    """Make the checks that need no key, each part of the token by itself: one may be good without another."""
    parts = _split(token, max_size, record)
    if parts is None:
        return Taken()
    header_text, payload_text, signing_input, signature_text = parts
    decoded = _decode("header_base64url", header_text, record)
    members = None if decoded is None else record.run("header_json", partial(strict_json.loads_object, decoded))
    header = None if members is None else _check_header(members, header_text, record)
    payload = _decode("payload_base64url", payload_text, record)
    signature = _decode("signature_base64url", signature_text, record)
    if header is not None:
        _check_b64(header, record)
    claims = None if payload is None else record.run("payload_json", partial(strict_json.loads_object, payload))
    return Taken(
        members=members,
        header=header,
        claims=claims,
        signing_input=signing_input,
        signature=signature,
    )


def _split(token: str, max_size: int, record: Record) -> tuple[bytes, bytes, bytes, bytes] | None:
    expected, found = f"at most {max_size} characters", f"{len(token)} characters"
    try:
        parts = split(token, max_size)
    except JOSEError as error:
        if error.code == "too_large":
            record.refuse("size", error.hint, expected=expected, found=found)
        else:
            record.accept("size", expected=expected, found=found)
            record.refuse("form", error.hint, found=_parts(token))
        return None
    record.accept("size", expected=expected, found=found)
    record.accept("form", found=_parts(token))
    return parts


def _check_header(members: dict[str, Any], text: bytes, record: Record) -> Header | None:
    """Two checks in one function; its refusal says which."""
    found = shown(list(members))
    try:
        header = headers.check(members, text)
    except JOSEError as error:
        if error.code != "unsupported_critical_header":
            record.refuse("header", error.hint, found=found)
            return None
        record.accept("header", found=found)
        record.refuse("crit", error.hint, found=shown(members["crit"]))
        return None
    record.accept("header", found=found)
    record.accept("crit", found=shown(members["crit"]) if "crit" in members else "absent")
    return header


def _check_b64(header: Header, record: Record) -> None:
    """A payload that is signed as it stands is passed beside the token, which no JWT does (RFC 7797 §7)."""
    if header.unencoded:
        record.refuse("b64", jwt.UNENCODED, found="false")
    else:
        record.accept("b64", found="true" if "b64" in header.members else "absent")


def _parts(token: str) -> str:
    count = token.count(".") + 1
    return f"{count} part{'s' if count > 1 else ''}"


def _decode(name: str, text: bytes, record: Record) -> bytes | None:
    """Only the length is shown: one of the parts is the signature, and what is no token may be another secret."""
    return record.run(name, partial(base64url.decode, text), found=f"{len(text)} characters")
