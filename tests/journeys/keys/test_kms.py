"""AWS KMS as moto serves it: over HTTP, with real keys and real signatures."""

import asyncio
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key
from jotary.server.keyring import aws_kms
from jotary.server.keyring.aws_kms import AWSKMSCustodian
from jotary.server.keyring.external import Custodians, NoSuchKeyError, Reference, as_signing_key
from jotary.server.ports import Unavailable

if TYPE_CHECKING:
    from tests.journeys.keys.conftest import Place

REGION = "eu-central-1"
MESSAGE = b"a header and a payload"


class KMS:
    """The service, and an administrator's client of it."""

    def __init__(self, server: Any, url: str) -> None:
        self.server = server
        self.url = url
        self.client = boto3.client("kms", region_name=REGION)

    def make(self, spec: str = "ECC_NIST_P256", usage: str = "SIGN_VERIFY") -> str:
        """The ARN of a new key."""
        arn: str = self.client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
        return arn


def _sign_digest(backend: Any, *, key_id: str, message: bytes, signing_algorithm: str) -> tuple[str, bytes, str]:
    """What KMS does with `MessageType` DIGEST; moto would hash the digest once more."""
    key = backend.describe_key(key_id)
    private, digest = key.private_key.private_key, Prehashed(SHA256())
    if signing_algorithm == "ECDSA_SHA_256":
        return key.arn, private.sign(message, ECDSA(digest)), signing_algorithm
    assert signing_algorithm == "RSASSA_PKCS1_V1_5_SHA_256"
    return key.arn, private.sign(message, PKCS1v15(), digest), signing_algorithm


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[KMS]:
    """A KMS on loopback, which boto3 finds by the variables of AWS."""
    cors = ModuleType("flask_cors")  # moto serves browsers, too; here there are none
    monkeypatch.setitem(sys.modules, "flask_cors", cors)
    monkeypatch.setattr(cors, "CORS", lambda _application: None, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.kms.models import KmsBackend  # noqa: PLC0415 -- the same
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 -- it looks for flask_cors when it is imported
    monkeypatch.setattr(KmsBackend, "sign", _sign_digest)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    values = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "us-east-1", "ENDPOINT_URL_KMS": url}
    for name, value in values.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    made = KMS(server, url)
    yield made
    made.client.close()
    server.stop()


@pytest.fixture
def custodian(kms: KMS) -> Iterator[AWSKMSCustodian]:
    """What asks it."""
    assert kms.url
    made = AWSKMSCustodian()
    yield made
    made.close()


@pytest.mark.parametrize(("spec", "algorithm"), [("ECC_NIST_P256", "ES256"), ("RSA_2048", "RS256")])
def test_its_signatures_verify_with_the_key_that_it_publishes(
    kms: KMS, custodian: AWSKMSCustodian, spec: str, algorithm: str
) -> None:
    """RFC 7518 §3.3 and §3.4; the ARN says the region, whatever the default one is."""
    reference, key = custodian.public_key(kms.make(spec))
    published = as_signing_key(key)
    assert published.alg == algorithm
    for _ in range(8):  # r and s are short now and then
        signature = custodian.sign(reference.name, algorithm, MESSAGE)
        published.verifier(algorithm)(signature, MESSAGE)


def test_an_alias_stands_for_the_key_that_it_names_now(
    kms: KMS, custodian: AWSKMSCustodian, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be pointed to another key later, which then would sign under this one's name."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    arn = kms.make()
    kms.client.create_alias(AliasName="alias/jotary", TargetKeyId=arn)
    assert custodian.public_key("alias/jotary")[0].name == arn


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("ECC_NIST_P384", "SIGN_VERIFY"), ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), ("RSA_2048", "ENCRYPT_DECRYPT")],
)
def test_a_key_that_cannot_sign_here_is_refused(kms: KMS, custodian: AWSKMSCustodian, spec: str, usage: str) -> None:
    """With what to make instead."""
    with pytest.raises(NoSuchKeyError) as refused:
        custodian.public_key(kms.make(spec, usage))
    assert "ECC_NIST_P256" in refused.value.hint


def test_a_key_that_is_not_there_is_said_so(kms: KMS, custodian: AWSKMSCustodian) -> None:
    """Not a failure of KMS."""
    arn = kms.make()
    with pytest.raises(NoSuchKeyError, match="NotFoundException"):
        custodian.public_key(arn[:-12] + "000000000000")


def test_a_signature_that_kms_refuses_is_unavailable(kms: KMS, custodian: AWSKMSCustodian) -> None:
    """Somebody deleted the key: 503, and the operator reads the cause."""
    arn = kms.make()
    with pytest.raises(Unavailable, match="KMS does not sign"):
        custodian.sign(arn[:-12] + "000000000000", "ES256", MESSAGE)


