"""What the generated functions stand on: handles, texts, results."""

import ctypes
import enum
import functools
import threading
from collections import deque
from typing import Any, Callable, Deque, Optional, TypeVar

_Self = TypeVar("_Self", bound="OpenEnum")
_Handle = TypeVar("_Handle", bound="Handle")


class OpenEnum(enum.IntEnum):
    """An enum that takes the numbers of a newer library, as UNKNOWN_n."""

    @classmethod
    def _missing_(cls: "type[_Self]", value: object) -> Optional[_Self]:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


# --- handles ---
#
# The garbage collector may find an object anywhere, also while the log hook runs: in a
# thread of the library's, or inside a call that holds its locks. There the library must
# not be called; what is to be done waits for the next call from a thread of Python's own.

_waiting: Deque[Callable[[], Any]] = deque()


class _Thread(threading.local):
    """What is known of this thread. One of the library's begins anew with each call."""

    #: Whether the library may be called; None if that is not known yet.
    may_call: Optional[bool] = None


thread = _Thread()


def _is_pythons() -> bool:
    """Whether this thread was started by Python. Those that others started are unknown to
    it, or dummies from the moment that somebody asked for their names."""
    ident = threading.get_ident()
    return any(known.ident == ident and type(known).__name__ != "_DummyThread"
               for known in threading.enumerate())


def soon(call: Callable[[], Any], thread: _Thread = thread,
         waiting: Deque[Callable[[], Any]] = _waiting) -> None:
    """Call from a finalizer: now, or as soon as it is allowed."""
    if thread.may_call is None:
        thread.may_call = _is_pythons()
    if thread.may_call:
        call()
    else:
        waiting.append(call)


def call_waiting() -> None:
    """Do what could not be done where it was found."""
    while _waiting:
        try:
            call = _waiting.popleft()
        except IndexError:  # another thread was quicker
            return
        call()


class Handle(ctypes.c_void_p):
    """A pointer to an object of the library, which it owns if there is a `release`."""

    release: Optional[Callable[[int], Any]] = None
    #: Of a borrowed object: what owns it.
    keeper: object = None

    def __init__(self, value: Optional[int] = None) -> None:
        super().__init__(value)
        if thread.may_call is None:
            thread.may_call = True  # here a function was called, not a finalizer
        if _waiting and thread.may_call:
            call_waiting()

    @classmethod
    def of(cls: "type[_Handle]", pointer: int, keeper: object) -> _Handle:
        """A borrowed object, which lives as long as another one."""
        made = cls(pointer)
        made.keeper = keeper
        return made

    def close(self) -> None:
        """Give it back now."""
        pointer, self.value = self.value, None
        release = type(self).release
        if pointer is not None and release is not None:
            release(pointer)

    def __del__(self, soon: Callable[[Callable[[], Any]], None] = soon,
                partial: Any = functools.partial) -> None:
        pointer, release = self.value, type(self).release
        if pointer is not None and release is not None and self.keeper is None:
            self.value = None  # another finalizer of the same garbage may still look
            soon(partial(release, pointer))


# --- texts ---

def utf8(text: Any) -> Any:
    """The bytes of a str; None for None."""
    return None if text is None else text.encode()


def utf8_no_nul(text: Any) -> Any:
    """The bytes of a str that the library takes without its length."""
    if text is None:
        return None
    encoded = text.encode()
    if b"\0" in encoded:
        raise ValueError("a NUL character in a name")
    return encoded


def text_at(pointer: Any, size: int = -1) -> str:
    """A text of the library's; without a size it ends with NUL."""
    return ctypes.string_at(pointer, size).decode()


def text_or_none(pointer: Optional[int], size: int = -1) -> Optional[str]:
    return None if pointer is None else ctypes.string_at(pointer, size).decode()


def data(pointer: Optional[int], size: int) -> Optional[bytes]:
    return None if pointer is None else ctypes.string_at(pointer, size)


# --- results ---

def check(code: int, error: Any = None) -> None:
    """Raise what a negative result means; `error` is an aichat_error or None."""
    if code < 0:
        from ._errors import error_of  # it needs the functions that need this
        raise error_of(code, error)
