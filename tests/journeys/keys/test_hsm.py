"""A PKCS#11 token, as SoftHSM gives one: real keys that the server never has."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pkcs11
import pytest

from jotary.oauth.secret import Secret
from jotary.server.keyring import cryptoki
from jotary.server.keyring import pkcs11 as pkcs11_module
from jotary.server.keyring.external import NoSuchKeyError, as_signing_key
from jotary.server.keyring.pkcs11 import PKCS11Custodian
from jotary.server.ports import Unavailable

if TYPE_CHECKING:
    from tests.journeys.keys.conftest import Place

PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
LIBRARY = next((place for place in PLACES if Path(place).exists()), "")
TOKEN, PIN = "jotary", "1234"
MESSAGE = b"a header and a payload"
ALGORITHMS = {"p256": "ES256", "rsa": "RS256", "ed25519": "EdDSA"}

pytestmark = pytest.mark.skipif(
    not LIBRARY or shutil.which("softhsm2-util") is None, reason="SoftHSM is not installed (package softhsm2)"
)

# What the library's objects find when they are collected behind a session that died.
_of_dead_sessions = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MAKE_KEYS = """
import sys, pkcs11
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util.ec import encode_named_curve_parameters
with pkcs11.lib(sys.argv[1]).get_token(token_label="jotary").open(user_pin="1234", rw=True) as session:
    def curve(kind, parameters):
        return session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
    for label in ("p256", "p384"):
        name = {"p256": "secp256r1", "p384": "secp384r1"}[label]
        curve(KeyType.EC, encode_named_curve_parameters(name)).generate_keypair(
            mechanism=Mechanism.EC_KEY_PAIR_GEN, store=True, label=label)
    curve(KeyType.EC_EDWARDS, b"\\x13\\x0cedwards25519").generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="ed25519")
    session.generate_keypair(KeyType.RSA, 2048, store=True, label="rsa")
"""
# New sessions and searches, which change what the library knows, beside signatures, which look there.
SIGN_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from jotary.oauth.secret import Secret
from jotary.server.keyring.pkcs11 import PKCS11Custodian

custodian = PKCS11Custodian(library=sys.argv[1], token="jotary", pin=Secret("1234"))

def sign(_number):
    for _ in range(200):
        signature = custodian.sign("p256", "ES256", b"message")
        custodian._drop_session(0)
    return len(signature)

with ThreadPoolExecutor(8) as threads:
    print(*threads.map(sign, range(8)), "started anew:", custodian._generation)
"""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A token of its own, found by this process and by those that it starts."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    file = folder / "softhsm2.conf"
    file.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SOFTHSM2_CONF", str(file))
        label = ("--label", TOKEN, "--pin", PIN, "--so-pin", "5678")
        subprocess.run(["softhsm2-util", "--init-token", "--free", *label], check=True, capture_output=True)
        subprocess.run([sys.executable, "-c", MAKE_KEYS, LIBRARY], check=True, capture_output=True)
        yield file


@pytest.fixture
def custodian(configuration: Path) -> Iterator[PKCS11Custodian]:
    """What asks the token."""
    assert configuration.exists()
    made = PKCS11Custodian(library=LIBRARY, token=TOKEN, pin=Secret(PIN))
    yield made
    made.close()


@pytest.mark.parametrize("label", ALGORITHMS)
def test_its_signatures_verify_with_the_key_that_it_publishes(custodian: PKCS11Custodian, label: str) -> None:
    """RFC 7518 §3.3 and §3.4, RFC 8037 §3.1."""
    reference, key = custodian.public_key(label)
    published, algorithm = as_signing_key(key), ALGORITHMS[label]
    assert published.alg == algorithm
    for _ in range(8):
        published.verifier(algorithm)(custodian.sign(reference.name, algorithm, MESSAGE), MESSAGE)


def test_a_label_that_is_not_there_is_said_so(custodian: PKCS11Custodian) -> None:
    """Not a failure of the HSM."""
    with pytest.raises(NoSuchKeyError, match="no such key") as refused:
        custodian.public_key("another")
    assert "pkcs11-tool" in refused.value.hint


def test_a_curve_that_cannot_sign_here_is_refused(custodian: PKCS11Custodian) -> None:
    """P-384 would be ES384."""
    with pytest.raises(NoSuchKeyError, match="cannot sign here"):
        as_signing_key(custodian.public_key("p384")[1])


@_of_dead_sessions
def test_a_library_that_lost_everything_is_started_anew(custodian: PKCS11Custodian) -> None:
    """Sessions, login and library: an HSM that was switched off and on again needs no restart of the server."""
    _, key = custodian.public_key("p256")
    pkcs11.lib(LIBRARY).finalize()
    as_signing_key(key).verifier("ES256")(custodian.sign("p256", "ES256", MESSAGE), MESSAGE)


