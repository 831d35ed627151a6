"""Conversations with language models, kept.

    import aichat

    with aichat.open(load=True) as ai:
        chat = ai.new_conversation()
        for text in chat.send("Why is the sky blue?").text():
            print(text, end="", flush=True)
"""

from ._context import Context, Model, Page, open
from ._conversation import Conversation, Info
from ._errors import (AuthError, ClosedError, ConfigError, Error, ForkError, InvalidError,
                      LimitError, NetworkError, NotFound, OutOfMemory, ProviderError,
                      RateLimitError, StateError, StoreError, WaitTimeout)
from ._ffi import (Ability, ErrorCode, EventType, MessageState, OptionType, PartType,
                   PriceKind, ReplyState, Role, StopReason)
from ._ffi import version as library_version
from ._message import Message, Part, ToolCall, Usage
from ._options import Option, OptionValue, options
from ._reply import Event, Reply, Stream
from ._tools import Tool, tool

#: The version of the library that is loaded.
__version__ = library_version()

__all__ = [
    "Ability", "AuthError", "ClosedError", "ConfigError", "Context", "Conversation", "Error",
    "ErrorCode", "Event", "EventType", "ForkError", "Info", "InvalidError", "LimitError",
    "Message", "MessageState", "Model", "NetworkError", "NotFound", "Option", "OptionType",
    "OptionValue", "OutOfMemory", "Page", "Part", "PartType", "PriceKind", "ProviderError",
    "RateLimitError", "Reply", "ReplyState", "Role", "StateError", "StopReason", "StoreError",
    "Stream", "Tool", "ToolCall", "Usage", "WaitTimeout", "open", "options", "tool",
]
