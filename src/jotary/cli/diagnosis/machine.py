"""The machine: its clock, its cores, its limits and its libraries."""

import os
import sys
import tempfile
import time
from importlib.metadata import version
from typing import Final

from cryptography.hazmat.backends.openssl import backend as openssl

from jotary.cli import open_files
from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, judge, ok, warn
from jotary.server.passwords.argon2id import hash_password

_TOLERABLE: Final = 5  # seconds: the leeway that verifiers have
_SLOWEST: Final = 0.5  # seconds a hash
_HASHES: Final = 3


def check(deployment: Deployment) -> Findings:
    """Clock, hashing, open files, versions."""
    yield _clock(deployment)
    yield from _hashing(deployment)
    if sys.platform != "win32":
        yield _open_files(deployment)
    yield ok("libraries", f"jotary {version('jotary')}, cryptography {version('cryptography')}, {_openssl()}")


def _openssl() -> str:
    return openssl.openssl_version_text()


def _clock(deployment: Deployment) -> Finding:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.flush()
        now = time.time()
        clocks = [*deployment.clocks, ("the file system", int(os.fstat(file.fileno()).st_mtime - now))]
    name, ahead = max(clocks, key=lambda each: abs(each[1]))
    found = f"{abs(ahead)} s {'behind' if ahead > 0 else 'ahead of'} {name}" if ahead else "agrees with all others"
    mend = "Set the clock, and keep it with NTP: timedatectl set-ntp true"
    return judge("clock", found, is_well=abs(ahead) <= _TOLERABLE, mend=mend, otherwise=warn)


def _hashing(deployment: Deployment) -> Findings:
    seconds = sorted(_timed() for _ in range(_HASHES))[_HASHES // 2]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = deployment.settings.hash_workers or cores
    mend = "Give the machine more or faster cores: sign-ins wait behind each other."
    found = f"{seconds * 1000:.0f} ms an Argon2id hash, {workers / seconds:.0f} sign-ins a second"
    yield judge("password hashing", found, is_well=seconds <= _SLOWEST, mend=mend, otherwise=warn)
    mend = "Set hash_workers = 0: one for every core."
    found = f"{workers} for {cores} cores"
    yield judge("hash workers", found, is_well=workers <= cores, mend=mend, otherwise=warn)


def _timed() -> float:
    start = time.perf_counter()
    hash_password("correct horse battery staple")
    return time.perf_counter() - start


def _open_files(deployment: Deployment) -> Finding:
    import resource  # noqa: PLC0415 -- not on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # up to which `jotary serve` raises its own
    needed = open_files.needed(deployment.limit_concurrency)
    mend = f"ulimit -Hn {needed}, LimitNOFILE={needed} in the unit; or a lower --limit-concurrency."
    found = f"{hard} at most from this shell, for {deployment.limit_concurrency} connections in each process"
    is_well = hard == resource.RLIM_INFINITY or hard >= needed
    return judge("open files", found, is_well=is_well, mend=mend, otherwise=warn)
