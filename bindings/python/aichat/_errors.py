"""Exceptions, one class for each family of the library's errors."""

from typing import TYPE_CHECKING, Any, Dict, Optional, Type

from . import _ffi
from ._ffi import ErrorCode

if TYPE_CHECKING:
    from ._message import Message


class Error(Exception):
    """What the library could not do, in one line; the base of all its errors.

    Errors of a family unknown to this version are plain `Error`s.
    """

    #: The library's code; `code.name` is such as "ENOTFOUND".
    code: ErrorCode
    #: The HTTP status that the provider answered with.
    status: Optional[int] = None
    #: The provider's own word for the error, such as "insufficient_quota".
    provider_code: Optional[str] = None
    #: The provider's id of the failed request, for its support.
    request_id: Optional[str] = None
    #: How many seconds the provider asks to wait.
    retry_after: Optional[float] = None
    #: What there is of the answer, where a reply failed on the way.
    partial: "Optional[Message]" = None

    def __init__(self, message: str, code: ErrorCode = ErrorCode.EINTERNAL) -> None:
        super().__init__(message)
        self.code = code

    @property
    def name(self) -> str:
        """The code's name as JSON carries it, such as "NOT_FOUND"."""
        return _ffi.error_name(self.code)


class InvalidError(Error, ValueError):
    """An argument is not valid: its value, its size, its UTF-8 or its JSON."""


class StateError(Error):
    """Not possible in this state, or not any more."""


class NotFound(Error, LookupError):
    """No such conversation, message or reply."""


class ClosedError(StateError):
    """The context is closed."""


class ForkError(StateError):
    """The object was made by another process; open a context after fork()."""


class WaitTimeout(Error, TimeoutError):
    """Nothing came in the time given."""


class LimitError(Error):
    """A limit was reached."""


class OutOfMemory(Error, MemoryError):
    """Memory is out."""


class ConfigError(Error):
    """The configuration is not valid, the model is not known, or a key is missing."""


class StoreError(Error):
    """The store failed; `code` says how."""


class ProviderError(Error):
    """The provider refused or failed."""


class NetworkError(ProviderError):
    """The provider cannot be reached, is silent, or was cut off."""


class AuthError(ProviderError):
    """The provider refused the key."""


class RateLimitError(ProviderError):
    """The provider asks to slow down, has no credit left, or is overloaded."""


_FAMILIES: Dict[Type[Error], str] = {
    InvalidError: "EINVAL EJSON EUTF8 ETOOLARGE",
    StateError: "EEXIST ESTATE ESTALE ECONFLICT ECANCELED",
    NotFound: "ENOTFOUND",
    ClosedError: "ECLOSED",
    ForkError: "EFORK",
    WaitTimeout: "EAGAIN",
    LimitError: "ELIMIT",
    OutOfMemory: "ENOMEM",
    ConfigError: "ECONFIG EMODEL EKEY",
    StoreError: "ESTORE ESTOREFULL ESTOREBUSY ESTOREREADONLY ESTORECORRUPT ESTORENEWER",
    ProviderError: "EREQUEST ECONTEXT EFILTER EPROVIDER",
    NetworkError: "ENETWORK ETIMEOUT ETLS EPROTOCOL EINTERRUPTED",
    AuthError: "EAUTH",
    RateLimitError: "ERATELIMIT EQUOTA EOVERLOADED",
}
_FAMILY: Dict[int, Type[Error]] = {
    ErrorCode[name]: family for family, names in _FAMILIES.items() for name in names.split()}


def error_of(code: int, error: Any = None) -> Error:
    """The exception for a code, with what an aichat_error (or None) adds."""
    message = _ffi.error_message(error) or _ffi.error_text(code)
    made = _FAMILY.get(code, Error)(message, ErrorCode(code))
    if error:
        made.status = _ffi.error_http_status(error) or None
        made.provider_code = _ffi.error_provider_code(error)
        made.request_id = _ffi.error_request_id(error)
        wait_ms = _ffi.error_retry_after_ms(error)
        made.retry_after = wait_ms / 1000 if wait_ms >= 0 else None
    return made
