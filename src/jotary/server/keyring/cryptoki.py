"""Starting and ending a PKCS#11 library, which the binding does badly.

It starts the library for one thread alone (C_Initialize with NULL, PKCS #11 v3.0 §5.4): calls of several at once may
then end the process. It holds up the whole process while the library ends. And where that cannot end, as its HSM is
away just then, the binding takes it for ended all the same.
"""

import ctypes
import sys
import threading
from typing import Final

_OK: Final = 0x000  # PKCS #11 v3.0 §5.4, CKR_OK
_NOT_INITIALIZED: Final = 0x190  # CKR_CRYPTOKI_NOT_INITIALIZED
_OS_LOCKING_OK: Final = 0x2  # CKF_OS_LOCKING_OK: the library locks as the system does

_Function = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)


class _Structure(ctypes.Structure):
    """One without gaps on Windows (PKCS #11 v3.0 §2.1)."""

    if sys.platform == "win32":
        _pack_ = 1


class _Functions(_Structure):
    """The beginning of CK_FUNCTION_LIST (§3.6)."""

    _fields_ = (("version", ctypes.c_ubyte * 2), ("C_Initialize", _Function), ("C_Finalize", _Function))


class _Arguments(_Structure):
    """CK_C_INITIALIZE_ARGS (§3.7)."""

    _fields_ = (("mutexes", ctypes.c_void_p * 4), ("flags", ctypes.c_ulong), ("reserved", ctypes.c_void_p))


_lock = threading.Lock()
_started: set[str] = set()


def start(path: str) -> None:
    """Start the library for several threads, once in this process; the binding has started it for one already.

    Args:
        path: of the library.

    Raises:
        OSError: it cannot be loaded, or does not start.
    """
    with _lock:
        if path not in _started and restart(path):
            _started.add(path)


def restart(path: str) -> bool:
    """End the library, while other threads go on, and start it anew; false if it cannot end just now.

    Raises:
        OSError: as `start`.
    """
    if not finalize(path):
        return False
    arguments = _Arguments(flags=_OS_LOCKING_OK)
    answer = _functions(path).C_Initialize(ctypes.byref(arguments))
    if answer != _OK:
        raise OSError(f"{path} does not start (0x{answer:x})")
    return True


def finalize(path: str) -> bool:
    """End the library (C_Finalize); whether it has ended, or had before.

    Raises:
        OSError: it cannot be loaded.
    """
    return _functions(path).C_Finalize(None) in {_OK, _NOT_INITIALIZED}


def _functions(path: str) -> _Functions:
    functions = ctypes.POINTER(_Functions)()
    answer = ctypes.CDLL(path).C_GetFunctionList(ctypes.byref(functions))
    if answer != _OK:
        raise OSError(f"{path} does not name its functions (0x{answer:x})")
    found: _Functions = functions.contents
    return found
