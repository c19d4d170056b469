"""Ending a PKCS#11 library, which the binding does badly: it holds up the whole process meanwhile.

Where the library cannot end, as its HSM is away just then, the binding takes it for ended all the same, and can from
then on neither start nor use it.
"""

import ctypes
import sys
from typing import Final

_OK: Final = 0x000  # PKCS #11 v3.0 §5.4, CKR_OK
_NOT_INITIALIZED: Final = 0x190  # CKR_CRYPTOKI_NOT_INITIALIZED


class _Functions(ctypes.Structure):
    """The beginning of CK_FUNCTION_LIST (PKCS #11 v3.0 §3.6), which has no gaps on Windows."""

    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (
        ("version", ctypes.c_ubyte * 2),
        ("C_Initialize", ctypes.c_void_p),
        ("C_Finalize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
    )


def finalize(path: str) -> bool:
    """End the library (C_Finalize), while other threads go on; whether it has ended, or had before.

    Args:
        path: of the library.

    Raises:
        OSError: it cannot be loaded.
    """
    functions = ctypes.POINTER(_Functions)()
    if ctypes.CDLL(path).C_GetFunctionList(ctypes.byref(functions)) != _OK:
        return False
    return functions.contents.C_Finalize(None) in {_OK, _NOT_INITIALIZED}