@_of_dead_sessions
def test_a_login_that_was_lost_is_renewed(custodian: PKCS11Custodian) -> None:
    """The private keys cannot be seen without it."""
    _, key = custodian.public_key("p256")
    pkcs11.lib(LIBRARY).reinitialize()
    as_signing_key(key).verifier("ES256")(custodian.sign("p256", "ES256", MESSAGE), MESSAGE)


@_of_dead_sessions
def test_a_library_that_cannot_end_is_tried_again(custodian: PKCS11Custodian, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its HSM is away just then (CKR_GENERAL_ERROR): it must not be taken for ended, and started a second time."""
    real, is_away = pkcs11_module._SIGN["ES256"], True

    def sign(key: Any, message: bytes) -> bytes:
        if is_away:
            raise pkcs11.GeneralError
        return real(key, message)

    _, key = custodian.public_key("p256")
    monkeypatch.setitem(pkcs11_module._SIGN, "ES256", sign)
    with monkeypatch.context() as away:
        away.setattr(cryptoki, "finalize", lambda _path: False)
        with pytest.raises(Unavailable, match="GeneralError"):
            custodian.sign("p256", "ES256", MESSAGE)
    is_away = False
    as_signing_key(key).verifier("ES256")(custodian.sign("p256", "ES256", MESSAGE), MESSAGE)


@_of_dead_sessions
def test_a_library_ends_once_and_has_ended_then(custodian: PKCS11Custodian) -> None:
    """C_Finalize, and CKR_CRYPTOKI_NOT_INITIALIZED (PKCS #11 v3.0 §5.4); the binding notices at its next use."""
    custodian.public_key("p256")
    assert cryptoki.finalize(LIBRARY)
    assert cryptoki.finalize(LIBRARY)
    with pytest.raises(OSError, match="nowhere"):
        cryptoki.finalize("/nowhere.so")
    with pytest.raises(pkcs11.PKCS11Error):
        pkcs11.lib(LIBRARY).reinitialize()
    assert len(custodian.sign("p256", "ES256", MESSAGE)) == 64


class Counted:
    """Starts the library anew, and says how often. Once is enough: a second time could end the process."""

    def __init__(self, told: list[str] | None = None) -> None:
        self.starts = 0
        self.told = [] if told is None else told
        self.restart = cryptoki.restart

    def __call__(self, path: str) -> bool:
        """Start anew the first time."""
        self.starts += 1
        self.told.append("started anew")
        return self.starts > 1 or self.restart(path)


@_of_dead_sessions
def test_threads_that_lose_the_login_together_start_the_library_anew_once(
    custodian: PKCS11Custodian, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second start would end the sessions that the other thread has opened since the first."""
    real, attempts = pkcs11_module._SIGN["ES256"], Counter[bytes]()
    both_lost, library = threading.Barrier(2, timeout=30), Counted()  # seconds

    def sign(key: Any, message: bytes) -> bytes:
        attempts[message] += 1
        if attempts[message] == 2:  # both know the login that was lost as the same one
            both_lost.wait()
        if attempts[message] <= 2:
            raise pkcs11.SessionHandleInvalid
        return real(key, message)

    public = as_signing_key(custodian.public_key("p256")[1])
    monkeypatch.setitem(pkcs11_module._SIGN, "ES256", sign)
    monkeypatch.setattr(cryptoki, "restart", library)
    messages = (b"one", b"another")
    with ThreadPoolExecutor(2) as threads:
        signing = [threads.submit(custodian.sign, "p256", "ES256", message) for message in messages]
        for message, signed in zip(messages, signing, strict=True):
            public.verifier("ES256")(signed.result(), message)
    assert library.starts == 1


def test_many_threads_use_it_at_once(configuration: Path) -> None:
    """A library that was started for one thread alone ends the process (PKCS #11 v3.0 §5.4, CKF_OS_LOCKING_OK)."""
    assert configuration.exists()
    done = subprocess.run([sys.executable, "-c", SIGN_AT_ONCE, LIBRARY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "64 64 64 64 64 64 64 64 started anew: 0\n"), done.stderr


@_of_dead_sessions
def test_the_library_is_not_started_anew_in_the_middle_of_a_call(
    custodian: PKCS11Custodian, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that call finds otherwise is not defined: with some libraries, the end of the process."""
    real, told, is_signing, is_lost = pkcs11_module._SIGN["ES256"], list[str](), threading.Event(), threading.Event()
    library = Counted(told)

    def sign(key: Any, message: bytes) -> bytes:
        if message == b"lost" and not library.starts:
            is_signing.wait(30)
            is_lost.set()
            raise pkcs11.SessionHandleInvalid
        if message == b"slow" and not told:
            is_signing.set()
            is_lost.wait(30)
            time.sleep(0.1)  # in which the other one would start the library
            told.append("signed")
        return real(key, message)

    custodian.public_key("p256")
    monkeypatch.setitem(pkcs11_module._SIGN, "ES256", sign)
    monkeypatch.setattr(cryptoki, "restart", library)
    with ThreadPoolExecutor(2) as threads:
        for signing in [threads.submit(custodian.sign, "p256", "ES256", message) for message in (b"slow", b"lost")]:
            signing.result(30)
    assert told == ["signed", "started anew"]


def test_a_call_that_hangs_keeps_nobody_waiting_for_ever(
    custodian: PKCS11Custodian, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library stays as it is while that call is in it, and whoever needs it anew is told so."""
    real, is_hanging, may_end, library = pkcs11_module._SIGN["ES256"], threading.Event(), threading.Event(), Counted()

    def sign(key: Any, message: bytes) -> bytes:
        if message == b"lost":
            raise pkcs11.SessionHandleInvalid
        is_hanging.set()
        may_end.wait(30)
        return real(key, message)

    public = as_signing_key(custodian.public_key("p256")[1])
    monkeypatch.setitem(pkcs11_module._SIGN, "ES256", sign)
    monkeypatch.setattr(cryptoki, "restart", library)
    monkeypatch.setattr(pkcs11_module, "TIMEOUT", 0.05)
    with ThreadPoolExecutor(1) as thread:
        hanging = thread.submit(custodian.sign, "p256", "ES256", b"slow")
        is_hanging.wait(30)
        with pytest.raises(Unavailable, match="SessionHandleInvalid"):
            custodian.sign("p256", "ES256", b"lost")
        assert library.starts == 0
        may_end.set()
        public.verifier("ES256")(hanging.result(30), b"slow")


@_of_dead_sessions
def test_a_token_that_is_away_is_unavailable_until_it_is_back(custodian: PKCS11Custodian, configuration: Path) -> None:
    """503 meanwhile, and no restart."""
    custodian.sign("p256", "ES256", MESSAGE)
    tokens = configuration.parent / "tokens"
    away = tokens.rename(configuration.parent / "away")
    tokens.mkdir()
    pkcs11.lib(LIBRARY).reinitialize()
    try:
        with pytest.raises(Unavailable, match="HSM does not answer") as refused:
            custodian.sign("p256", "ES256", MESSAGE)
        assert "pkcs11_token" in (refused.value.hint or "")
    finally:
        tokens.rmdir()
        away.rename(tokens)
    assert len(custodian.sign("p256", "ES256", MESSAGE)) == 64


def test_a_refused_pin_is_never_tried_twice(configuration: Path) -> None:
    """A token locks itself after a few: the server must not do that to its own HSM."""
    assert configuration.exists()
    pkcs11.lib(LIBRARY).reinitialize()
    custodian = PKCS11Custodian(library=LIBRARY, token=TOKEN, pin=Secret("0000"))
    for _ in range(2):
        with pytest.raises(Unavailable, match="refused the PIN") as refused:
            custodian.sign("p256", "ES256", MESSAGE)
        assert "pkcs11_pin_file" in (refused.value.hint or "")
        custodian._pin = Secret(PIN)  # even the right one: only a start with new settings tries again


def test_a_library_that_is_not_there_is_unavailable() -> None:
    """Said to the operator."""
    script = (
        "from jotary.oauth.secret import Secret\n"
        "from jotary.server.keyring.pkcs11 import PKCS11Custodian\n"
        "try:\n"
        "    PKCS11Custodian(library='/nowhere.so', token='t', pin=Secret('1')).sign('k', 'ES256', b'')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Unavailable the HSM does not answer"), done.stderr
    assert "pkcs11_library" in done.stdout


def test_a_server_signs_with_the_hsm(configuration: Path, place: "Place") -> None:
    """From `jotary key add` to the verified token; the PIN comes from a file."""
    assert configuration.exists()
    (place.folder / "pin").write_text(f"{PIN}\n")
    place.environment |= {
        "JOTARY_SIGNING_KEYS": "external",
        "JOTARY_PKCS11_LIBRARY": LIBRARY,
        "JOTARY_PKCS11_TOKEN": TOKEN,
        "JOTARY_PKCS11_PIN_FILE": "pin",
    }
    place.add_client()
    (added,) = place.json("key", "add", "--pkcs11", "p256")
    assert (added["held_by"], added["phase"]) == ("pkcs11 p256", "signing")
    place.serve()

    verified = place.verify(place.token())

    assert (verified.header["kid"], verified.header["alg"]) == (added["kid"], "ES256")
    assert PIN not in (place.folder / "log").read_text()
    assert external_key(place) == ("ok", "pkcs11 p256 signs")
    (place.folder / "pin").write_text("0000\n")
    assert external_key(place) == ("fail", "pkcs11 p256: the HSM refused the PIN (PinIncorrect)")


def external_key(place: "Place") -> tuple[str, str]:
    """What `jotary doctor` says of the key that signs."""
    findings = {each["name"]: each for each in json.loads(place.run("doctor", "--json").stdout)}
    return findings["external key"]["verdict"], findings["external key"]["found"]
