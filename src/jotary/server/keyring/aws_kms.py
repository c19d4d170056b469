"""AWS KMS as a custodian. Credentials and their renewal are boto3's business (environment, profile, role)."""

import hashlib
import re
import threading
from base64 import b64encode
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from jotary.jose import JOSEError, Key
from jotary.server.keyring.external import NoSuchKeyError, Reference
from jotary.server.ports import Unavailable

NAME: Final = "aws-kms"

_ALGORITHMS: Final = {"ES256": "ECDSA_SHA_256", "RS256": "RSASSA_PKCS1_V1_5_SHA_256"}
_REGION: Final = re.compile(r"arn:[a-z-]+:kms:([a-z0-9-]+):[0-9]{12}:(?:key|alias)/.+")
_COORDINATE_SIZE: Final = 32  # bytes of r and of s on P-256
# One attempt more, all of it within what a caller waits; the server's own threads bound the connections.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}, max_pool_connections=8
)
_NO_KEY: Final = {
    "DisabledException",
    "InvalidArnException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
    "UnsupportedOperationException",
    "ValidationException",
}
_GIVE_CREDENTIALS: Final = "Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role to this machine."
_GIVE_RIGHTS: Final = (
    "Allow kms:GetPublicKey, kms:DescribeKey and kms:Sign on the key to whoever has these credentials."
)
_DISABLED: Final = {"DisabledException", "KMSInvalidStateException"}
_NAME_ONE: Final = "Name the ARN of an asymmetric key for signing, of the kind ECC_NIST_P256 or RSA_2048."
_LOOK_WHO_ANSWERS: Final = "Look at AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, and what stands between."
_ENABLE: Final = "Enable the key in KMS, or announce another one with: jotary key add"
# Where waiting does not help: of what boto3 lacks, and of what KMS answers.
_HINTS: Final = (
    (NoRegionError, "Name the key by its ARN, which says the region, or give AWS_DEFAULT_REGION."),
    ((NoCredentialsError, PartialCredentialsError, ProfileNotFound), _GIVE_CREDENTIALS),
)
_HINTS_BY_CODE: Final = {
    "AccessDeniedException": _GIVE_RIGHTS,
    "DisabledException": _ENABLE,
    "ExpiredTokenException": _GIVE_CREDENTIALS,
    "InvalidSignatureException": _GIVE_CREDENTIALS,
    "KMSInvalidStateException": _ENABLE,
    "NotFoundException": "Announce another key with: jotary key add",
    "UnrecognizedClientException": _GIVE_CREDENTIALS,
}


class AWSKMSCustodian:
    """Signs with asymmetric keys of KMS, found by their ARN, whose region is where they are asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a session of boto3 is not for several threads; a client is
        self._clients: dict[str | None, Any] = {}

    def public_key(self, name: str) -> tuple[Reference, Key]:
        """As `Custodian.public_key`; the reference holds the key's own ARN, as an alias may be pointed elsewhere."""
        try:
            found = self._client(name).get_public_key(KeyId=name)
            described = self._client(name).describe_key(KeyId=name)
        except ClientError as error:
            code = _code(error)
            if code in _NO_KEY:
                hint = _ENABLE if code in _DISABLED else _NAME_ONE
                raise NoSuchKeyError(f"KMS has no such key to sign with ({code})", hint=hint) from error
            raise _unavailable(error) from error
        except BotoCoreError as error:
            raise _unavailable(error) from error
        if "PublicKey" not in found or "Arn" not in described.get("KeyMetadata", ()):
            raise Unavailable("what answers for KMS says nothing of a key", hint=_LOOK_WHO_ANSWERS)
        if not set(found.get("SigningAlgorithms") or ()) & set(_ALGORITHMS.values()):
            raise NoSuchKeyError("a key of this kind cannot sign here", hint="Make one of ECC_NIST_P256 or RSA_2048.")
        try:
            return Reference(NAME, described["KeyMetadata"]["Arn"]), Key.from_pem(_pem(found["PublicKey"]))
        except JOSEError as error:
            raise NoSuchKeyError(f"the public key cannot be read: {error}", hint="Make another one.") from error

    def sign(self, name: str, algorithm: str, message: bytes) -> bytes:
        """As `Custodian.sign`. Only the digest travels."""
        try:
            answer = self._client(name).sign(
                KeyId=name,
                Message=hashlib.sha256(message).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=_ALGORITHMS[algorithm],
            )
        except (BotoCoreError, ClientError) as error:
            raise _unavailable(error) from error
        signature = bytes(answer.get("Signature", b""))
        return _raw(signature) if algorithm == "ES256" else signature

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, name: str) -> Any:
        """The client of the key's region; of boto3's own where the name says none."""
        found = _REGION.fullmatch(name)
        region = found[1] if found else None
        with self._lock:
            if region not in self._clients:
                session = boto3.session.Session()
                if session.get_credentials() is None:  # a client would lack them for ever, and a role may come later
                    raise NoCredentialsError
                self._clients[region] = session.client("kms", region_name=region, config=_CONFIG)
            return self._clients[region]


def _raw(der: bytes) -> bytes:
    """The signature r ‖ s (RFC 7518 §3.4) from KMS's DER.

    Raises:
        Unavailable: it is none.
    """
    try:
        r, s = decode_dss_signature(der)
        return r.to_bytes(_COORDINATE_SIZE, "big") + s.to_bytes(_COORDINATE_SIZE, "big")
    except (ValueError, OverflowError) as error:
        raise Unavailable("KMS answered with no signature", hint=_LOOK_WHO_ANSWERS) from error


def _pem(der: bytes) -> str:
    text = b64encode(der).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _unavailable(error: Exception) -> Unavailable:
    if isinstance(error, ClientError):
        return Unavailable(f"KMS does not sign: {error}", hint=_HINTS_BY_CODE.get(_code(error)))
    hint = next((hint for kinds, hint in _HINTS if isinstance(error, kinds)), None)
    return Unavailable(f"KMS does not answer: {error}", hint=hint)
