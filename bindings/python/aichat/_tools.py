"""Tools made of Python functions: the schema, the arguments, the call."""

import asyncio
import dataclasses
import enum
import functools
import inspect
import json
import logging
import re
import types
from typing import (Any, Callable, Dict, Generic, Iterable, List, Literal, Mapping,
                    Optional, Tuple, TypeVar, Union, get_args, get_origin, get_type_hints)

from . import _ffi
from ._message import ToolCall

_R = TypeVar("_R")

_SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number"}
_UNIONS = (Union, getattr(types, "UnionType", Union))  # X | Y came with Python 3.10


def schema_of(kind: Any) -> Dict[str, Any]:
    """The JSON schema of a type."""
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind]}
    if kind is Any:
        return {}
    if kind is type(None):
        return {"type": "null"}
    origin, inner = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return {"anyOf": [schema_of(choice) for choice in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if kind is list or origin is list:
        return {"type": "array", **({"items": schema_of(inner[0])} if inner else {})}
    if kind is dict or origin is dict:
        return {"type": "object",
                **({"additionalProperties": schema_of(inner[1])} if inner else {})}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        fields = dataclasses.fields(kind)
        return _object({field.name: schema_of(hints[field.name]) for field in fields},
                       [field.name for field in fields if not _has_default(field)])
    raise TypeError(f"no JSON schema for {kind!r}")


def _object(properties: Dict[str, Any], required: List[str]) -> Dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required,
            "additionalProperties": False}


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def value_of(kind: Any, value: Any, where: str) -> Any:
    """A JSON value as that type, or ValueError: arguments come from a model."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in _SIMPLE:
        if type(value) is kind:
            return value
    elif kind is type(None):
        if value is None:
            return None
    elif origin in _UNIONS:
        for choice in inner:
            try:
                return value_of(choice, value, where)
            except ValueError:
                pass
    elif origin is Literal:
        for choice in inner:
            if type(choice) is type(value) and choice == value:
                return value
    elif kind is list or origin is list:
        if isinstance(value, list):
            item = inner[0] if inner else Any
            return [value_of(item, element, f"{where}[{n}]") for n, element in enumerate(value)]
    elif kind is dict or origin is dict:
        if isinstance(value, dict):
            item = inner[1] if inner else Any
            return {key: value_of(item, element, f"{where}.{key}")
                    for key, element in value.items()}
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        for member in kind:
            if type(member.value) is type(value) and member.value == value:
                return member
    elif dataclasses.is_dataclass(kind) and isinstance(value, dict):
        hints = get_type_hints(kind)
        wanted = {field.name: (hints[field.name], not _has_default(field))
                  for field in dataclasses.fields(kind)}
        return kind(**_members(wanted, value, f"{where}."))
    raise ValueError(f"{where} is not what the schema says")


def _members(wanted: Mapping[str, Tuple[Any, bool]], given: Mapping[str, Any],
             prefix: str) -> Dict[str, Any]:
    """The members of an object, by name -> (type, whether it must be there)."""
    for name in given:
        if name not in wanted:
            raise ValueError(f"{prefix}{name} is not in the schema")
    for name, (_, required) in wanted.items():
        if required and name not in given:
            raise ValueError(f"{prefix}{name} is missing")
    return {name: value_of(wanted[name][0], value, prefix + name)
            for name, value in given.items()}


class Tool(Generic[_R]):
    """A function that the model may call; also the function itself."""

    def __init__(self, function: Callable[..., _R], name: Optional[str] = None) -> None:
        self.function = function
        self.name = name or function.__name__
        text = inspect.getdoc(function) or ""
        self.description, about = _described(text)
        hints = get_type_hints(function)
        self._parameters: Dict[str, Tuple[Any, bool]] = {}
        properties = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD,
                                  parameter.POSITIONAL_ONLY):
                raise TypeError(f"{self.name}(): {parameter} cannot be told to a model")
            if parameter.name not in hints:
                raise TypeError(f"{self.name}(): {parameter.name} has no annotation")
            kind = hints[parameter.name]
            self._parameters[parameter.name] = (kind, parameter.default is parameter.empty)
            properties[parameter.name] = schema_of(kind)
            if parameter.name in about:
                properties[parameter.name]["description"] = about[parameter.name]
        #: What the model is told of the arguments.
        self.parameters = _object(
            properties, [name for name, (_, required) in self._parameters.items() if required])
        self.is_async = inspect.iscoroutinefunction(function)

    def __call__(self, *args: Any, **kwargs: Any) -> _R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<aichat.Tool {self.name}>"

    def _declaration(self) -> Dict[str, Any]:
        return {"name": self.name, "description": self.description,
                "parameters": self.parameters}

    def _arguments(self, text: str) -> Dict[str, Any]:
        """The arguments of a call. Hostile ones are a ValueError."""
        _ffi.json_parse(text or "{}")  # strict, and within limits
        value = json.loads(text or "{}")
        if not isinstance(value, dict):
            raise ValueError("the arguments are no object")
        return _members(self._parameters, value, "")


def tool(function: Callable[..., _R]) -> Tool[_R]:
    """Make a function one that the model may call.

    The schema comes from the annotations, the description from the docstring; lines such
    as "city: where to look" in it describe parameters. Arguments are checked against the
    annotations before the function is called. The function may be async. What it raises
    is told to the model.

        @aichat.tool
        def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
            '''The weather of a city.

            city: its name in English
            '''
    """
    return Tool(function)


def _described(text: str) -> Tuple[str, Dict[str, str]]:
    """A docstring's description, and its "name: ..." lines."""
    about, rest = {}, []
    for line in text.splitlines():
        match = re.match(r"\s*(?::param )?(\w+):\s+(\S.*)", line)
        if match:
            about[match.group(1)] = match.group(2)
        elif line.strip() not in ("Args:", "Parameters:"):
            rest.append(line)
    return "\n".join(rest).strip(), about


class Toolbox:
    """The tools of a reply or a conversation, by name."""

    def __init__(self, tools: Iterable[Union[Tool[Any], Callable[..., Any]]]) -> None:
        self._tools: Dict[str, Tool[Any]] = {}
        for item in tools:
            made = item if isinstance(item, Tool) else Tool(item)
            if made.name in self._tools:
                raise ValueError(f"two tools are called {made.name}")
            self._tools[made.name] = made

    def __bool__(self) -> bool:
        return bool(self._tools)

    def to_json(self) -> Optional[str]:
        """The declarations for the library; None for no tools."""
        return json.dumps([made._declaration() for made in self._tools.values()]) \
            if self._tools else None

    def call(self, call: ToolCall) -> Tuple[str, bool]:
        """Run a call: the result's text, and whether it is an error."""
        found = self._tools.get(call.name)
        if found is not None and found.is_async:
            raise TypeError(f"the tool {call.name} is async: use `async for` or `await`")
        try:
            return _text(self._prepared(call)()), False
        except Exception as error:
            return _told(call, error)

    async def call_async(self, call: ToolCall) -> Tuple[str, bool]:
        """The same on an event loop; functions that are not async may block, and get a
        thread of its executor."""
        try:
            prepared = self._prepared(call)
            if self._tools[call.name].is_async:
                return _text(await prepared()), False
            return _text(await asyncio.to_thread(prepared)), False
        except Exception as error:
            return _told(call, error)

    def _prepared(self, call: ToolCall) -> Callable[[], Any]:
        found = self._tools.get(call.name)
        if found is None:
            raise LookupError(f"there is no tool {call.name}")
        return functools.partial(found.function, **found._arguments(call.arguments))


def _text(result: Any) -> str:
    if isinstance(result, str):
        return result
    return json.dumps(result, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, enum.Enum):
        return value.value
    return str(value)


def _told(call: ToolCall, error: Exception) -> Tuple[str, bool]:
    logging.getLogger("aichat").info("the tool %s failed", call.name, exc_info=error)
    return f"{type(error).__name__}: {error}", True
