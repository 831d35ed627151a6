"""Replies: events by iteration, in threads and on event loops."""

import asyncio
import contextlib
import os
import threading
from ctypes import byref, string_at
from dataclasses import dataclass
from typing import (Any, Callable, Dict, Generator, Generic, List, Optional, Tuple, Type,
                    TypeVar, Union)

from . import _ffi
from ._errors import Error, StateError, error_of
from ._ffi import ErrorCode, EventType, PartType, ReplyState, Role, UsageKind
from ._message import Message, ToolCall, Usage, message_of
from ._support import check, soon
from ._tools import Toolbox

_T = TypeVar("_T")

# A blocking call of the library hides signals from Python: it waits in slices.
_SLICE_MS = 100
# An event loop gets its turn after so many events that came without a wait.
_IN_A_ROW = 100


@dataclass
class Event:
    """What happened to a reply. Types that you do not know are to be ignored."""

    type: EventType
    #: Its number in the reply, to resume after with `Context.reply()`.
    seq: int
    #: The message that is being written.
    message_id: str
    #: Which part of it the event is about.
    index: int = 0
    #: The piece: of text, of reasoning, or of a tool call's arguments.
    text: str = ""
    #: PART_START, PART_END: the part's type.
    part_type: Optional[PartType] = None
    #: PART_START, TOOL_CALL: the call's id and the tool's name.
    part_id: Optional[str] = None
    part_name: Optional[str] = None
    #: START: the question.
    user_message_id: Optional[str] = None
    #: MESSAGE, SNAPSHOT, DONE: the message.
    message: Optional[Message] = None
    #: USAGE: the figures so far.
    usage: Optional[Usage] = None
    #: DONE: how the reply ended.
    state: Optional[ReplyState] = None
    #: RETRY: what went wrong, and how many seconds until the next attempt.
    error: Optional[Error] = None
    delay: float = 0.0


_TYPES: Dict[int, EventType] = {member.value: member for member in EventType}
_PIECES = (EventType.TEXT, EventType.REASONING, EventType.TOOL_CALL)


def _details(handle: "_ffi.aichat_event", event: Event) -> None:
    """What events have that come once in a while."""
    kind = event.type
    if kind in (EventType.PART_START, EventType.TOOL_CALL, EventType.PART_END):
        event.part_type = _ffi.event_part_type(handle)
        event.part_id = _ffi.event_part_id(handle)
        event.part_name = _ffi.event_part_name(handle)
    elif kind == EventType.START:
        event.user_message_id = _ffi.event_user_message_id(handle) or None
    elif kind == EventType.USAGE:
        figures = [_ffi.event_usage(handle, which) for which in UsageKind]
        event.usage = Usage(*(figure if figure >= 0 else None for figure in figures))
    elif kind == EventType.RETRY:
        event.delay = _ffi.event_delay_ms(handle) / 1000
    message = _ffi.event_message(handle)
    event.message = message_of(message) if message is not None else None
    event.state = _ffi.event_state(handle)
    error = _ffi.event_error(handle)
    if error is not None:
        event.error = error_of(_ffi.error_code(error), error)
        event.error.partial = event.message


class _Nothing:
    """What take() returns while there is no event."""


_NOTHING = _Nothing()


