"""Conversations: trees of messages."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import (TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Mapping, Optional,
                    Tuple, Union)

from . import _ffi
from ._message import Message, Part, handle_of, message_of, moment_of
from ._options import Options, OptionValue, bag_of
from ._reply import Reply
from ._tools import Tool, Toolbox

if TYPE_CHECKING:
    from ._context import Context


_PAGE = 100


@dataclass(frozen=True)
class Info:
    """What is stored of a conversation beside its messages."""

    id: str
    #: The one that was set, else the first words.
    title: str
    head: Optional[str]
    tags: Tuple[str, ...]
    pinned: bool
    archived: bool
    #: Counts its changes, for `Conversation.change()`.
    version: int
    created_at: datetime
    updated_at: datetime
    #: Its options, as text.
    options: Mapping[str, str]


def info_of(text: str) -> Info:
    """Of canonical JSON."""
    value = json.loads(text)
    return Info(value["id"], value.get("title", ""), value.get("head"), tuple(value["tags"]),
                value["pinned"], value["archived"], value["version"],
                moment_of(value["created_at"]), moment_of(value["updated_at"]),
                value["settings"].get("options", {}))


class Conversation:
    """A tree of messages and a head, the message that the next one follows.

    Nothing is ever overwritten: editing and retrying add siblings. Any thread may use it.
    Sending does not block; `path()`, `children()`, `edit()` and `retry()` read the store,
    which on an event loop may be left to `asyncio.to_thread()`.
    """

    def __init__(self, context: "Context", handle: "_ffi.aichat_conversation",
                 tools: Iterable[Union[Tool[Any], Callable[..., Any]]] = ()) -> None:
        self._context = context
        self._handle = handle
        self._tools: Optional[Toolbox] = None
        toolbox = Toolbox(tools)
        if toolbox:
            self._declare(toolbox)

    @property
    def id(self) -> str:
        """36 characters."""
        return _ffi.conversation_id(self._handle)

    def __repr__(self) -> str:
        return f"<aichat.Conversation {self.id}>"

    def set_tools(self, tools: Iterable[Union[Tool[Any], Callable[..., Any]]]) -> None:
        """The functions that the model may call, from the next send on."""
        self._declare(Toolbox(tools))

    def _declare(self, toolbox: Toolbox) -> None:
        _ffi.conversation_set_tools(self._handle, toolbox.to_json())
        self._tools = toolbox

    # --- asking ---

    def send(self, *content: Union[str, Part, Message], options: Optional[Options] = None,
             after: Union[None, str, Message] = None, version: int = 0,
             **more: OptionValue) -> Reply:
        """Append a user message to the head and start the reply.

            chat.send("Hello!")
            chat.send("What is this?", aichat.Part.image(png), temperature=0.2)

        The message is on disk before anything is sent to the provider. Options are for
        this reply only. `after` is another message than the head to follow ("" for none);
        with a `version` the reply fails if somebody else changed the conversation.
        """
        bag = bag_of(options, more)
        plain = after is None and not version
        if plain and len(content) == 1 and isinstance(content[0], str):
            return self._reply(_ffi.conversation_send(self._handle, content[0], bag))
        if len(content) == 1 and isinstance(content[0], Message):
            message = content[0]
        else:
            message = Message.user(*(part for part in content if not isinstance(part, Message)))
            if len(message.parts) != len(content):
                raise TypeError("a message stands alone, or texts and parts make one")
        if plain:
            return self._reply(_ffi.conversation_send_message(
                self._handle, handle_of(message), bag))
        return self._reply(_ffi.conversation_send_after(
            self._handle, _id(after), handle_of(message), version, bag))

    def edit(self, message: Union[str, Message], text: str, options: Optional[Options] = None,
             **more: OptionValue) -> Reply:
        """Say a user message differently: a sibling of it, and a reply. A message is given
        as such or by its id."""
        return self._reply(_ffi.conversation_edit(
            self._handle, _id(message) or "", text, bag_of(options, more)))

    def retry(self, message: Union[None, str, Message] = None,
              options: Optional[Options] = None, **more: OptionValue) -> Reply:
        """Answer a message again, such as with another model; None is the head."""
        return self._reply(_ffi.conversation_retry(
            self._handle, _id(message), bag_of(options, more)))

    def _reply(self, handle: "_ffi.aichat_reply") -> Reply:
        return Reply(self._context, handle, self._tools)

    # --- the tree ---

    @property
    def head(self) -> Optional[str]:
        """The id of the message that the next one follows; None for none. Set it, to an id
        or a message, to begin a branch there."""
        return _ffi.conversation_head(self._handle) or None

    @head.setter
    def head(self, message: Union[None, str, Message]) -> None:
        _ffi.conversation_set_head(self._handle, _id(message))

    def path(self, limit: int = 0) -> List[Message]:
        """The messages from the first to the head, or only the last so many."""
        return _list(_ffi.conversation_path(self._handle, limit))

    def children(self, message: Union[None, str, Message] = None) -> List[Message]:
        """The messages that follow a message, oldest first; None for the first ones."""
        return _list(_ffi.conversation_children(self._handle, _id(message)))

    def message(self, id: str) -> Message:
        """One of its messages."""
        return message_of(_ffi.conversation_message(self._handle, id))

    def tree(self) -> Iterator[Message]:
        """All messages of all branches, in the order in which they were stored."""
        cursor: Optional[str] = None
        while True:
            found = _ffi.conversation_tree(self._handle, cursor, _PAGE)
            yield from _list(found)
            cursor = _ffi.messages_cursor(found)
            if cursor is None:
                return

    # --- the whole ---

    def info(self) -> "Info":
        """What is stored of it beside its messages."""
        return info_of(_ffi.conversation_to_json(self._handle)[0])

    def save(self) -> None:
        """Write it before its first message."""
        _ffi.conversation_save(self._handle)

    def change(self, version: int = 0, **members: Any) -> None:
        """Change what is stored of it, all at once or not at all.

            chat.change(title="Rivers", tags=["geography"], pinned=True)

        Members are `title`, `tags`, `head`, `pinned`, `archived` and `settings`. With the
        version of an `Info` it is refused (`StateError`, ESTALE) if somebody else changed
        the conversation meanwhile.
        """
        _ffi.conversation_change(self._handle, json.dumps(members), version)

    def erase(self, message: Union[str, Message]) -> bool:
        """Take a message's content away for good; its place in the tree stays. Whether
        nothing of it is left in the files, or will be as soon as nobody reads an old
        state."""
        return _ffi.conversation_erase(self._handle, _id(message) or "") == 0

    def delete(self) -> None:
        """Delete it with all its messages, for good."""
        _ffi.conversation_delete(self._handle)


def _id(message: Union[None, str, Message]) -> Optional[str]:
    return message.id if isinstance(message, Message) else message


def _list(found: "_ffi.aichat_messages") -> List[Message]:
    handles = (_ffi.messages_at(found, n) for n in range(_ffi.messages_count(found)))
    return [message_of(handle) for handle in handles if handle is not None]
