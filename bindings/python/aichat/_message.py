"""Messages and their parts as plain values, made of canonical JSON and back."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from . import _ffi
from ._ffi import MessageState, PartType, Role, StopReason

_PART_TYPES = {_ffi.part_type_name(member): member for member in PartType}
_ROLES = {_ffi.role_name(member): member for member in Role}
_STATES = {_ffi.message_state_name(member): member for member in MessageState}
_REASONS = {_ffi.stop_reason_name(member): member for member in StopReason}

# Members of the JSON that Message carries for the way back.
_KEPT = ("edit_of", "dialect", "response_id", "stop_word", "stop_sequence")


@dataclass(frozen=True)
class Usage:
    """Tokens of one message. None where the provider did not say."""

    #: Everything read, cached or not.
    input_tokens: Optional[int] = None
    #: Of it, read from a cache.
    cached_tokens: Optional[int] = None
    #: Of it, written to a cache.
    cache_write_tokens: Optional[int] = None
    #: Everything written.
    output_tokens: Optional[int] = None
    #: Of it, reasoning.
    reasoning_tokens: Optional[int] = None


@dataclass(frozen=True)
class ToolCall:
    """The model's wish to have a tool called. The arguments are untrusted text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Part:
    """One of the ordered parts of a message. Which members are set depends on the type."""

    type: PartType
    #: The text; of a tool call its arguments as they came, of a result all its text.
    text: str = ""
    #: Of a tool call its own id, of a tool result that of its call.
    id: Optional[str] = None
    #: The tool, the file, or the title of a source.
    name: Optional[str] = None
    media_type: Optional[str] = None
    #: The bytes of an image, audio or file.
    data: Optional[bytes] = field(default=None, repr=False)
    url: Optional[str] = None
    #: Of a tool result: the tool failed.
    is_error: bool = False
    #: What a tool result consists of.
    parts: Tuple["Part", ...] = ()
    #: The provider's own JSON, where these members do not carry it all.
    raw: Optional[str] = field(default=None, repr=False)

    @classmethod
    def image(cls, data: bytes, media_type: str = "image/png") -> "Part":
        """An image to send."""
        return cls(PartType.IMAGE, data=data, media_type=media_type)

    @classmethod
    def audio(cls, data: bytes, media_type: str = "audio/wav") -> "Part":
        """Sound to send."""
        return cls(PartType.AUDIO, data=data, media_type=media_type)

    @classmethod
    def file(cls, data: bytes, media_type: str, name: str) -> "Part":
        """A file to send."""
        return cls(PartType.FILE, data=data, media_type=media_type, name=name)

    @classmethod
    def _from(cls, value: Mapping[str, Any]) -> "Part":
        kind = _PART_TYPES.get(value["type"], PartType.UNKNOWN)
        parts = tuple(cls._from(part) for part in value.get("parts", ()))
        text: str = value.get("arguments" if kind == PartType.TOOL_CALL else "text", "")
        if kind == PartType.TOOL_RESULT:
            text = "".join(part.text for part in parts)
        encoded = value.get("data")
        return cls(
            kind, text, value.get("tool_call_id", value.get("id")),
            value.get("title", value.get("name")), value.get("media_type"),
            base64.b64decode(encoded) if encoded is not None else None, value.get("url"),
            value.get("is_error", False), parts, value.get("raw"))

    def _to(self) -> Dict[str, Any]:
        kind = self.type
        is_result = kind == PartType.TOOL_RESULT
        encoded = base64.b64encode(self.data).decode() if self.data is not None else None
        value: Dict[str, Any] = {
            "type": _ffi.part_type_name(kind),
            "tool_call_id" if is_result else "id": self.id,
            "media_type": self.media_type,
            "data": encoded,
            "title" if kind == PartType.SOURCE else "name": self.name,
            "url": self.url,
            "raw": self.raw,
        }
        if is_result:
            parts = self.parts or (Part(PartType.TEXT, self.text),)
            value.update(is_error=self.is_error, parts=[part._to() for part in parts])
        elif self.text or kind in (PartType.TEXT, PartType.REFUSAL):
            value["arguments" if kind == PartType.TOOL_CALL else "text"] = self.text
        return {key: item for key, item in value.items() if item is not None}


