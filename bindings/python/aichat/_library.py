"""Finds and loads libaichat.

What AICHAT_LIBRARY names, else a library that was put beside this file, else the one
that the system's loader knows.
"""

import ctypes
import os
from typing import Any, Callable


def _path(soname: str) -> str:
    named = os.environ.get("AICHAT_LIBRARY")
    if named:
        return named
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), soname)
    return bundled if os.path.exists(bundled) else soname


def load(abi: int) -> Callable[..., Callable[..., Any]]:
    """Load the library, which must have this binary interface.

    Returns a function that gives a function of the library its types.
    """
    path = _path(f"libaichat.so.{abi}")
    try:
        library = ctypes.CDLL(path)
        found = library.aichat_abi_version()
    except OSError as error:
        raise ImportError(
            f"cannot load libaichat: {error}; install the library, or set AICHAT_LIBRARY "
            "to its file") from None
    except AttributeError:
        raise ImportError(f"{path} is not libaichat") from None
    if found != abi:
        raise ImportError(
            f"{path} has the binary interface {found}, this package needs {abi}; install "
            "the package and the library of one version")

    def declare(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        try:
            function = library[name]
        except AttributeError:
            raise ImportError(
                f"{path} has no {name}: the library is older than this package") from None
        function.restype = result
        function.argtypes = arguments
        return function

    return declare
