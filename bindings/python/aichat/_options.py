"""Options: from Python's values to a bag of the library's."""

import json
import logging
import os
import re
from ctypes import c_void_p
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from . import _ffi
from ._ffi import LogLevel, OptionType
from ._support import thread

#: The value of an option. Lists are for options that are lists; of an option that is
#: JSON, such as "response_schema" and "body.NAME", the value is what JSON can say.
OptionValue = Union[None, str, int, float, Sequence[Any], Mapping[str, Any]]
Options = Mapping[str, OptionValue]


@dataclass(frozen=True)
class Option:
    """One row of the table of options."""

    #: With NAME in place of a part of your choosing.
    name: str
    type: OptionType
    default: Optional[str]
    help: str


def options() -> List[Option]:
    """Every option that there is; `aichat help options` prints the same."""
    found: List[Option] = []
    while True:
        n = len(found)
        name, kind = _ffi.option_name(n), _ffi.option_type(n)
        if name is None or kind is None:
            return found
        found.append(Option(name, kind, _ffi.option_default(n), _ffi.option_help(n) or ""))


_types: Dict[str, OptionType] = {}  # pattern of the name -> type


def _type(name: str) -> OptionType:
    if not _types:
        for option in options():
            _types[re.escape(option.name).replace("NAME", ".+")] = option.type
    for pattern, kind in _types.items():
        if re.fullmatch(pattern, name):
            return kind
    return OptionType.STRING  # the library refuses it and suggests the nearest


def _set(bag: "_ffi.aichat_options", name: str, value: Any) -> None:
    kind = _type(name)
    if kind == OptionType.JSON:
        _ffi.options_set(bag, name, json.dumps(value))
    elif isinstance(value, bool):
        _ffi.options_set(bag, name, "true" if value else "false")
    elif kind == OptionType.INT and isinstance(value, int):
        _ffi.options_set_int(bag, name, value)
    elif kind == OptionType.NUMBER and isinstance(value, (int, float)):
        _ffi.options_set_number(bag, name, value)
    elif isinstance(value, (list, tuple)):
        _ffi.options_set(bag, name, "\n".join(str(item) for item in value))
    else:
        _ffi.options_set(bag, name, str(value))


def bag_of(given: Optional[Options], more: Options) -> "Optional[_ffi.aichat_options]":
    """A bag with both; None for none. An option that is None is left out."""
    values = {name: value for name, value in {**(given or {}), **more}.items()
              if value is not None}
    if not values:
        return None
    bag = _ffi.options_new()
    for name, value in values.items():
        _set(bag, name, value)
    return bag


def load_into(bag: "_ffi.aichat_options", path: "Union[bool, str, os.PathLike[str]]") -> None:
    """The user's configuration file and environment, under what is set already."""
    _ffi.options_load(bag, None if isinstance(path, bool) else os.fspath(path))


# --- the log ---

_LEVELS = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
}
_loggers: List[logging.Logger] = []  # the hook's `user` is 1 + the place here


def _log(user: Optional[int], level: int, message: bytes) -> None:
    before, thread.may_call = thread.may_call, False
    try:
        logger = _loggers[(user or 0) - 1]
        logger.log(_LEVELS.get(LogLevel(level), logging.DEBUG), "%s", message.decode())
    finally:
        thread.may_call = before


# One for the life of the process: a thread of the library's may be about to call it.
_hook = _ffi.aichat_log_hook(_log)


def log_to(bag: "_ffi.aichat_options", logger: logging.Logger) -> None:
    """Send the library's log to a logger, from its present level on."""
    if logger not in _loggers:
        _loggers.append(logger)
    wanted = logger.getEffectiveLevel()
    level = max((ours for ours, theirs in _LEVELS.items() if theirs >= wanted),
                default=LogLevel.ERROR)
    _ffi.options_set_log(bag, _hook, c_void_p(_loggers.index(logger) + 1), level)
