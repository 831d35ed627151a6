"""The context: one store, one engine; and what is asked of it."""

import atexit
import logging
import os
import threading
import weakref
from dataclasses import dataclass, field
from typing import (Any, Callable, Iterable, Iterator, List, Mapping, Optional, Sequence,
                    Tuple, Type, Union)

from . import _ffi
from ._conversation import Conversation, Info, info_of
from ._errors import NotFound
from ._ffi import Ability, PriceKind
from ._message import Message, handle_of
from ._options import Options, OptionValue, bag_of, load_into, log_to
from ._reply import Reply
from ._support import call_waiting
from ._tools import Tool, Toolbox

_PAGE = 100


@dataclass(frozen=True)
class Model:
    """What the catalog knows of a model. None is unknown."""

    #: PROVIDER/MODEL
    name: str
    #: Whether it can be asked: its provider needs no key, or has one.
    is_ready: bool
    context_tokens: Optional[int]
    output_tokens: Optional[int]
    abilities: Ability
    #: In 10^-9 US dollars a token.
    prices_nano_usd: Mapping[PriceKind, int] = field(default_factory=dict)
    #: The day of the prices, such as "2026-11-20".
    priced_on: Optional[str] = None


@dataclass(frozen=True)
class Page:
    """A part of the list of conversations."""

    items: Tuple[Info, ...]
    #: Where the next one begins; None after the last.
    cursor: Optional[str]


class _Root:
    """What close() ends. Calls go through a view, which outlives it: so no thread ever
    holds a context that another one gives back."""

    def __init__(self, handle: "_ffi.aichat") -> None:
        self._handle: "Optional[_ffi.aichat]" = handle
        self._lock = threading.Lock()
        _roots.add(self)

    def close(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


_roots: "weakref.WeakSet[_Root]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Threads of the library must not outlive the interpreter that they log to."""
    for root in list(_roots):
        root.close()
    call_waiting()


class Context:
    """A store and an engine, made by `aichat.open()`. Any thread may use it.

    Close it, or use it in `with`: running replies then end as interrupted with what came,
    and everything is on disk.
    """

    def __init__(self, root: _Root, handle: "_ffi.aichat", is_view: bool) -> None:
        self._root = root
        self._handle = handle
        self._is_view = is_view

    def close(self) -> None:
        """End it; later calls raise `ClosedError`. A view is left as it is."""
        if not self._is_view:
            self._root.close()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        self.close()

    def for_owner(self, owner: str) -> "Context":
        """The same store seen by another owner: its conversations and no others. A plain
        context is the owner "local"."""
        return Context(self._root, _ffi.for_owner(self._handle, owner), True)

    def verify(self) -> None:
        """Check everything that must hold in the store; `StoreError` says what does not."""
        _ffi.verify(self._handle)

    def store_check(self) -> None:
        """Whether the store takes what is new; `StoreError` says why it does not. Nothing is
        written to find out."""
        _ffi.store_check(self._handle)

    # --- conversations ---

    def new_conversation(self, options: Optional[Options] = None, *,
                         tools: Iterable[Union[Tool[Any], Callable[..., Any]]] = (),
                         **more: OptionValue) -> Conversation:
        """A new one, written with its first message. Options, such as `system="..."`, are
        its settings; the tools are called by its replies."""
        handle = _ffi.conversation_new(self._handle, bag_of(options, more))
        return Conversation(self, handle, tools)

    def open_conversation(self, id: str, *,
                          tools: Iterable[Union[Tool[Any], Callable[..., Any]]] = ()
                          ) -> Conversation:
        """A stored one, by its id or the unique beginning of it. The id of a message opens
        its conversation with that message as head."""
        return Conversation(self, _ffi.conversation_open(self._handle, id), tools)

    def conversations(self, *, archived: bool = False, tag: Optional[str] = None,
                      text: Optional[str] = None) -> Iterator[Info]:
        """The conversations that fit, the ones changed last first: archived or not, with
        that tag, with that text in the title."""
        cursor: Optional[str] = None
        while True:
            page = self.page(cursor, archived=archived, tag=tag, text=text)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def page(self, after: Optional[str] = None, limit: int = _PAGE, *, archived: bool = False,
             tag: Optional[str] = None, text: Optional[str] = None) -> Page:
        """A page of that list, from where another one ended."""
        found = _ffi.conversation_list_filtered(
            self._handle, int(archived), tag, text, after, limit)
        items = (info_of(_ffi.list_to_json(found, n)) for n in range(_ffi.list_count(found)))
        return Page(tuple(items), _ffi.list_cursor(found))

    # --- replies ---

    def reply(self, id: str, after: int = 0) -> Reply:
        """A stored reply, by its id or that of a message of it, running or over: its events
        after that number. Leaving its loop does not stop it, and it calls no tools."""
        return Reply(self, _ffi.reply_open(self._handle, id, after)).detach()

    def complete(self, messages: Union[str, Message, Sequence[Message]],
                 options: Optional[Options] = None, *,
                 tools: Iterable[Union[Tool[Any], Callable[..., Any]]] = (),
                 **more: OptionValue) -> Reply:
        """Ask a model without storing anything."""
        if isinstance(messages, str):
            messages = Message.user(messages)
        if isinstance(messages, Message):
            messages = [messages]
        toolbox = Toolbox(tools)
        handles = [handle_of(message) for message in messages]
        handle = _ffi.complete(self._handle, handles, toolbox.to_json(),
                               bag_of(options, more))
        return Reply(self, handle, toolbox)

    # --- models ---

    def models(self) -> List[Model]:
        """The catalog. A model that is not in it works too; its figures are unknown."""
        found: List[Model] = []
        while True:
            try:
                found.append(_model(_ffi.model_at(self._handle, len(found))))
            except NotFound:
                return found

    def find_model(self, name: str) -> Model:
        """What a name means: PROVIDER/MODEL, a model's name, an alias, a provider."""
        return _model(_ffi.model_find(self._handle, name))

    def choose_model(self) -> str:
        """The model that answers when none is named, as PROVIDER/MODEL."""
        return _ffi.model_choose(self._handle)


def _known(figure: int) -> Optional[int]:
    return figure if figure >= 0 else None


def _model(handle: "_ffi.aichat_model") -> Model:
    prices = {kind: _ffi.model_price_nano_usd(handle, kind) for kind in PriceKind}
    return Model(
        _ffi.model_name(handle), _ffi.model_is_ready(handle),
        _known(_ffi.model_context_tokens(handle)), _known(_ffi.model_output_tokens(handle)),
        _ffi.model_abilities(handle),
        {kind: price for kind, price in prices.items() if price >= 0},
        _ffi.model_priced_on(handle))


def open(options: Optional[Options] = None, *,
         load: "Union[bool, str, os.PathLike[str]]" = False,
         logger: Optional[logging.Logger] = None, **more: OptionValue) -> Context:
    """Open a context.

        aichat.open()                                  # in memory; nothing is read
        aichat.open(load=True)                         # the user's configuration and keys
        aichat.open(store="chats.db", model="ollama")  # options by name
        aichat.open({"provider.work.api_key": key})    # those with dots, too

    `load` reads the user's configuration file, or the one it names, and the environment;
    options that are given beat it. `logger` gets the library's log, from the level that
    it has now: it is called on threads of the library's, and must not call the library.
    """
    bag = bag_of(options, more) or _ffi.options_new()
    if load is not False:
        load_into(bag, load)
    if logger is not None:
        log_to(bag, logger)
    plain = _ffi.open(bag)
    view = _ffi.for_owner(plain, "local")
    return Context(_Root(plain), view, False)