@dataclass(frozen=True)
class Message:
    """What one author said in one step. It never changes."""

    role: Role
    parts: Tuple[Part, ...]
    #: None for a message that is not stored.
    id: Optional[str] = None
    #: The message that it follows; None for the first of a conversation.
    parent_id: Optional[str] = None
    conversation_id: Optional[str] = None
    state: MessageState = MessageState.SEALED
    created_at: Optional[datetime] = None
    #: Who wrote it, such as "openai"; None if no provider did.
    provider: Optional[str] = None
    model: Optional[str] = None
    stop_reason: StopReason = StopReason.NONE
    usage: Usage = Usage()
    #: What it cost by the price table of its day, in 10^-9 US dollars.
    cost_nano_usd: Optional[int] = None
    _kept: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, role: Role, *parts: Union[str, Part]) -> "Message":
        """A message to send: texts, and parts such as `Part.image()`."""
        return cls(role, tuple(Part(PartType.TEXT, part) if isinstance(part, str) else part
                               for part in parts))

    @classmethod
    def user(cls, *parts: Union[str, Part]) -> "Message":
        """A question."""
        return cls.of(Role.USER, *parts)

    @classmethod
    def system(cls, text: str) -> "Message":
        """A system prompt."""
        return cls.of(Role.SYSTEM, text)

    @classmethod
    def assistant(cls, *parts: Union[str, Part]) -> "Message":
        """An answer, as if a model had given it."""
        return cls.of(Role.ASSISTANT, *parts)

    @property
    def text(self) -> str:
        """All text parts, one after the other."""
        return "".join(part.text for part in self.parts if part.type == PartType.TEXT)

    @property
    def tool_calls(self) -> List[ToolCall]:
        """The tools that the model wants called."""
        return [ToolCall(part.id or "", part.name or "", part.text)
                for part in self.parts if part.type == PartType.TOOL_CALL]

    @classmethod
    def from_json(cls, text: str) -> "Message":
        """Read a message from canonical JSON, the form of exports and events."""
        return message_of(_ffi.message_from_json(text))

    def to_json(self) -> str:
        """The message as canonical JSON."""
        return _ffi.message_to_json(handle_of(self))


def message_of(handle: "_ffi.aichat_message") -> Message:
    value = json.loads(_ffi.message_to_json(handle))
    created = value.get("created_at")
    return Message(
        _ROLES[value["role"]],
        tuple(Part._from(part) for part in value["parts"]),
        value.get("id"), value.get("parent_id"), value.get("conversation_id"),
        _STATES[value["state"]],
        moment_of(created) if created else None,
        value.get("provider"), value.get("model"),
        _REASONS.get(value.get("stop_reason"), StopReason.NONE),
        Usage(**value.get("usage", {})), value.get("cost_nano_usd"),
        {key: value[key] for key in _KEPT if key in value})


def handle_of(message: Message) -> "_ffi.aichat_message":
    value: Dict[str, Any] = {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "parent_id": message.parent_id,
        "role": _ffi.role_name(message.role),
        "state": _ffi.message_state_name(message.state),
        "created_at": _time(message.created_at),
        "provider": message.provider,
        "model": message.model,
        "cost_nano_usd": message.cost_nano_usd,
        **message._kept,
    }
    if message.stop_reason != StopReason.NONE:
        value["stop_reason"] = _ffi.stop_reason_name(message.stop_reason)
    usage = {key: count for key, count in vars(message.usage).items() if count is not None}
    if usage:
        value["usage"] = usage
    value["parts"] = [part._to() for part in message.parts]
    return _ffi.message_from_json(json.dumps(
        {key: item for key, item in value.items() if item is not None}))


def moment_of(text: str) -> datetime:
    """Of a time in JSON."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _time(moment: Optional[datetime]) -> Optional[str]:
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