@pytest.mark.parametrize(
    ("without", "name", "says"),
    [
        ("DEFAULT_REGION", "alias/jotary", "AWS_DEFAULT_REGION"),
        ("ACCESS_KEY_ID", "arn:aws:kms:eu-central-1:111122223333:alias/jotary", "AWS_PROFILE"),
    ],
)
def test_what_boto3_lacks_is_said_with_where_to_give_it(
    kms: KMS, custodian: AWSKMSCustodian, monkeypatch: pytest.MonkeyPatch, without: str, name: str, says: str
) -> None:
    """Trying again would not help."""
    assert kms.url
    monkeypatch.delenv(f"AWS_{without}")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    for ask in (lambda: custodian.public_key(name), lambda: custodian.sign(name, "ES256", MESSAGE)):
        with pytest.raises(Unavailable, match="KMS does not answer") as refused:
            ask()
        assert says in (refused.value.hint or "")


def test_credentials_that_come_later_are_found(
    kms: KMS, custodian: AWSKMSCustodian, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server may start before the machine has its role: it signs once that is there, without a restart."""
    arn = kms.make()
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(Unavailable, match="credentials"):
        custodian.sign(arn, "ES256", MESSAGE)
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = y\n")
    assert len(custodian.sign(arn, "ES256", MESSAGE)) == 64


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AccessDeniedException", "kms:Sign"),
        ("ExpiredTokenException", "AWS_PROFILE"),
        ("InvalidSignatureException", "AWS_PROFILE"),
        ("UnrecognizedClientException", "AWS_PROFILE"),
    ],
)
def test_rights_that_are_missing_are_said(kms: KMS, custodian: AWSKMSCustodian, code: str, says: str) -> None:
    """Neither would trying again help here. The codes are those of KMS's reference; moto's answers hold none."""
    arn = kms.make()
    with Stubber(custodian._client(arn)) as stubber:
        for operation, ask in (
            ("get_public_key", lambda: custodian.public_key(arn)),
            ("sign", lambda: custodian.sign(arn, "ES256", MESSAGE)),
        ):
            stubber.add_client_error(operation, service_error_code=code, http_status_code=400)
            with pytest.raises(Unavailable, match=code) as refused:
                ask()
            assert says in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("code", "says"),
    [("DisabledException", "Enable"), ("KMSInvalidStateException", "Enable"), ("NotFoundException", "")],
)
def test_a_key_that_cannot_sign_now_is_said_with_what_helps(
    kms: KMS, custodian: AWSKMSCustodian, code: str, says: str
) -> None:
    """Somebody disabled it, or is about to delete it."""
    arn = kms.make()
    with Stubber(custodian._client(arn)) as stubber:
        stubber.add_client_error("get_public_key", service_error_code=code, http_status_code=400)
        with pytest.raises(NoSuchKeyError, match=code) as missing:
            custodian.public_key(arn)
        stubber.add_client_error("sign", service_error_code=code, http_status_code=400)
        with pytest.raises(Unavailable, match=code) as refused:
            custodian.sign(arn, "ES256", MESSAGE)
    assert says in missing.value.hint
    assert "jotary key add" in (refused.value.hint or "")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_an_answer_of_something_else_is_unavailable(
    custodian: AWSKMSCustodian, monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    """A page of a proxy on the way, with status 200: a 503 of ours, and no internal error."""
    arn = f"arn:aws:kms:{REGION}:111122223333:key/one"
    with HTTPServer(("127.0.0.1", 0), Portal) as portal:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{portal.server_port}")
        answering = threading.Thread(target=portal.serve_forever)
        answering.start()
        public = as_signing_key(Key.generate(algorithm).public())
        custodians = Custodians({"aws-kms": lambda: custodian})
        try:
            for ask in (
                custodians.public_key("aws-kms", arn),
                custodians.sign(Reference("aws-kms", arn), public, b"{}", b"e30"),
            ):
                with pytest.raises(Unavailable, match=r"KMS|aws-kms"):
                    asyncio.run(ask)
        finally:
            custodians.close()
            portal.shutdown()
            answering.join()


class Portal(BaseHTTPRequestHandler):
    """What stands in the way of KMS."""

    def do_POST(self) -> None:
        """A page."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Please sign in</html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Say nothing."""


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_der_becomes_r_and_s(r: int, s: int) -> None:
    """RFC 7518 §3.4: 32 bytes each, short ones filled up."""
    assert aws_kms._raw(encode_dss_signature(r, s)) == r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize("der", [b"", b"\0" * 70, encode_dss_signature(2**300, 1)])
def test_what_is_no_signature_is_unavailable(der: bytes) -> None:
    """An answer of something else than KMS."""
    with pytest.raises(Unavailable, match="no signature"):
        aws_kms._raw(der)


def test_a_server_signs_with_kms_and_says_503_without_it(kms: KMS, place: "Place") -> None:
    """From `jotary key add` to the verified token, and to the outage."""
    place.environment["JOTARY_SIGNING_KEYS"] = "external"
    arn = kms.make()
    place.add_client()
    (added,) = place.json("key", "add", "--kms", arn)
    assert (added["held_by"], added["phase"]) == (f"aws-kms {arn}", "signing")
    place.serve()

    verified = place.verify(place.token())

    assert verified.header["kid"] == added["kid"]
    kms.server.stop()
    status, headers, answer = place.ask_for_token()
    assert (status, "access_token" in answer) == (503, False)
    assert headers["retry-after"]