class Reply:
    """One answer, as it comes: iterate it, or wait for the message.

        for text in reply.text(): ...          # pieces of text
        for event in reply: ...                # everything
        message = reply.wait()                 # the whole

    and on an event loop, without a thread:

        async for text in reply.text(): ...
        message = await reply

    Leaving a loop early, or a `with` block, or cancelling the task, stops the reply; what
    came stays in the conversation. A reply that nobody iterates goes on by itself if it is stored, and
    `detach()` says that it shall.
    """

    def __init__(self, keeps: object, handle: "_ffi.aichat_reply",
                 tools: Optional[Toolbox] = None) -> None:
        self._keeps = keeps  # the context, which would close without us
        self._handle = handle
        self._tools = tools
        self._lock = threading.Lock()  # next() is for one thread at a time
        self._pid = os.getpid()
        self._event = _ffi.aichat_event()
        self._place = byref(self._event)
        self._calls: List[ToolCall] = []  # to be answered before the next event
        self._message_id = ""  # of the message whose pieces come
        self._in_a_row = 0
        self._waiter: "Optional[asyncio.Future[Optional[Event]]]" = None
        self._kept: "Optional[asyncio.Future[Optional[Event]]]" = None  # not yet given
        self._loop: Optional[asyncio.AbstractEventLoop] = None  # that watches us
        self._detached = False
        self._over = False
        self._error: Optional[Error] = None
        #: The message that was whole last.
        self.message: Optional[Message] = None
        #: How it ended; None while it runs.
        self.state: Optional[ReplyState] = None

    @property
    def id(self) -> str:
        """By which `Context.reply()` finds it, in any process."""
        return _ffi.reply_id(self._handle)

    @property
    def over(self) -> bool:
        """Whether its last event was taken."""
        return self._over and self._kept is None

    def __repr__(self) -> str:
        return f"<aichat.Reply {self.id}>"

    # --- taking events ---

    def __iter__(self) -> "Stream[Event]":
        return Stream(self, _whole)

    def __aiter__(self) -> "Stream[Event]":
        return Stream(self, _whole)

    def text(self) -> "Stream[str]":
        """The pieces of text alone, for `for` and `async for`. Of a reply whose events are
        not kept any more, all of its text is one piece."""
        return Stream(self, _text)

    def wait(self) -> Message:
        """Wait for the end; the last message."""
        for _ in self:
            pass
        return self._last()

    def __await__(self) -> Generator[Any, None, Message]:
        return self._wait().__await__()

    async def _wait(self) -> Message:
        async for _ in self:
            pass
        return self._last()

    def _last(self) -> Message:
        if self._error is not None:
            raise self._error
        if self.message is None:
            raise StateError("the reply's events were taken before", ErrorCode.ESTATE)
        return self.message

    def next(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event; None when the reply is over.

        Waits `timeout` seconds, then raises `WaitTimeout`; None waits for ever, 0 not at
        all. Tools are not called here: see `tool_result()`.
        """
        left = None if timeout is None else max(0, int(timeout * 1000))
        while True:
            slice_ms = _SLICE_MS if left is None else min(left, _SLICE_MS)
            event = self._take(slice_ms)
            if not isinstance(event, _Nothing):
                return event
            if left is not None:
                left -= slice_ms
                if left <= 0:
                    check(ErrorCode.EAGAIN)

    def fileno(self) -> int:
        """A descriptor that is readable exactly when `next(0)` would not time out, for
        `selectors` and other event loops; after the last event it is not."""
        return _ffi.reply_fd(self._handle)

    def _take(self, timeout_ms: int) -> Union[Event, None, _Nothing]:
        if self._pid != os.getpid():
            check(ErrorCode.EFORK)  # the lock may be held by a thread that is not here
        with self._lock:
            if self._kept is not None:
                kept, self._kept = self._kept, None
                return kept.result()
            code = _ffi.aichat_reply_next(self._handle, timeout_ms, self._place)
            if code == 1:
                return self._read()
        if code == ErrorCode.EAGAIN:
            return _NOTHING
        check(code)
        self._over = True
        return None

    def _read(self) -> Event:
        handle = self._event
        number = _ffi.aichat_event_type(handle)
        kind = _TYPES.get(number) or EventType(number)
        piece = kind in _PIECES
        if not piece or not self._message_id:
            self._message_id = _ffi.event_message_id(handle)
        event = Event(kind, _ffi.aichat_event_seq(handle), self._message_id,
                      _ffi.aichat_event_index(handle))
        if piece:
            event.text = string_at(_ffi.aichat_event_text(handle),
                                   _ffi.aichat_event_text_len(handle)).decode()
        if not piece or kind is EventType.TOOL_CALL:
            _details(handle, event)
            self._seen(event)
        return event

    def _seen(self, event: Event) -> None:
        if event.message is not None:
            self.message = event.message
        if event.type in (EventType.DONE, EventType.ERROR):
            self._over = True
            self.state = event.state
        if event.type == EventType.ERROR and event.error is not None:
            self._error = event.error
            raise event.error
        if event.type == EventType.MESSAGE and self._tools and event.message is not None \
                and event.message.role == Role.ASSISTANT:
            self._calls = event.message.tool_calls

    def _next(self) -> Optional[Event]:
        """The next event, after the tools that were called have answered."""
        while self._calls and self._tools:
            self._answer(self._calls[0], *self._tools.call(self._calls[0]))
        while True:
            event = self._take(_SLICE_MS)
            if not isinstance(event, _Nothing):
                return event

    async def _next_async(self) -> Optional[Event]:
        if self._calls and self._tools:
            tools = self._tools

            async def answer(call: ToolCall) -> None:
                self._answer(call, *await tools.call_async(call))

            await asyncio.gather(*(answer(call) for call in list(self._calls)))
        self._in_a_row += 1
        if self._in_a_row > _IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
        event = self._take(0)
        if not isinstance(event, _Nothing):
            return event
        self._in_a_row = 0
        return await self._arrival()

    async def _arrival(self) -> Optional[Event]:
        """Wait for the next event."""
        if self._waiter is not None:
            raise RuntimeError("another task takes this reply's events; open a second one "
                               "with Context.reply(reply.id)")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._unwatch()
            loop.add_reader(self.fileno(), self._wake)
            self._loop = loop
        waiter: "asyncio.Future[Optional[Event]]" = loop.create_future()
        self._waiter = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._kept = waiter  # both came at once; it is not lost
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        """There is an event. The descriptor stays watched from one wait to the next, which
        costs a fraction of asking for it anew; but a slow taker must not make the loop
        spin."""
        if self._waiter is None:
            self._unwatch()
        elif not self._waiter.done():
            try:
                event = self._take(0)
            except Exception as error:
                self._waiter.set_exception(error)
            else:
                if not isinstance(event, _Nothing):
                    self._waiter.set_result(event)

    def _unwatch(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        if here:
            _remove(loop, self)
        else:
            with contextlib.suppress(RuntimeError):  # it is closed meanwhile
                loop.call_soon_threadsafe(_remove, loop, self)

    # --- steering ---

    def cancel(self) -> None:
        """Stop it, from any thread. What came stays; `done` with the state STOPPED is its
        last event. A reply that is over is left as it is."""
        _ffi.reply_cancel(self._handle)

    def detach(self) -> "Reply":
        """Let the reply go on when its loop is left. One that is not stored still ends
        with its last `Reply`."""
        self._detached = True
        return self

    def tool_result(self, call_id: str, text: str, is_error: bool = False) -> None:
        """Answer a tool call by hand. When all calls of the message are answered, the
        reply goes on."""
        self._calls = [call for call in self._calls if call.id != call_id]
        _ffi.reply_tool_result(self._handle, call_id, text, int(is_error))

    def _answer(self, call: ToolCall, text: str, is_error: bool) -> None:
        try:
            self.tool_result(call.id, text, is_error)
        except StateError as error:
            # Answered elsewhere, or stopped meanwhile: the events tell.
            if error.code not in (ErrorCode.EEXIST, ErrorCode.ESTATE):
                raise

    def _leave(self) -> None:
        """A loop ended, perhaps before the reply."""
        if self._pid != os.getpid() or self._waiter is not None:
            return  # of another process, or of another task
        self._unwatch()
        if not self._over and not self._detached:
            self._calls = []
            _ffi.aichat_reply_cancel(self._handle, None)

    def __enter__(self) -> "Reply":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        self._leave()

    async def __aenter__(self) -> "Reply":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        self._leave()


def _remove(loop: asyncio.AbstractEventLoop, reply: Reply) -> None:
    if reply._loop is not loop:  # else it is watched again
        loop.remove_reader(reply.fileno())


def _whole(event: Event) -> Optional[Event]:
    return event


def _text(event: Event) -> Optional[str]:
    if event.type is EventType.SNAPSHOT and event.message is not None:
        return event.message.text
    return event.text if event.type is EventType.TEXT else None


class Stream(Generic[_T]):
    """Iterates a reply, both ways. When it has begun and goes before the reply is over,
    the reply is stopped."""

    def __init__(self, reply: Reply, pick: Callable[[Event], Optional[_T]]) -> None:
        self._reply = reply
        self._pick = pick
        self._begun = False

    def __iter__(self) -> "Stream[_T]":
        return self

    def __next__(self) -> _T:
        self._begun = True
        while True:
            event = self._reply._next()
            if event is None:
                raise StopIteration
            picked = self._pick(event)
            if picked is not None:
                return picked

    def __aiter__(self) -> "Stream[_T]":
        return self

    async def __anext__(self) -> _T:
        self._begun = True
        while True:
            try:
                event = await self._reply._next_async()
            except BaseException:
                self._reply._leave()  # at once: who holds us is not known
                raise
            if event is None:
                self._reply._leave()
                raise StopAsyncIteration
            picked = self._pick(event)
            if picked is not None:
                return picked

    def __del__(self) -> None:
        if self._begun:
            soon(self._reply._leave)
