"""Every function of libaichat, generated from its headers: do not edit.

The functions named as in C are the bare ones; those without `aichat_` take and return
Python's values, raise `aichat.Error`, and own what they return.

    python3 bindings/gen/generate.py
"""

from ctypes import (CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int, c_int64,
                    c_size_t, c_uint32, c_uint64, c_void_p)
from enum import IntFlag
from typing import Any, Optional, Sequence, Tuple

from ._library import load
from ._support import (Handle, OpenEnum, check, data, text_at, text_or_none, utf8,
                       utf8_no_nul)

ABI = 0
JSON_NONE = -1
VERSION = "0.1.0"

declare = load(ABI)


class ErrorCode(OpenEnum):
    """enum aichat_error_code"""

    OK = 0
    EINVAL = -1
    ENOMEM = -2
    EINTERNAL = -3
    EAGAIN = -4
    ECLOSED = -5
    EFORK = -6
    ENOTFOUND = -7
    EEXIST = -8
    ESTATE = -9
    ESTALE = -10
    ETOOLARGE = -11
    ELIMIT = -12
    EJSON = -13
    EUTF8 = -14
    ECANCELED = -15
    ECONFLICT = -16
    ECONFIG = -20
    EMODEL = -21
    EKEY = -22
    ESTORE = -30
    ESTOREFULL = -31
    ESTOREBUSY = -32
    ESTOREREADONLY = -33
    ESTORECORRUPT = -34
    ESTORENEWER = -35
    ENETWORK = -40
    ETIMEOUT = -41
    ETLS = -42
    EPROTOCOL = -43
    EINTERRUPTED = -44
    EAUTH = -50
    ERATELIMIT = -51
    EQUOTA = -52
    EREQUEST = -53
    ECONTEXT = -54
    EFILTER = -55
    EPROVIDER = -56
    EOVERLOADED = -57


class Ability(IntFlag):
    """enum aichat_ability"""

    TOOLS = 1
    IMAGES = 2
    REASONING = 4
    SCHEMA = 8
    AUDIO = 16
    DOCUMENTS = 32


class PriceKind(OpenEnum):
    """enum aichat_price_kind"""

    INPUT = 1
    CACHED = 2
    CACHE_WRITE = 3
    OUTPUT = 4


class Role(OpenEnum):
    """enum aichat_role"""

    SYSTEM = 1
    USER = 2
    ASSISTANT = 3
    TOOL = 4


class MessageState(OpenEnum):
    """enum aichat_message_state"""

    OPEN = 1
    SEALED = 2
    INTERRUPTED = 3
    STOPPED = 4
    FAILED = 5
    ERASED = 6


class PartType(OpenEnum):
    """enum aichat_part_type"""

    TEXT = 1
    REASONING = 2
    TOOL_CALL = 3
    TOOL_RESULT = 4
    IMAGE = 5
    AUDIO = 6
    FILE = 7
    REFUSAL = 8
    SOURCE = 9
    COMPACTION = 10
    UNKNOWN = 11


class StopReason(OpenEnum):
    """enum aichat_stop_reason"""

    NONE = 0
    STOP = 1
    SEQUENCE = 2
    LENGTH = 3
    CONTEXT_WINDOW = 4
    TOOL_CALLS = 5
    REFUSAL = 6
    CONTENT_FILTER = 7
    PAUSE = 8
    UNKNOWN = 9


class UsageKind(OpenEnum):
    """enum aichat_usage_kind"""

    INPUT = 1
    CACHED = 2
    CACHE_WRITE = 3
    OUTPUT = 4
    REASONING = 5


class LogLevel(OpenEnum):
    """enum aichat_log_level"""

    ERROR = 1
    WARNING = 2
    INFO = 3
    DEBUG = 4


class OptionType(OpenEnum):
    """enum aichat_option_type"""

    STRING = 1
    INT = 2
    NUMBER = 3
    BOOL = 4
    LIST = 5
    JSON = 6


class EventType(OpenEnum):
    """enum aichat_event_type"""

    START = 1
    PART_START = 2
    TEXT = 3
    REASONING = 4
    TOOL_CALL = 5
    PART_END = 6
    USAGE = 7
    RETRY = 8
    MESSAGE = 9
    SNAPSHOT = 10
    DONE = 11
    ERROR = 12


class ReplyState(OpenEnum):
    """enum aichat_reply_state"""

    QUEUED = 1
    RUNNING = 2
    WAITING = 3
    COMPLETE = 4
    STOPPED = 5
    INTERRUPTED = 6
    FAILED = 7


class ExchangeKind(OpenEnum):
    """enum aichat_exchange_kind"""

    REPLY = 1
    COUNT_TOKENS = 2
    EMBEDDINGS = 3


class JsonType(OpenEnum):
    """enum aichat_json_type"""

    ABSENT = 0
    NULL = 1
    FALSE = 2
    TRUE = 3
    NUMBER = 4
    STRING = 5
    ARRAY = 6
    OBJECT = 7


class aichat_error(Handle):
    """aichat_error *"""

    release = declare("aichat_error_unref", c_void_p, c_void_p)


class aichat(Handle):
    """aichat *"""

    release = declare("aichat_close", c_void_p, c_void_p)


class aichat_model(Handle):
    """aichat_model *"""

    release = declare("aichat_model_unref", c_void_p, c_void_p)


class aichat_record(Handle):
    """aichat_record *"""

    release = declare("aichat_record_free", c_void_p, c_void_p)


class aichat_records(Handle):
    """aichat_records *"""

    release = declare("aichat_records_free", c_void_p, c_void_p)


class aichat_message(Handle):
    """aichat_message *"""

    release = declare("aichat_message_unref", c_void_p, c_void_p)


class aichat_options(Handle):
    """aichat_options *"""

    release = declare("aichat_options_free", c_void_p, c_void_p)


class aichat_reply(Handle):
    """aichat_reply *"""

    release = declare("aichat_reply_unref", c_void_p, c_void_p)


class aichat_event(Handle):
    """aichat_event *"""


class aichat_conversation(Handle):
    """aichat_conversation *"""

    release = declare("aichat_conversation_unref", c_void_p, c_void_p)


class aichat_list(Handle):
    """aichat_list *"""

    release = declare("aichat_list_unref", c_void_p, c_void_p)


class aichat_messages(Handle):
    """aichat_messages *"""

    release = declare("aichat_messages_unref", c_void_p, c_void_p)


class aichat_exchange(Handle):
    """aichat_exchange *"""

    release = declare("aichat_exchange_free", c_void_p, c_void_p)


class aichat_json(Handle):
    """aichat_json *"""

    release = declare("aichat_json_unref", c_void_p, c_void_p)


class aichat_json_writer(Handle):
    """aichat_json_writer *"""

    release = declare("aichat_json_writer_unref", c_void_p, c_void_p)


class aichat_watch(Handle):
    """aichat_watch *"""

    release = declare("aichat_watch_free", c_void_p, c_void_p)


aichat_log_hook: Any = CFUNCTYPE(None, c_void_p, c_int, c_char_p)

aichat_version = declare("aichat_version", c_void_p)
aichat_abi_version = declare("aichat_abi_version", c_int)
aichat_error_name = declare("aichat_error_name", c_void_p, c_int)
aichat_error_text = declare("aichat_error_text", c_void_p, c_int)
aichat_error_ref = declare("aichat_error_ref", c_void_p, aichat_error)
aichat_error_unref = declare("aichat_error_unref", c_void_p, aichat_error)
aichat_error_code = declare("aichat_error_code", c_int, aichat_error)
aichat_error_message = declare("aichat_error_message", c_void_p, aichat_error)
aichat_error_http_status = declare("aichat_error_http_status", c_int, aichat_error)
aichat_error_provider_code = declare(
        "aichat_error_provider_code", c_void_p, aichat_error)
aichat_error_request_id = declare("aichat_error_request_id", c_void_p, aichat_error)
aichat_error_retry_after_ms = declare(
        "aichat_error_retry_after_ms", c_int64, aichat_error)
aichat_model_at = declare(
        "aichat_model_at", c_int, aichat, c_size_t, POINTER(aichat_model))
aichat_model_find = declare(
        "aichat_model_find", c_int, aichat, c_char_p, POINTER(aichat_model),
        POINTER(aichat_error))
aichat_model_choose = declare(
        "aichat_model_choose", c_int, aichat, POINTER(c_void_p), POINTER(aichat_error))
aichat_model_unref = declare("aichat_model_unref", c_void_p, aichat_model)
aichat_model_name = declare("aichat_model_name", c_void_p, aichat_model)
aichat_model_is_ready = declare("aichat_model_is_ready", c_int, aichat_model)
aichat_model_context_tokens = declare(
        "aichat_model_context_tokens", c_int64, aichat_model)
aichat_model_output_tokens = declare(
        "aichat_model_output_tokens", c_int64, aichat_model)
aichat_model_abilities = declare("aichat_model_abilities", c_uint32, aichat_model)
aichat_model_price_nano_usd = declare(
        "aichat_model_price_nano_usd", c_int64, aichat_model, c_int)
aichat_model_priced_on = declare("aichat_model_priced_on", c_void_p, aichat_model)
aichat_record_new = declare(
        "aichat_record_new", c_int, c_char_p, c_char_p, POINTER(aichat_record),
        POINTER(aichat_error))
aichat_record_free = declare("aichat_record_free", c_void_p, aichat_record)
aichat_record_kind = declare("aichat_record_kind", c_void_p, aichat_record)
aichat_record_id = declare("aichat_record_id", c_void_p, aichat_record)
aichat_record_name = declare("aichat_record_name", c_void_p, aichat_record)
aichat_record_set_name = declare(
        "aichat_record_set_name", c_int, aichat_record, c_char_p, POINTER(aichat_error))
aichat_record_parent_kind = declare(
        "aichat_record_parent_kind", c_void_p, aichat_record)
aichat_record_parent_id = declare("aichat_record_parent_id", c_void_p, aichat_record)
aichat_record_set_parent = declare(
        "aichat_record_set_parent", c_int, aichat_record, c_char_p, c_char_p,
        POINTER(aichat_error))
aichat_record_json = declare(
        "aichat_record_json", c_void_p, aichat_record, POINTER(c_size_t))
aichat_record_set_json = declare(
        "aichat_record_set_json", c_int, aichat_record, c_char_p, c_int64,
        POINTER(aichat_error))
aichat_record_expires_unix_ms = declare(
        "aichat_record_expires_unix_ms", c_int64, aichat_record)
aichat_record_set_expires = declare(
        "aichat_record_set_expires", None, aichat_record, c_int64)
aichat_record_created_unix_ms = declare(
        "aichat_record_created_unix_ms", c_int64, aichat_record)
aichat_record_updated_unix_ms = declare(
        "aichat_record_updated_unix_ms", c_int64, aichat_record)
aichat_record_version = declare("aichat_record_version", c_int64, aichat_record)
aichat_record_set_idempotency = declare(
        "aichat_record_set_idempotency", c_int, aichat_record, c_char_p, c_char_p,
        POINTER(aichat_error))
aichat_record_add = declare(
        "aichat_record_add", c_int, aichat, aichat_record, POINTER(aichat_error))
aichat_record_save = declare(
        "aichat_record_save", c_int, aichat, aichat_record, POINTER(aichat_error))
aichat_record_get = declare(
        "aichat_record_get", c_int, aichat, c_char_p, c_char_p, POINTER(aichat_record),
        POINTER(aichat_error))
aichat_record_find = declare(
        "aichat_record_find", c_int, aichat, c_char_p, c_char_p, POINTER(aichat_record),
        POINTER(aichat_error))
aichat_record_delete = declare(
        "aichat_record_delete", c_int, aichat, c_char_p, c_char_p,
        POINTER(aichat_error))
aichat_record_list = declare(
        "aichat_record_list", c_int, aichat, c_char_p, c_char_p, c_char_p, c_char_p,
        c_size_t, POINTER(aichat_records), POINTER(aichat_error))
aichat_records_count = declare("aichat_records_count", c_size_t, aichat_records)
aichat_records_at = declare("aichat_records_at", c_void_p, aichat_records, c_size_t)
aichat_records_cursor = declare("aichat_records_cursor", c_void_p, aichat_records)
aichat_records_free = declare("aichat_records_free", c_void_p, aichat_records)
aichat_idempotency_find = declare(
        "aichat_idempotency_find", c_int, aichat, c_char_p, c_char_p, POINTER(c_void_p),
        POINTER(aichat_error))
aichat_audit_add = declare(
        "aichat_audit_add", c_int, aichat, c_char_p, c_char_p, c_char_p, c_char_p,
        c_int64, POINTER(aichat_error))
aichat_audit_list = declare(
        "aichat_audit_list", c_int, aichat, c_char_p, c_size_t, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(aichat_error))
aichat_audit_verify = declare(
        "aichat_audit_verify", c_int, aichat, POINTER(c_int64), POINTER(c_void_p),
        POINTER(aichat_error))
aichat_usage_add = declare(
        "aichat_usage_add", c_int, aichat, c_char_p, c_int64, POINTER(aichat_error))
aichat_usage_list = declare(
        "aichat_usage_list", c_int, aichat, c_char_p, c_size_t, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(aichat_error))
aichat_usage_sum = declare(
        "aichat_usage_sum", c_int, aichat, c_int64, c_int64, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(aichat_error))
aichat_owner_delete = declare(
        "aichat_owner_delete", c_int, aichat, c_char_p, POINTER(aichat_error))
aichat_role_name = declare("aichat_role_name", c_void_p, c_int)
aichat_message_state_name = declare("aichat_message_state_name", c_void_p, c_int)
aichat_part_type_name = declare("aichat_part_type_name", c_void_p, c_int)
aichat_stop_reason_name = declare("aichat_stop_reason_name", c_void_p, c_int)
aichat_message_new = declare(
        "aichat_message_new", c_int, c_int, c_char_p, c_int64, POINTER(aichat_message))
aichat_message_from_json = declare(
        "aichat_message_from_json", c_int, c_char_p, c_int64, POINTER(aichat_message),
        POINTER(aichat_error))
aichat_message_add_data = declare(
        "aichat_message_add_data", c_int, aichat_message, c_int, c_char_p, c_char_p,
        c_void_p, c_size_t)
aichat_message_ref = declare("aichat_message_ref", c_void_p, aichat_message)
aichat_message_unref = declare("aichat_message_unref", c_void_p, aichat_message)
aichat_message_id = declare("aichat_message_id", c_void_p, aichat_message)
aichat_message_parent_id = declare("aichat_message_parent_id", c_void_p, aichat_message)
aichat_message_conversation_id = declare(
        "aichat_message_conversation_id", c_void_p, aichat_message)
aichat_message_role = declare("aichat_message_role", c_int, aichat_message)
aichat_message_state = declare("aichat_message_state", c_int, aichat_message)
aichat_message_created_unix_ms = declare(
        "aichat_message_created_unix_ms", c_int64, aichat_message)
aichat_message_provider = declare("aichat_message_provider", c_void_p, aichat_message)
aichat_message_model = declare("aichat_message_model", c_void_p, aichat_message)
aichat_message_stop_reason = declare(
        "aichat_message_stop_reason", c_int, aichat_message)
aichat_message_usage = declare("aichat_message_usage", c_int64, aichat_message, c_int)
aichat_message_cost_nano_usd = declare(
        "aichat_message_cost_nano_usd", c_int64, aichat_message)
aichat_message_text = declare(
        "aichat_message_text", c_int, aichat_message, POINTER(c_void_p),
        POINTER(c_size_t))
aichat_message_to_json = declare(
        "aichat_message_to_json", c_int, aichat_message, POINTER(c_void_p),
        POINTER(c_size_t))
aichat_message_part_count = declare(
        "aichat_message_part_count", c_size_t, aichat_message)
aichat_message_part_type = declare(
        "aichat_message_part_type", c_int, aichat_message, c_size_t)
aichat_message_part_text = declare(
        "aichat_message_part_text", c_void_p, aichat_message, c_size_t,
        POINTER(c_size_t))
aichat_message_part_id = declare(
        "aichat_message_part_id", c_void_p, aichat_message, c_size_t)
aichat_message_part_name = declare(
        "aichat_message_part_name", c_void_p, aichat_message, c_size_t)
aichat_message_part_data = declare(
        "aichat_message_part_data", c_void_p, aichat_message, c_size_t,
        POINTER(c_size_t), POINTER(c_void_p))
aichat_options_new = declare("aichat_options_new", c_void_p)
aichat_options_free = declare("aichat_options_free", c_void_p, aichat_options)
aichat_options_set_json = declare(
        "aichat_options_set_json", c_int, aichat_options, c_char_p, c_int64,
        POINTER(aichat_error))
aichat_options_set = declare(
        "aichat_options_set", c_int, aichat_options, c_char_p, c_char_p, c_int64,
        POINTER(aichat_error))
aichat_options_set_int = declare(
        "aichat_options_set_int", c_int, aichat_options, c_char_p, c_int64,
        POINTER(aichat_error))
aichat_options_set_number = declare(
        "aichat_options_set_number", c_int, aichat_options, c_char_p, c_double,
        POINTER(aichat_error))
aichat_options_get = declare(
        "aichat_options_get", c_int, aichat_options, c_char_p, POINTER(c_void_p))
aichat_options_origin = declare(
        "aichat_options_origin", c_void_p, aichat_options, c_char_p)
aichat_options_name = declare("aichat_options_name", c_void_p, aichat_options, c_size_t)
aichat_options_load = declare(
        "aichat_options_load", c_int, aichat_options, c_char_p, POINTER(aichat_error))
aichat_options_set_log = declare(
        "aichat_options_set_log", c_int, aichat_options, aichat_log_hook, c_void_p,
        c_int)
aichat_option_name = declare("aichat_option_name", c_void_p, c_size_t)
aichat_option_type = declare("aichat_option_type", c_int, c_size_t)
aichat_option_help = declare("aichat_option_help", c_void_p, c_size_t)
aichat_option_default = declare("aichat_option_default", c_void_p, c_size_t)
aichat_reply_state_name = declare("aichat_reply_state_name", c_void_p, c_int)
aichat_reply_next = declare(
        "aichat_reply_next", c_int, aichat_reply, c_int64, POINTER(aichat_event))
aichat_reply_fd = declare(
        "aichat_reply_fd", c_int, aichat_reply, POINTER(c_int), POINTER(aichat_error))
aichat_reply_wake = declare("aichat_reply_wake", None, aichat_reply)
aichat_reply_to_json = declare(
        "aichat_reply_to_json", c_int, aichat_reply, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(aichat_error))
aichat_reply_cancel = declare(
        "aichat_reply_cancel", c_int, aichat_reply, POINTER(aichat_error))
aichat_reply_tool_result = declare(
        "aichat_reply_tool_result", c_int, aichat_reply, c_char_p, c_char_p, c_int64,
        c_int, POINTER(aichat_error))
aichat_reply_ref = declare("aichat_reply_ref", c_void_p, aichat_reply)
aichat_reply_unref = declare("aichat_reply_unref", c_void_p, aichat_reply)
aichat_reply_id = declare("aichat_reply_id", c_void_p, aichat_reply)
aichat_event_type = declare("aichat_event_type", c_int, aichat_event)
aichat_event_type_name = declare("aichat_event_type_name", c_void_p, c_int)
aichat_event_seq = declare("aichat_event_seq", c_uint64, aichat_event)
aichat_event_message_id = declare("aichat_event_message_id", c_void_p, aichat_event)
aichat_event_text = declare("aichat_event_text", c_void_p, aichat_event)
aichat_event_text_len = declare("aichat_event_text_len", c_size_t, aichat_event)
aichat_event_index = declare("aichat_event_index", c_size_t, aichat_event)
aichat_event_part_type = declare("aichat_event_part_type", c_int, aichat_event)
aichat_event_part_id = declare("aichat_event_part_id", c_void_p, aichat_event)
aichat_event_part_name = declare("aichat_event_part_name", c_void_p, aichat_event)
aichat_event_usage = declare("aichat_event_usage", c_int64, aichat_event, c_int)
aichat_event_user_message_id = declare(
        "aichat_event_user_message_id", c_void_p, aichat_event)
aichat_event_message = declare("aichat_event_message", c_void_p, aichat_event)
aichat_event_state = declare("aichat_event_state", c_int, aichat_event)
aichat_event_error = declare("aichat_event_error", c_void_p, aichat_event)
aichat_event_delay_ms = declare("aichat_event_delay_ms", c_int64, aichat_event)
aichat_event_to_json = declare(
        "aichat_event_to_json", c_int, aichat_event, POINTER(c_void_p),
        POINTER(c_size_t))
aichat_conversation_new = declare(
        "aichat_conversation_new", c_int, aichat, aichat_options,
        POINTER(aichat_conversation), POINTER(aichat_error))
aichat_conversation_open = declare(
        "aichat_conversation_open", c_int, aichat, c_char_p,
        POINTER(aichat_conversation), POINTER(aichat_error))
aichat_conversation_save = declare(
        "aichat_conversation_save", c_int, aichat_conversation, POINTER(aichat_error))
aichat_conversation_change = declare(
        "aichat_conversation_change", c_int, aichat_conversation, c_char_p, c_int64,
        c_int64, POINTER(aichat_error))
aichat_conversation_to_json = declare(
        "aichat_conversation_to_json", c_int, aichat_conversation, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(c_int64), POINTER(aichat_error))
aichat_conversation_ref = declare(
        "aichat_conversation_ref", c_void_p, aichat_conversation)
aichat_conversation_unref = declare(
        "aichat_conversation_unref", c_void_p, aichat_conversation)
aichat_conversation_id = declare(
        "aichat_conversation_id", c_void_p, aichat_conversation)
aichat_conversation_set_tools = declare(
        "aichat_conversation_set_tools", c_int, aichat_conversation, c_char_p, c_int64,
        POINTER(aichat_error))
aichat_conversation_send = declare(
        "aichat_conversation_send", c_int, aichat_conversation, c_char_p, c_int64,
        aichat_options, POINTER(aichat_reply), POINTER(aichat_error))
aichat_conversation_send_message = declare(
        "aichat_conversation_send_message", c_int, aichat_conversation, aichat_message,
        aichat_options, POINTER(aichat_reply), POINTER(aichat_error))
aichat_conversation_send_after = declare(
        "aichat_conversation_send_after", c_int, aichat_conversation, c_char_p,
        aichat_message, c_int64, aichat_options, POINTER(aichat_reply),
        POINTER(aichat_error))
aichat_conversation_edit = declare(
        "aichat_conversation_edit", c_int, aichat_conversation, c_char_p, c_char_p,
        c_int64, aichat_options, POINTER(aichat_reply), POINTER(aichat_error))
aichat_conversation_retry = declare(
        "aichat_conversation_retry", c_int, aichat_conversation, c_char_p,
        aichat_options, POINTER(aichat_reply), POINTER(aichat_error))
aichat_conversation_set_head = declare(
        "aichat_conversation_set_head", c_int, aichat_conversation, c_char_p,
        POINTER(aichat_error))
aichat_conversation_head = declare(
        "aichat_conversation_head", c_int, aichat_conversation, POINTER(c_void_p),
        POINTER(aichat_error))
aichat_conversation_set_title = declare(
        "aichat_conversation_set_title", c_int, aichat_conversation, c_char_p,
        POINTER(aichat_error))
aichat_conversation_delete = declare(
        "aichat_conversation_delete", c_int, aichat_conversation, POINTER(aichat_error))
aichat_conversation_erase = declare(
        "aichat_conversation_erase", c_int, aichat_conversation, c_char_p,
        POINTER(aichat_error))
aichat_conversation_message = declare(
        "aichat_conversation_message", c_int, aichat_conversation, c_char_p,
        POINTER(aichat_message), POINTER(aichat_error))
aichat_conversation_tree = declare(
        "aichat_conversation_tree", c_int, aichat_conversation, c_char_p, c_size_t,
        POINTER(aichat_messages), POINTER(aichat_error))
aichat_conversation_path_page = declare(
        "aichat_conversation_path_page", c_int, aichat_conversation, c_char_p, c_size_t,
        POINTER(aichat_messages), POINTER(aichat_error))
aichat_conversation_path = declare(
        "aichat_conversation_path", c_int, aichat_conversation, c_size_t,
        POINTER(aichat_messages), POINTER(aichat_error))
aichat_conversation_children = declare(
        "aichat_conversation_children", c_int, aichat_conversation, c_char_p,
        POINTER(aichat_messages), POINTER(aichat_error))
aichat_messages_count = declare("aichat_messages_count", c_size_t, aichat_messages)
aichat_messages_at = declare("aichat_messages_at", c_void_p, aichat_messages, c_size_t)
aichat_messages_cursor = declare("aichat_messages_cursor", c_void_p, aichat_messages)
aichat_messages_unref = declare("aichat_messages_unref", c_void_p, aichat_messages)
aichat_conversation_list = declare(
        "aichat_conversation_list", c_int, aichat, c_char_p, c_size_t,
        POINTER(aichat_list), POINTER(aichat_error))
aichat_conversation_list_filtered = declare(
        "aichat_conversation_list_filtered", c_int, aichat, c_int, c_char_p, c_char_p,
        c_char_p, c_size_t, POINTER(aichat_list), POINTER(aichat_error))
aichat_list_count = declare("aichat_list_count", c_size_t, aichat_list)
aichat_list_id = declare("aichat_list_id", c_void_p, aichat_list, c_size_t)
aichat_list_title = declare("aichat_list_title", c_void_p, aichat_list, c_size_t)
aichat_list_updated_unix_ms = declare(
        "aichat_list_updated_unix_ms", c_int64, aichat_list, c_size_t)
aichat_list_to_json = declare(
        "aichat_list_to_json", c_int, aichat_list, c_size_t, POINTER(c_void_p),
        POINTER(c_size_t))
aichat_list_cursor = declare("aichat_list_cursor", c_void_p, aichat_list)
aichat_list_unref = declare("aichat_list_unref", c_void_p, aichat_list)
aichat_exchange_open = declare(
        "aichat_exchange_open", c_int, aichat, c_int, c_char_p, c_char_p, c_size_t,
        POINTER(aichat_exchange), POINTER(aichat_error))
aichat_exchange_set_header = declare(
        "aichat_exchange_set_header", c_int, aichat_exchange, c_char_p, c_char_p,
        POINTER(aichat_error))
aichat_exchange_model = declare("aichat_exchange_model", c_void_p, aichat_exchange)
aichat_exchange_is_stream = declare("aichat_exchange_is_stream", c_int, aichat_exchange)
aichat_exchange_input_estimate = declare(
        "aichat_exchange_input_estimate", c_int64, aichat_exchange)
aichat_exchange_output_limit = declare(
        "aichat_exchange_output_limit", c_int64, aichat_exchange)
aichat_exchange_start = declare(
        "aichat_exchange_start", c_int, aichat_exchange, POINTER(aichat_error))
aichat_exchange_next = declare(
        "aichat_exchange_next", c_int, aichat_exchange, c_int64, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(aichat_error))
aichat_exchange_set_begun = declare("aichat_exchange_set_begun", None, aichat_exchange)
aichat_exchange_is_over = declare("aichat_exchange_is_over", c_int, aichat_exchange)
aichat_exchange_cancel = declare("aichat_exchange_cancel", None, aichat_exchange)
aichat_exchange_result = declare("aichat_exchange_result", c_int, aichat_exchange)
aichat_exchange_usage = declare(
        "aichat_exchange_usage", c_int64, aichat_exchange, c_int)
aichat_exchange_is_estimated = declare(
        "aichat_exchange_is_estimated", c_int, aichat_exchange)
aichat_exchange_cost_nano_usd = declare(
        "aichat_exchange_cost_nano_usd", c_int64, aichat_exchange)
aichat_exchange_stop_reason = declare(
        "aichat_exchange_stop_reason", c_int, aichat_exchange)
aichat_exchange_request_id = declare(
        "aichat_exchange_request_id", c_void_p, aichat_exchange)
aichat_exchange_free = declare("aichat_exchange_free", c_void_p, aichat_exchange)
aichat_dialect_error = declare(
        "aichat_dialect_error", c_int, c_char_p, aichat_error, POINTER(c_int),
        POINTER(c_void_p), POINTER(c_size_t))
aichat_dialect_should_retry = declare(
        "aichat_dialect_should_retry", c_int, aichat_error)
aichat_dialect_models = declare(
        "aichat_dialect_models", c_int, aichat, c_char_p, c_char_p, c_char_p, c_size_t,
        POINTER(c_void_p), POINTER(c_size_t), POINTER(aichat_error))
aichat_dialect_model = declare(
        "aichat_dialect_model", c_int, aichat, c_char_p, c_char_p, POINTER(c_void_p),
        POINTER(c_size_t), POINTER(aichat_error))
aichat_json_parse = declare(
        "aichat_json_parse", c_int, c_char_p, c_int64, POINTER(aichat_json),
        POINTER(aichat_error))
aichat_json_parse_limited = declare(
        "aichat_json_parse_limited", c_int, c_char_p, c_int64, c_size_t, c_uint32,
        c_uint32, POINTER(c_size_t), POINTER(aichat_json), POINTER(aichat_error))
aichat_json_ref = declare("aichat_json_ref", c_void_p, aichat_json)
aichat_json_unref = declare("aichat_json_unref", c_void_p, aichat_json)
aichat_json_type = declare("aichat_json_type", c_int, aichat_json, c_int)
aichat_json_get = declare("aichat_json_get", c_int, aichat_json, c_int, c_char_p)
aichat_json_at = declare("aichat_json_at", c_int, aichat_json, c_int, c_size_t)
aichat_json_count = declare("aichat_json_count", c_size_t, aichat_json, c_int)
aichat_json_first = declare("aichat_json_first", c_int, aichat_json, c_int)
aichat_json_next = declare("aichat_json_next", c_int, aichat_json, c_int, c_int)
aichat_json_key = declare("aichat_json_key", c_int, aichat_json, c_int)
aichat_json_string = declare(
        "aichat_json_string", c_void_p, aichat_json, c_int, POINTER(c_size_t))
aichat_json_int = declare(
        "aichat_json_int", c_int, aichat_json, c_int, POINTER(c_int64))
aichat_json_double = declare(
        "aichat_json_double", c_int, aichat_json, c_int, POINTER(c_double))
aichat_json_bool = declare("aichat_json_bool", c_int, aichat_json, c_int, c_int)
aichat_json_raw = declare(
        "aichat_json_raw", c_void_p, aichat_json, c_int, POINTER(c_size_t))
aichat_json_writer_new = declare("aichat_json_writer_new", c_void_p, c_size_t)
aichat_json_writer_unref = declare(
        "aichat_json_writer_unref", c_void_p, aichat_json_writer)
aichat_json_writer_begin_object = declare(
        "aichat_json_writer_begin_object", None, aichat_json_writer)
aichat_json_writer_end_object = declare(
        "aichat_json_writer_end_object", None, aichat_json_writer)
aichat_json_writer_begin_array = declare(
        "aichat_json_writer_begin_array", None, aichat_json_writer)
aichat_json_writer_end_array = declare(
        "aichat_json_writer_end_array", None, aichat_json_writer)
aichat_json_writer_key = declare(
        "aichat_json_writer_key", None, aichat_json_writer, c_char_p, c_int64)
aichat_json_writer_string = declare(
        "aichat_json_writer_string", None, aichat_json_writer, c_char_p, c_int64)
aichat_json_writer_int = declare(
        "aichat_json_writer_int", None, aichat_json_writer, c_int64)
aichat_json_writer_double = declare(
        "aichat_json_writer_double", None, aichat_json_writer, c_double)
aichat_json_writer_bool = declare(
        "aichat_json_writer_bool", None, aichat_json_writer, c_int)
aichat_json_writer_null = declare("aichat_json_writer_null", None, aichat_json_writer)
aichat_json_writer_raw = declare(
        "aichat_json_writer_raw", None, aichat_json_writer, c_char_p, c_int64)
aichat_json_writer_finish = declare(
        "aichat_json_writer_finish", c_int, aichat_json_writer, POINTER(c_void_p),
        POINTER(c_size_t))
aichat_json_writer_reset = declare("aichat_json_writer_reset", None, aichat_json_writer)
aichat_watch_new = declare("aichat_watch_new", c_int, POINTER(aichat_watch))
aichat_watch_free = declare("aichat_watch_free", c_void_p, aichat_watch)
aichat_watch_add = declare(
        "aichat_watch_add", c_int, aichat_watch, aichat_reply, c_uint64,
        POINTER(aichat_error))
aichat_watch_remove = declare("aichat_watch_remove", None, aichat_watch, aichat_reply)
aichat_watch_next = declare(
        "aichat_watch_next", c_int, aichat_watch, c_int64, POINTER(c_uint64))
aichat_watch_wake = declare("aichat_watch_wake", None, aichat_watch)
aichat_open = declare(
        "aichat_open", c_int, aichat_options, POINTER(aichat), POINTER(aichat_error))
aichat_close = declare("aichat_close", c_void_p, aichat)
aichat_for_owner = declare(
        "aichat_for_owner", c_int, aichat, c_char_p, POINTER(aichat),
        POINTER(aichat_error))
aichat_reply_open = declare(
        "aichat_reply_open", c_int, aichat, c_char_p, c_uint64, POINTER(aichat_reply),
        POINTER(aichat_error))
aichat_complete = declare(
        "aichat_complete", c_int, aichat, POINTER(aichat_message), c_size_t, c_char_p,
        c_int64, aichat_options, POINTER(aichat_reply), POINTER(aichat_error))
aichat_verify = declare("aichat_verify", c_int, aichat, POINTER(aichat_error))
aichat_store_check = declare("aichat_store_check", c_int, aichat, POINTER(aichat_error))
aichat_free = declare("aichat_free", c_void_p, c_void_p)


def version() -> str:
    """The version of the library that is loaded, such as "0.1.0"."""
    pointer = aichat_version()
    return text_at(pointer)


def abi_version() -> int:
    """The binary interface of the library that is loaded."""
    number: int = aichat_abi_version()
    return number


def error_name(code: int) -> str:
    """The upper-case name of a code, as JSON carries it."""
    pointer = aichat_error_name(code)
    return text_at(pointer)


def error_text(code: int) -> str:
    """What a code means, in a few words."""
    pointer = aichat_error_text(code)
    return text_at(pointer)


def error_code(error: Optional[aichat_error]) -> int:
    """The error's code."""
    number: int = aichat_error_code(error)
    return number


def error_message(error: Optional[aichat_error]) -> str:
    """One line for people: what failed, where, and what to do."""
    pointer = aichat_error_message(error)
    return text_at(pointer)


def error_http_status(error: Optional[aichat_error]) -> int:
    """The HTTP status that the provider answered with."""
    number: int = aichat_error_http_status(error)
    return number


def error_provider_code(error: Optional[aichat_error]) -> Optional[str]:
    """The provider's own word for the error, such as `insufficient_quota`."""
    pointer = aichat_error_provider_code(error)
    return text_or_none(pointer)


def error_request_id(error: Optional[aichat_error]) -> Optional[str]:
    """The provider's id of the failed request, for its support."""
    pointer = aichat_error_request_id(error)
    return text_or_none(pointer)


def error_retry_after_ms(error: Optional[aichat_error]) -> int:
    """How long the provider asked to wait."""
    number: int = aichat_error_retry_after_ms(error)
    return number


def model_at(ai: aichat, n: int) -> aichat_model:
    """The n-th model of the catalog."""
    ret_model = aichat_model()
    code = aichat_model_at(ai, n, byref(ret_model))
    check(code)
    return ret_model


def model_find(ai: aichat, name: str) -> aichat_model:
    """What a name means: PROVIDER/MODEL, a model's name, an alias, or a provider's
    name for its default model."""
    ret_model = aichat_model()
    reterr = aichat_error()
    code = aichat_model_find(ai, utf8_no_nul(name), byref(ret_model), byref(reterr))
    check(code, reterr)
    return ret_model


def model_choose(ai: aichat) -> str:
    """The model to use when none is named: the option `model`, else that of the
    first provider with a key, else one of an Ollama or llama-server on this machine
    that answers within 50 ms, else the built-in `echo`, which repeats what it is
    told."""
    ret_name = c_void_p()
    reterr = aichat_error()
    code = aichat_model_choose(ai, byref(ret_name), byref(reterr))
    check(code, reterr)
    ret_name_text = text_at(ret_name.value)
    aichat_free(ret_name)
    return ret_name_text


def model_name(model: aichat_model) -> str:
    """The model's full name."""
    pointer = aichat_model_name(model)
    return text_at(pointer)


def model_is_ready(model: aichat_model) -> bool:
    """Whether it can be asked: its provider needs no key, or has one."""
    number: int = aichat_model_is_ready(model)
    return number == 1


def model_context_tokens(model: aichat_model) -> int:
    """How much it can read, the reply included."""
    number: int = aichat_model_context_tokens(model)
    return number


def model_output_tokens(model: aichat_model) -> int:
    """How much it can write in one reply."""
    number: int = aichat_model_output_tokens(model)
    return number


def model_abilities(model: aichat_model) -> Ability:
    """What it can do."""
    number = aichat_model_abilities(model)
    return Ability(number)


def model_price_nano_usd(model: aichat_model, kind: int) -> int:
    """One of its prices."""
    number: int = aichat_model_price_nano_usd(model, kind)
    return number


def model_priced_on(model: aichat_model) -> Optional[str]:
    """The day of the prices."""
    pointer = aichat_model_priced_on(model)
    return text_or_none(pointer)


def record_new(kind: str, id: Optional[str]) -> aichat_record:
    """Make a record, a small JSON document. It is stored by aichat_record_add()."""
    ret_record = aichat_record()
    reterr = aichat_error()
    code = aichat_record_new(
            utf8_no_nul(kind), utf8_no_nul(id), byref(ret_record), byref(reterr))
    check(code, reterr)
    return ret_record


def record_kind(record: aichat_record) -> str:
    """What the record is."""
    pointer = aichat_record_kind(record)
    return text_at(pointer)


def record_id(record: aichat_record) -> str:
    """The record's id."""
    pointer = aichat_record_id(record)
    return text_at(pointer)


def record_name(record: aichat_record) -> Optional[str]:
    """The record's name."""
    pointer = aichat_record_name(record)
    return text_or_none(pointer)


def record_set_name(record: aichat_record, name: Optional[str]) -> None:
    """Give the record a name by which aichat_record_find() finds it."""
    reterr = aichat_error()
    code = aichat_record_set_name(record, utf8_no_nul(name), byref(reterr))
    check(code, reterr)


def record_parent_kind(record: aichat_record) -> Optional[str]:
    """The kind of the record's parent."""
    pointer = aichat_record_parent_kind(record)
    return text_or_none(pointer)


def record_parent_id(record: aichat_record) -> Optional[str]:
    """The id of the record's parent."""
    pointer = aichat_record_parent_id(record)
    return text_or_none(pointer)


def record_set_parent(record: aichat_record, kind: str, id: str) -> None:
    """Make the record a child of another one: when that is deleted, it is deleted,
    too. Counts for aichat_record_add(); a stored record keeps its parent."""
    reterr = aichat_error()
    code = aichat_record_set_parent(
            record, utf8_no_nul(kind), utf8_no_nul(id), byref(reterr))
    check(code, reterr)


def record_json(record: aichat_record) -> str:
    """The record's document."""
    ret_len = c_size_t()
    pointer = aichat_record_json(record, byref(ret_len))
    return text_at(pointer, ret_len.value)


def record_set_json(record: aichat_record, json: str) -> None:
    """Set the record's document."""
    json_bytes = utf8(json)
    reterr = aichat_error()
    code = aichat_record_set_json(record, json_bytes, len(json_bytes), byref(reterr))
    check(code, reterr)


def record_expires_unix_ms(record: aichat_record) -> int:
    """When the record ends."""
    number: int = aichat_record_expires_unix_ms(record)
    return number


def record_set_expires(record: aichat_record, expires_unix_ms: int) -> None:
    """Set when the record ends: from then on it is as if it were deleted."""
    aichat_record_set_expires(record, expires_unix_ms)


def record_created_unix_ms(record: aichat_record) -> int:
    """When the record was added."""
    number: int = aichat_record_created_unix_ms(record)
    return number


def record_updated_unix_ms(record: aichat_record) -> int:
    """When the record was saved last."""
    number: int = aichat_record_updated_unix_ms(record)
    return number


def record_version(record: aichat_record) -> int:
    """The version of the record: 1 when it was added, one more each time it was
    saved."""
    number: int = aichat_record_version(record)
    return number


def record_set_idempotency(record: aichat_record, key: str, digest: str) -> None:
    """The request that adds the record, by its key: see the top of this file."""
    reterr = aichat_error()
    code = aichat_record_set_idempotency(
            record, utf8_no_nul(key), utf8_no_nul(digest), byref(reterr))
    check(code, reterr)


def record_add(ai: aichat, record: aichat_record) -> None:
    """Store a new record. It is on disk when this returns. Each call also deletes a
    few of the records that ended."""
    reterr = aichat_error()
    code = aichat_record_add(ai, record, byref(reterr))
    check(code, reterr)


def record_save(ai: aichat, record: aichat_record) -> None:
    """Store name, document and end of a record that was read, if nobody else has
    saved it since. It is on disk when this returns."""
    reterr = aichat_error()
    code = aichat_record_save(ai, record, byref(reterr))
    check(code, reterr)


def record_get(ai: aichat, kind: str, id: str) -> aichat_record:
    """Read a record by its id."""
    ret_record = aichat_record()
    reterr = aichat_error()
    code = aichat_record_get(
            ai, utf8_no_nul(kind), utf8_no_nul(id), byref(ret_record), byref(reterr))
    check(code, reterr)
    return ret_record


def record_find(ai: aichat, kind: str, name: str) -> aichat_record:
    """Read a record by its name."""
    ret_record = aichat_record()
    reterr = aichat_error()
    code = aichat_record_find(
            ai, utf8_no_nul(kind), utf8_no_nul(name), byref(ret_record), byref(reterr))
    check(code, reterr)
    return ret_record


def record_delete(ai: aichat, kind: str, id: str) -> None:
    """Delete a record and all its children. It is gone from disk when this returns."""
    reterr = aichat_error()
    code = aichat_record_delete(ai, utf8_no_nul(kind), utf8_no_nul(id), byref(reterr))
    check(code, reterr)


def record_list(
        ai: aichat, kind: str, parent_kind: Optional[str], parent_id: Optional[str],
        after: Optional[str], limit: int) -> aichat_records:
    """List records of a kind in the order in which they were added."""
    ret_records = aichat_records()
    reterr = aichat_error()
    code = aichat_record_list(
            ai, utf8_no_nul(kind), utf8_no_nul(parent_kind), utf8_no_nul(parent_id),
            utf8_no_nul(after), limit, byref(ret_records), byref(reterr))
    check(code, reterr)
    return ret_records


def records_count(records: aichat_records) -> int:
    """How many records a list has."""
    number: int = aichat_records_count(records)
    return number


def records_at(records: aichat_records, n: int) -> Optional[aichat_record]:
    """The n-th record of a list, which may be changed and saved."""
    pointer = aichat_records_at(records, n)
    return aichat_record.of(pointer, records) if pointer else None


def records_cursor(records: aichat_records) -> Optional[str]:
    """Where the list ends, to go on from."""
    pointer = aichat_records_cursor(records)
    return text_or_none(pointer)


def idempotency_find(ai: aichat, key: str, digest: str) -> Tuple[int, Optional[str]]:
    """What an earlier request with this key made."""
    ret_id = c_void_p()
    reterr = aichat_error()
    code: int = aichat_idempotency_find(
            ai, utf8_no_nul(key), utf8_no_nul(digest), byref(ret_id), byref(reterr))
    check(code, reterr)
    ret_id_text = text_or_none(ret_id.value)
    aichat_free(ret_id)
    return code, ret_id_text


def audit_add(
        ai: aichat, actor: str, action: str, object: Optional[str],
        details: Optional[str]) -> None:
    """Append to the audit log. It is on disk when this returns. Each entry carries a
    digest over itself and the one before it, so that nothing can be changed, put
    between or taken out without aichat_audit_verify() seeing it."""
    details_bytes = utf8(details)
    reterr = aichat_error()
    code = aichat_audit_add(
            ai, utf8_no_nul(actor), utf8_no_nul(action), utf8_no_nul(object),
            details_bytes, len(details_bytes or b""), byref(reterr))
    check(code, reterr)


def audit_list(ai: aichat, after: Optional[str], limit: int) -> str:
    """List the audit log, newest first."""
    ret_json = c_void_p()
    ret_len = c_size_t()
    reterr = aichat_error()
    code = aichat_audit_list(
            ai, utf8_no_nul(after), limit, byref(ret_json), byref(ret_len),
            byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_len.value)
    aichat_free(ret_json)
    return ret_json_text


def audit_verify(ai: aichat) -> Tuple[int, str]:
    """Check the audit log of the whole store, whoever wrote it. aichat_verify()
    does, too."""
    ret_count = c_int64()
    ret_hash = c_void_p()
    reterr = aichat_error()
    code = aichat_audit_verify(ai, byref(ret_count), byref(ret_hash), byref(reterr))
    check(code, reterr)
    ret_hash_text = text_at(ret_hash.value)
    aichat_free(ret_hash)
    return ret_count.value, ret_hash_text


def usage_add(ai: aichat, json: str) -> None:
    """Note what a request used. The row is committed, but not synchronised, when
    this returns: a dying process loses nothing, a power failure the last moment."""
    json_bytes = utf8(json)
    reterr = aichat_error()
    code = aichat_usage_add(ai, json_bytes, len(json_bytes), byref(reterr))
    check(code, reterr)


def usage_list(ai: aichat, after: Optional[str], limit: int) -> str:
    """List the rows of usage, newest first."""
    ret_json = c_void_p()
    ret_len = c_size_t()
    reterr = aichat_error()
    code = aichat_usage_list(
            ai, utf8_no_nul(after), limit, byref(ret_json), byref(ret_len),
            byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_len.value)
    aichat_free(ret_json)
    return ret_json_text


def usage_sum(ai: aichat, since_unix_ms: int, until_unix_ms: int) -> str:
    """Add up the rows of usage of a time, by key, provider and model."""
    ret_json = c_void_p()
    ret_len = c_size_t()
    reterr = aichat_error()
    code = aichat_usage_sum(
            ai, since_unix_ms, until_unix_ms, byref(ret_json), byref(ret_len),
            byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_len.value)
    aichat_free(ret_json)
    return ret_json_text


def owner_delete(ai: aichat, owner: str) -> None:
    """Delete all that an owner has, for good: conversations with everything in them,
    records, idempotency keys. Replies that run are stopped first. The audit log and
    the rows of usage stay; they have no content. What was begun can be repeated."""
    reterr = aichat_error()
    code = aichat_owner_delete(ai, utf8_no_nul(owner), byref(reterr))
    check(code, reterr)


def role_name(role: int) -> str:
    """The name of a role in JSON, such as "user"."""
    pointer = aichat_role_name(role)
    return text_at(pointer)


def message_state_name(state: int) -> str:
    """The name of a message state in JSON, such as "sealed"."""
    pointer = aichat_message_state_name(state)
    return text_at(pointer)


def part_type_name(type: int) -> str:
    """The name of a part type in JSON, such as "tool_call"."""
    pointer = aichat_part_type_name(type)
    return text_at(pointer)


def stop_reason_name(reason: int) -> str:
    """The name of a stop reason in JSON, such as "tool_calls"."""
    pointer = aichat_stop_reason_name(reason)
    return text_at(pointer)


def message_new(role: int, text: Optional[str]) -> aichat_message:
    """Make a message of one text part, for a request that is not stored, or to be
    extended with the functions below before it is used."""
    text_bytes = utf8(text)
    ret_message = aichat_message()
    code = aichat_message_new(
            role, text_bytes, len(text_bytes or b""), byref(ret_message))
    check(code)
    return ret_message


def message_from_json(json: str) -> aichat_message:
    """Read a message from its canonical JSON."""
    json_bytes = utf8(json)
    ret_message = aichat_message()
    reterr = aichat_error()
    code = aichat_message_from_json(
            json_bytes, len(json_bytes), byref(ret_message), byref(reterr))
    check(code, reterr)
    return ret_message


def message_add_data(
        message: aichat_message, type: int, media_type: str, name: Optional[str],
        data: bytes) -> None:
    """Add an image, audio or file part to a message that nobody else has seen yet."""
    code = aichat_message_add_data(
            message, type, utf8_no_nul(media_type), utf8_no_nul(name), data, len(data))
    check(code)


def message_id(message: aichat_message) -> str:
    """The message's id."""
    pointer = aichat_message_id(message)
    return text_at(pointer)


def message_parent_id(message: aichat_message) -> str:
    """The id of the message that it answers or follows."""
    pointer = aichat_message_parent_id(message)
    return text_at(pointer)


def message_conversation_id(message: aichat_message) -> str:
    """The id of the conversation that it belongs to."""
    pointer = aichat_message_conversation_id(message)
    return text_at(pointer)


def message_role(message: aichat_message) -> Role:
    """Who speaks."""
    number = aichat_message_role(message)
    return Role(number)


def message_state(message: aichat_message) -> MessageState:
    """Whether it is whole."""
    number = aichat_message_state(message)
    return MessageState(number)


def message_created_unix_ms(message: aichat_message) -> int:
    """When it was made."""
    number: int = aichat_message_created_unix_ms(message)
    return number


def message_provider(message: aichat_message) -> Optional[str]:
    """The provider that wrote it."""
    pointer = aichat_message_provider(message)
    return text_or_none(pointer)


def message_model(message: aichat_message) -> Optional[str]:
    """The model that wrote it, by the provider's name for it."""
    pointer = aichat_message_model(message)
    return text_or_none(pointer)


def message_stop_reason(message: aichat_message) -> StopReason:
    """Why the model stopped."""
    number = aichat_message_stop_reason(message)
    return StopReason(number)


def message_usage(message: aichat_message, kind: int) -> int:
    """One figure of the usage."""
    number: int = aichat_message_usage(message, kind)
    return number


def message_cost_nano_usd(message: aichat_message) -> int:
    """What the message cost by the price table of its day."""
    number: int = aichat_message_cost_nano_usd(message)
    return number


def message_text(message: aichat_message) -> str:
    """All text parts, one after the other."""
    ret_text = c_void_p()
    ret_text_len = c_size_t()
    code = aichat_message_text(message, byref(ret_text), byref(ret_text_len))
    check(code)
    ret_text_text = text_at(ret_text.value, ret_text_len.value)
    aichat_free(ret_text)
    return ret_text_text


def message_to_json(message: aichat_message) -> str:
    """The message as canonical JSON, the form of every export, event and fixture."""
    ret_json = c_void_p()
    ret_json_len = c_size_t()
    code = aichat_message_to_json(message, byref(ret_json), byref(ret_json_len))
    check(code)
    ret_json_text = text_at(ret_json.value, ret_json_len.value)
    aichat_free(ret_json)
    return ret_json_text


def message_part_count(message: aichat_message) -> int:
    """How many parts it has."""
    number: int = aichat_message_part_count(message)
    return number


def message_part_type(message: aichat_message, n: int) -> Optional[PartType]:
    """What the n-th part is."""
    number = aichat_message_part_type(message, n)
    return PartType(number) if number else None


def message_part_text(message: aichat_message, n: int) -> Optional[str]:
    """The n-th part's text: of text, reasoning and refusal the text itself, of a
    tool call its arguments as they came, of a tool result all its text, of a source
    its link."""
    ret_len = c_size_t()
    pointer = aichat_message_part_text(message, n, byref(ret_len))
    return text_or_none(pointer, ret_len.value)


def message_part_id(message: aichat_message, n: int) -> Optional[str]:
    """The n-th part's id: of a tool call its own, of a tool result that of its call."""
    pointer = aichat_message_part_id(message, n)
    return text_or_none(pointer)


def message_part_name(message: aichat_message, n: int) -> Optional[str]:
    """The n-th part's name: the tool's, the file's, or the title of a source."""
    pointer = aichat_message_part_name(message, n)
    return text_or_none(pointer)


def message_part_data(
        message: aichat_message, n: int) -> Tuple[Optional[bytes], Optional[str]]:
    """The bytes of an image, audio or file part."""
    ret_len = c_size_t()
    ret_media_type = c_void_p()
    pointer = aichat_message_part_data(
            message, n, byref(ret_len), byref(ret_media_type))
    return data(pointer, ret_len.value), text_or_none(ret_media_type.value)


def options_new() -> aichat_options:
    """Make an empty bag."""
    pointer = aichat_options_new()
    check(ErrorCode.ENOMEM if pointer is None else 0)
    return aichat_options(pointer)


def options_set_json(options: aichat_options, json: str) -> None:
    """Set options from the members of a JSON object, such as `{"model":
    "openai/gpt-5.6", "temperature": 0.2}`: text, numbers, true and false as they
    are, of an option that is JSON any value; null takes the value back."""
    json_bytes = utf8(json)
    reterr = aichat_error()
    code = aichat_options_set_json(options, json_bytes, len(json_bytes), byref(reterr))
    check(code, reterr)


def options_set(options: aichat_options, name: str, value: Optional[str]) -> None:
    """Set an option from text, as in a configuration file or on a command line."""
    value_bytes = utf8(value)
    reterr = aichat_error()
    code = aichat_options_set(
            options, utf8_no_nul(name), value_bytes, len(value_bytes or b""),
            byref(reterr))
    check(code, reterr)


def options_set_int(options: aichat_options, name: str, value: int) -> None:
    """Set an option that is a whole number."""
    reterr = aichat_error()
    code = aichat_options_set_int(options, utf8_no_nul(name), value, byref(reterr))
    check(code, reterr)


def options_set_number(options: aichat_options, name: str, value: float) -> None:
    """Set an option that is a number."""
    reterr = aichat_error()
    code = aichat_options_set_number(options, utf8_no_nul(name), value, byref(reterr))
    check(code, reterr)


def options_get(options: aichat_options, name: str) -> Tuple[int, Optional[str]]:
    """The text of an option's value."""
    ret_value = c_void_p()
    code: int = aichat_options_get(options, utf8_no_nul(name), byref(ret_value))
    check(code)
    return code, text_or_none(ret_value.value)


def options_origin(options: aichat_options, name: str) -> Optional[str]:
    """Where an option's value came from: "FILE:LINE", "environment NAME", "set" or
    "default"."""
    pointer = aichat_options_origin(options, utf8_no_nul(name))
    return text_or_none(pointer)


def options_name(options: aichat_options, n: int) -> Optional[str]:
    """The n-th option that is set, in order of names."""
    pointer = aichat_options_name(options, n)
    return text_or_none(pointer)


def options_load(options: aichat_options, path: Optional[str]) -> None:
    """Read the user's configuration file and environment into a bag. What is set in
    the bag already stays."""
    reterr = aichat_error()
    code = aichat_options_load(options, utf8_no_nul(path), byref(reterr))
    check(code, reterr)


def options_set_log(
        options: aichat_options, hook: Optional[Any], user: Any, level: int) -> None:
    """Set the hook that gets the library's log."""
    code = aichat_options_set_log(
            options, aichat_log_hook() if hook is None else hook, user, level)
    check(code)


def option_name(n: int) -> Optional[str]:
    """The name of the n-th option of the table."""
    pointer = aichat_option_name(n)
    return text_or_none(pointer)


def option_type(n: int) -> Optional[OptionType]:
    """The type of the n-th option of the table."""
    number = aichat_option_type(n)
    return OptionType(number) if number else None


def option_help(n: int) -> Optional[str]:
    """What the n-th option of the table is for, in one line."""
    pointer = aichat_option_help(n)
    return text_or_none(pointer)


def option_default(n: int) -> Optional[str]:
    """The default of the n-th option of the table."""
    pointer = aichat_option_default(n)
    return text_or_none(pointer)


def reply_state_name(state: int) -> str:
    """The name of a reply's state in JSON, such as "complete"."""
    pointer = aichat_reply_state_name(state)
    return text_at(pointer)


def reply_next(reply: aichat_reply, timeout_ms: int) -> Tuple[int, aichat_event]:
    """Take the next event."""
    ret_event = aichat_event()
    code: int = aichat_reply_next(reply, timeout_ms, byref(ret_event))
    check(code)
    return code, ret_event


def reply_fd(reply: aichat_reply) -> int:
    """A descriptor for the caller's event loop, readable exactly when
    aichat_reply_next() with a time of 0 would return 1, or AICHAT_ECLOSED."""
    ret_fd = c_int()
    reterr = aichat_error()
    code = aichat_reply_fd(reply, byref(ret_fd), byref(reterr))
    check(code, reterr)
    return ret_fd.value


def reply_wake(reply: Optional[aichat_reply]) -> None:
    """Make aichat_reply_next() return AICHAT_EAGAIN at once, if it waits, or else
    the next time that it would wait: for a thread that is to stop watching. An event
    that is there goes first."""
    aichat_reply_wake(reply)


def reply_to_json(reply: aichat_reply) -> str:
    """The stored reply as JSON: id, conversation_id, state, model, user_message_id
    (what it answers), message_id (the last that it wrote), message_ids (all of
    them), rounds (calls of the model), last_seq, created_at, ended_at, and the error
    that ended it."""
    ret_json = c_void_p()
    ret_json_len = c_size_t()
    reterr = aichat_error()
    code = aichat_reply_to_json(
            reply, byref(ret_json), byref(ret_json_len), byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_json_len.value)
    aichat_free(ret_json)
    return ret_json_text


def reply_cancel(reply: aichat_reply) -> None:
    """Stop the reply. What came stays; the last event is `done` with the state
    `stopped`. A reply that is over is left as it is."""
    reterr = aichat_error()
    code = aichat_reply_cancel(reply, byref(reterr))
    check(code, reterr)


def reply_tool_result(
        reply: aichat_reply, call_id: str, text: str, is_error: int) -> None:
    """Answer a tool call. When all calls of the message are answered, the reply goes
    on with the next call of the model."""
    text_bytes = utf8(text)
    reterr = aichat_error()
    code = aichat_reply_tool_result(
            reply, utf8_no_nul(call_id), text_bytes, len(text_bytes), is_error,
            byref(reterr))
    check(code, reterr)


def reply_id(reply: aichat_reply) -> str:
    """The reply's id, by which aichat_reply_open() finds it."""
    pointer = aichat_reply_id(reply)
    return text_at(pointer)


def event_type(event: aichat_event) -> EventType:
    """What an event tells."""
    number = aichat_event_type(event)
    return EventType(number)


def event_type_name(type: int) -> str:
    """The name of an event type in JSON, such as "text"."""
    pointer = aichat_event_type_name(type)
    return text_at(pointer)


def event_seq(event: aichat_event) -> int:
    """The event's number in its reply, from 1, without gaps but those of a snapshot."""
    number: int = aichat_event_seq(event)
    return number


def event_message_id(event: aichat_event) -> str:
    """The id of the message that is being written."""
    pointer = aichat_event_message_id(event)
    return text_at(pointer)


def event_text(event: aichat_event) -> str:
    """The piece that an event carries: of text and reasoning, or of a tool call's
    arguments."""
    pointer = aichat_event_text(event)
    return text_at(pointer, aichat_event_text_len(event))


def event_index(event: aichat_event) -> int:
    """Which part of the message the event is about."""
    number: int = aichat_event_index(event)
    return number


def event_part_type(event: aichat_event) -> Optional[PartType]:
    """The type of the part that begins or ends."""
    number = aichat_event_part_type(event)
    return PartType(number) if number else None


def event_part_id(event: aichat_event) -> Optional[str]:
    """The id of the tool call that begins, goes on or ends."""
    pointer = aichat_event_part_id(event)
    return text_or_none(pointer)


def event_part_name(event: aichat_event) -> Optional[str]:
    """The name of the tool that is called."""
    pointer = aichat_event_part_name(event)
    return text_or_none(pointer)


def event_usage(event: aichat_event, kind: int) -> int:
    """One figure of the usage so far, of `usage`."""
    number: int = aichat_event_usage(event, kind)
    return number


def event_user_message_id(event: aichat_event) -> str:
    """The id of the question, of `start`."""
    pointer = aichat_event_user_message_id(event)
    return text_at(pointer)


def event_message(event: aichat_event) -> Optional[aichat_message]:
    """The message that an event carries: the sealed one of `message`, the last one
    of `done` and `snapshot`, what there is of `error`."""
    pointer = aichat_event_message(event)
    return aichat_message(aichat_message_ref(pointer)) if pointer else None


def event_state(event: aichat_event) -> Optional[ReplyState]:
    """The state of the reply after `done` and `error`."""
    number = aichat_event_state(event)
    return ReplyState(number) if number else None


def event_error(event: aichat_event) -> Optional[aichat_error]:
    """What went wrong, of `error` and `retry`."""
    pointer = aichat_event_error(event)
    return aichat_error(aichat_error_ref(pointer)) if pointer else None


def event_delay_ms(event: aichat_event) -> int:
    """How long `retry` waits before the next attempt."""
    number: int = aichat_event_delay_ms(event)
    return number


def event_to_json(event: aichat_event) -> str:
    """The event as one line of JSON."""
    ret_json = c_void_p()
    ret_json_len = c_size_t()
    code = aichat_event_to_json(event, byref(ret_json), byref(ret_json_len))
    check(code)
    ret_json_text = text_at(ret_json.value, ret_json_len.value)
    aichat_free(ret_json)
    return ret_json_text


def conversation_new(
        ai: aichat, options: Optional[aichat_options]) -> aichat_conversation:
    """Make a new, empty conversation. It is written with its first message, or by
    aichat_conversation_save()."""
    ret_conversation = aichat_conversation()
    reterr = aichat_error()
    code = aichat_conversation_new(ai, options, byref(ret_conversation), byref(reterr))
    check(code, reterr)
    return ret_conversation


def conversation_open(ai: aichat, id: str) -> aichat_conversation:
    """Open a stored conversation."""
    ret_conversation = aichat_conversation()
    reterr = aichat_error()
    code = aichat_conversation_open(
            ai, utf8_no_nul(id), byref(ret_conversation), byref(reterr))
    check(code, reterr)
    return ret_conversation


def conversation_save(conversation: aichat_conversation) -> None:
    """Write the conversation as it is, with its settings, before its first message
    or between messages."""
    reterr = aichat_error()
    code = aichat_conversation_save(conversation, byref(reterr))
    check(code, reterr)


def conversation_change(
        conversation: aichat_conversation, json: str, version: int) -> None:
    """Change what is stored of a conversation, all at once or not at all. One that
    is new is written."""
    json_bytes = utf8(json)
    reterr = aichat_error()
    code = aichat_conversation_change(
            conversation, json_bytes, len(json_bytes), version, byref(reterr))
    check(code, reterr)


def conversation_to_json(conversation: aichat_conversation) -> Tuple[str, int]:
    """The stored conversation as canonical JSON: id, title, head, settings with
    options and tools, tags, pinned, archived, version, created_at, updated_at."""
    ret_json = c_void_p()
    ret_json_len = c_size_t()
    ret_version = c_int64()
    reterr = aichat_error()
    code = aichat_conversation_to_json(
            conversation, byref(ret_json), byref(ret_json_len), byref(ret_version),
            byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_json_len.value)
    aichat_free(ret_json)
    return ret_json_text, ret_version.value


def conversation_id(conversation: aichat_conversation) -> str:
    """The conversation's id."""
    pointer = aichat_conversation_id(conversation)
    return text_at(pointer)


def conversation_set_tools(
        conversation: aichat_conversation, json: Optional[str]) -> None:
    """Declare the tools that the model may call, for the sends that follow."""
    json_bytes = utf8(json)
    reterr = aichat_error()
    code = aichat_conversation_set_tools(
            conversation, json_bytes, len(json_bytes or b""), byref(reterr))
    check(code, reterr)


def conversation_send(
        conversation: aichat_conversation, text: str,
        options: Optional[aichat_options]) -> aichat_reply:
    """Append a user message to the head and start the reply."""
    text_bytes = utf8(text)
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_conversation_send(
            conversation, text_bytes, len(text_bytes), options, byref(ret_reply),
            byref(reterr))
    check(code, reterr)
    return ret_reply


def conversation_send_message(
        conversation: aichat_conversation, message: aichat_message,
        options: Optional[aichat_options]) -> aichat_reply:
    """As aichat_conversation_send(), with a message that may have images and files."""
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_conversation_send_message(
            conversation, message, options, byref(ret_reply), byref(reterr))
    check(code, reterr)
    return ret_reply


def conversation_send_after(
        conversation: aichat_conversation, parent_id: Optional[str],
        message: aichat_message, version: int,
        options: Optional[aichat_options]) -> aichat_reply:
    """As aichat_conversation_send_message(), under a message of the caller's choice,
    and only if nobody has changed the conversation meanwhile."""
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_conversation_send_after(
            conversation, utf8_no_nul(parent_id), message, version, options,
            byref(ret_reply), byref(reterr))
    check(code, reterr)
    return ret_reply


def conversation_edit(
        conversation: aichat_conversation, message_id: str, text: str,
        options: Optional[aichat_options]) -> aichat_reply:
    """Say a user message differently: a sibling of it with another text, and a
    reply."""
    text_bytes = utf8(text)
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_conversation_edit(
            conversation, utf8_no_nul(message_id), text_bytes, len(text_bytes), options,
            byref(ret_reply), byref(reterr))
    check(code, reterr)
    return ret_reply


def conversation_retry(
        conversation: aichat_conversation, message_id: Optional[str],
        options: Optional[aichat_options]) -> aichat_reply:
    """Answer a message again: a sibling of the reply that there is, if any."""
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_conversation_retry(
            conversation, utf8_no_nul(message_id), options, byref(ret_reply),
            byref(reterr))
    check(code, reterr)
    return ret_reply


def conversation_set_head(
        conversation: aichat_conversation, message_id: Optional[str]) -> None:
    """Move the head: the next send follows this message, and so begins a branch."""
    reterr = aichat_error()
    code = aichat_conversation_set_head(
            conversation, utf8_no_nul(message_id), byref(reterr))
    check(code, reterr)


def conversation_head(conversation: aichat_conversation) -> str:
    """The head's id."""
    ret_id = c_void_p()
    reterr = aichat_error()
    code = aichat_conversation_head(conversation, byref(ret_id), byref(reterr))
    check(code, reterr)
    ret_id_text = text_at(ret_id.value)
    aichat_free(ret_id)
    return ret_id_text


def conversation_set_title(
        conversation: aichat_conversation, title: Optional[str]) -> None:
    """Set the title, or take it away."""
    reterr = aichat_error()
    code = aichat_conversation_set_title(
            conversation, utf8_no_nul(title), byref(reterr))
    check(code, reterr)


def conversation_delete(conversation: aichat_conversation) -> None:
    """Delete the conversation with all its messages, for good."""
    reterr = aichat_error()
    code = aichat_conversation_delete(conversation, byref(reterr))
    check(code, reterr)


def conversation_erase(conversation: aichat_conversation, message_id: str) -> int:
    """Take a message's content away for good. Its place in the tree stays, with the
    state `erased`; so do its times, usage and cost. What was made of it goes, too:
    the log of the reply that wrote it, the title if it is the message's first words,
    and the option `system` if it is the system prompt."""
    reterr = aichat_error()
    code: int = aichat_conversation_erase(
            conversation, utf8_no_nul(message_id), byref(reterr))
    check(code, reterr)
    return code


def conversation_message(
        conversation: aichat_conversation, message_id: str) -> aichat_message:
    """One message."""
    ret_message = aichat_message()
    reterr = aichat_error()
    code = aichat_conversation_message(
            conversation, utf8_no_nul(message_id), byref(ret_message), byref(reterr))
    check(code, reterr)
    return ret_message


def conversation_tree(
        conversation: aichat_conversation, after: Optional[str],
        limit: int) -> aichat_messages:
    """All messages in the order in which they were stored, a page at a time; their
    parents make them a tree."""
    ret_messages = aichat_messages()
    reterr = aichat_error()
    code = aichat_conversation_tree(
            conversation, utf8_no_nul(after), limit, byref(ret_messages), byref(reterr))
    check(code, reterr)
    return ret_messages


def conversation_path_page(
        conversation: aichat_conversation, before: Optional[str],
        limit: int) -> aichat_messages:
    """The messages up to the head, a page at a time from the end: the first page has
    the last messages, oldest first, and each further one those before it."""
    ret_messages = aichat_messages()
    reterr = aichat_error()
    code = aichat_conversation_path_page(
            conversation, utf8_no_nul(before), limit, byref(ret_messages),
            byref(reterr))
    check(code, reterr)
    return ret_messages


def conversation_path(conversation: aichat_conversation, limit: int) -> aichat_messages:
    """The messages from the first to the head."""
    ret_messages = aichat_messages()
    reterr = aichat_error()
    code = aichat_conversation_path(
            conversation, limit, byref(ret_messages), byref(reterr))
    check(code, reterr)
    return ret_messages


def conversation_children(
        conversation: aichat_conversation,
        message_id: Optional[str]) -> aichat_messages:
    """The messages that follow a message: more than one where the conversation
    branches."""
    ret_messages = aichat_messages()
    reterr = aichat_error()
    code = aichat_conversation_children(
            conversation, utf8_no_nul(message_id), byref(ret_messages), byref(reterr))
    check(code, reterr)
    return ret_messages


def messages_count(messages: aichat_messages) -> int:
    """How many messages a list has."""
    number: int = aichat_messages_count(messages)
    return number


def messages_at(messages: aichat_messages, n: int) -> Optional[aichat_message]:
    """The n-th message of a list."""
    pointer = aichat_messages_at(messages, n)
    return aichat_message(aichat_message_ref(pointer)) if pointer else None


def messages_cursor(messages: aichat_messages) -> Optional[str]:
    """Where a page ends, to go on from."""
    pointer = aichat_messages_cursor(messages)
    return text_or_none(pointer)


def conversation_list(ai: aichat, after: Optional[str], limit: int) -> aichat_list:
    """List conversations that are not archived, the ones changed last first."""
    ret_list = aichat_list()
    reterr = aichat_error()
    code = aichat_conversation_list(
            ai, utf8_no_nul(after), limit, byref(ret_list), byref(reterr))
    check(code, reterr)
    return ret_list


def conversation_list_filtered(
        ai: aichat, archived: int, tag: Optional[str], text: Optional[str],
        after: Optional[str], limit: int) -> aichat_list:
    """List the conversations that fit, the ones changed last first."""
    ret_list = aichat_list()
    reterr = aichat_error()
    code = aichat_conversation_list_filtered(
            ai, archived, utf8_no_nul(tag), utf8_no_nul(text), utf8_no_nul(after),
            limit, byref(ret_list), byref(reterr))
    check(code, reterr)
    return ret_list


def list_count(list: aichat_list) -> int:
    """How many conversations a list has."""
    number: int = aichat_list_count(list)
    return number


def list_id(list: aichat_list, n: int) -> Optional[str]:
    """The id of the n-th conversation."""
    pointer = aichat_list_id(list, n)
    return text_or_none(pointer)


def list_title(list: aichat_list, n: int) -> Optional[str]:
    """The title of the n-th conversation: the one that was set, else the first words
    of its first message."""
    pointer = aichat_list_title(list, n)
    return text_or_none(pointer)


def list_updated_unix_ms(list: aichat_list, n: int) -> int:
    """When the n-th conversation was changed last."""
    number: int = aichat_list_updated_unix_ms(list, n)
    return number


def list_to_json(list: aichat_list, n: int) -> str:
    """The n-th conversation as aichat_conversation_to_json() gives it."""
    ret_json = c_void_p()
    ret_json_len = c_size_t()
    code = aichat_list_to_json(list, n, byref(ret_json), byref(ret_json_len))
    check(code)
    ret_json_text = text_at(ret_json.value, ret_json_len.value)
    aichat_free(ret_json)
    return ret_json_text


def list_cursor(list: aichat_list) -> Optional[str]:
    """Where the list ends, to go on from."""
    pointer = aichat_list_cursor(list)
    return text_or_none(pointer)


def exchange_open(ai: aichat, kind: int, dialect: str, body: str) -> aichat_exchange:
    """Read a caller's request. Nothing is sent."""
    body_bytes = utf8(body)
    ret_exchange = aichat_exchange()
    reterr = aichat_error()
    code = aichat_exchange_open(
            ai, kind, utf8_no_nul(dialect), body_bytes, len(body_bytes),
            byref(ret_exchange), byref(reterr))
    check(code, reterr)
    return ret_exchange


def exchange_set_header(exchange: aichat_exchange, name: str, value: str) -> None:
    """Pass on one of the caller's headers: `anthropic-version` or `anthropic-beta`.
    They go out where the provider speaks the caller's dialect."""
    reterr = aichat_error()
    code = aichat_exchange_set_header(
            exchange, utf8_no_nul(name), utf8_no_nul(value), byref(reterr))
    check(code, reterr)


def exchange_model(exchange: aichat_exchange) -> str:
    """The model that answers."""
    pointer = aichat_exchange_model(exchange)
    return text_at(pointer)


def exchange_is_stream(exchange: aichat_exchange) -> bool:
    """Whether the answer is a stream of server-sent events."""
    number: int = aichat_exchange_is_stream(exchange)
    return number == 1


def exchange_input_estimate(exchange: aichat_exchange) -> int:
    """About how many tokens the request has: the bytes of what the model reads
    (messages, system prompt, tools, input) as JSON, divided by four and rounded up;
    a string of more than 1 KiB that is base64 or a data: URL counts as 1,600 tokens
    instead."""
    number: int = aichat_exchange_input_estimate(exchange)
    return number


def exchange_output_limit(exchange: aichat_exchange) -> int:
    """The most tokens that the answer may have: what the request says, else what the
    catalog knows of the model, at most 32,000, else 4,096; for each of the answers
    asked for."""
    number: int = aichat_exchange_output_limit(exchange)
    return number


def exchange_start(exchange: aichat_exchange) -> None:
    """Ask the provider. Everything else is told by aichat_exchange_next()."""
    reterr = aichat_error()
    code = aichat_exchange_start(exchange, byref(reterr))
    check(code, reterr)


def exchange_next(
        exchange: aichat_exchange, timeout_ms: int) -> Tuple[int, Optional[bytes]]:
    """Take what there is of the answer: of a stream whole frames, as many as came;
    else the whole document."""
    ret_bytes = c_void_p()
    ret_len = c_size_t()
    reterr = aichat_error()
    code: int = aichat_exchange_next(
            exchange, timeout_ms, byref(ret_bytes), byref(ret_len), byref(reterr))
    check(code, reterr)
    return code, data(ret_bytes.value, ret_len.value)


def exchange_set_begun(exchange: aichat_exchange) -> None:
    """The caller has been sent the head of a stream before anything came: from here
    on a failure is a frame. Changes nothing where the answer is no stream."""
    aichat_exchange_set_begun(exchange)


def exchange_is_over(exchange: aichat_exchange) -> bool:
    """Whether nothing comes after what aichat_exchange_next() gave last: the figures
    below are final, and can be booked before the last bytes go out."""
    number: int = aichat_exchange_is_over(exchange)
    return number == 1


def exchange_cancel(exchange: aichat_exchange) -> None:
    """End it: the connection to the provider is closed at once. Nothing if it is
    over."""
    aichat_exchange_cancel(exchange)


def exchange_result(exchange: aichat_exchange) -> int:
    """How it ended."""
    number: int = aichat_exchange_result(exchange)
    return number


def exchange_usage(exchange: aichat_exchange, kind: int) -> int:
    """What was used. Where the provider was asked and said nothing of it, or not
    all, because the answer was cut off, it is estimated: the request as
    aichat_exchange_input_estimate(), the answer as its text's bytes divided by four."""
    number: int = aichat_exchange_usage(exchange, kind)
    return number


def exchange_is_estimated(exchange: aichat_exchange) -> bool:
    """Whether aichat_exchange_usage() is estimated, in whole or in part."""
    number: int = aichat_exchange_is_estimated(exchange)
    return number == 1


def exchange_cost_nano_usd(exchange: aichat_exchange) -> int:
    """What it cost by the catalog's prices."""
    number: int = aichat_exchange_cost_nano_usd(exchange)
    return number


def exchange_stop_reason(exchange: aichat_exchange) -> Optional[StopReason]:
    """Why the reply ended."""
    number = aichat_exchange_stop_reason(exchange)
    return StopReason(number) if number else None


def exchange_request_id(exchange: aichat_exchange) -> Optional[str]:
    """The provider's id of the request, for its support."""
    pointer = aichat_exchange_request_id(exchange)
    return text_or_none(pointer)


def dialect_error(dialect: str, error: aichat_error) -> Tuple[int, str]:
    """An error in the words of a dialect."""
    ret_status = c_int()
    ret_json = c_void_p()
    ret_len = c_size_t()
    code = aichat_dialect_error(
            utf8_no_nul(dialect), error, byref(ret_status), byref(ret_json),
            byref(ret_len))
    check(code)
    ret_json_text = text_at(ret_json.value, ret_len.value)
    aichat_free(ret_json)
    return ret_status.value, ret_json_text


def dialect_should_retry(error: aichat_error) -> bool:
    """What `x-should-retry` says of an error. What a provider failed with was tried
    again here already, so another try by the caller would multiply; only a limit of
    speed with a time to wait for, and a context that is being closed, are worth one."""
    number: int = aichat_dialect_should_retry(error)
    return number == 1


def dialect_models(
        ai: aichat, dialect: str, after: Optional[str], before: Optional[str],
        limit: int) -> str:
    """The models that can be asked, as the dialect lists them: aliases, the default
    models of configured providers, and the catalog's models of every provider that
    is ready. A model goes by its bare name where that is enough, else as
    PROVIDER/MODEL. When a model was made is not known: 1970-01-01."""
    ret_json = c_void_p()
    ret_len = c_size_t()
    reterr = aichat_error()
    code = aichat_dialect_models(
            ai, utf8_no_nul(dialect), utf8_no_nul(after), utf8_no_nul(before), limit,
            byref(ret_json), byref(ret_len), byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_len.value)
    aichat_free(ret_json)
    return ret_json_text


def dialect_model(ai: aichat, dialect: str, name: str) -> str:
    """One model, as the dialect tells of it."""
    ret_json = c_void_p()
    ret_len = c_size_t()
    reterr = aichat_error()
    code = aichat_dialect_model(
            ai, utf8_no_nul(dialect), utf8_no_nul(name), byref(ret_json),
            byref(ret_len), byref(reterr))
    check(code, reterr)
    ret_json_text = text_at(ret_json.value, ret_len.value)
    aichat_free(ret_json)
    return ret_json_text


def json_parse(text: str) -> aichat_json:
    """Read a text of at most 8 MiB, 100,000 values and keys, 32 levels."""
    text_bytes = utf8(text)
    ret_doc = aichat_json()
    reterr = aichat_error()
    code = aichat_json_parse(text_bytes, len(text_bytes), byref(ret_doc), byref(reterr))
    check(code, reterr)
    return ret_doc


def json_parse_limited(
        text: str, max_bytes: int, max_values: int, max_depth: int) -> aichat_json:
    """Read a text within limits of the caller's choice."""
    text_bytes = utf8(text)
    ret_doc = aichat_json()
    reterr = aichat_error()
    code = aichat_json_parse_limited(
            text_bytes, len(text_bytes), max_bytes, max_values, max_depth, None,
            byref(ret_doc), byref(reterr))
    check(code, reterr)
    return ret_doc


def json_type(doc: Optional[aichat_json], value: int) -> JsonType:
    """What a value is."""
    number = aichat_json_type(doc, value)
    return JsonType(number)


def json_get(doc: Optional[aichat_json], object: int, key: str) -> int:
    """A member of an object."""
    number: int = aichat_json_get(doc, object, utf8_no_nul(key))
    return number


def json_at(doc: Optional[aichat_json], array: int, n: int) -> int:
    """An element of an array. To visit all, aichat_json_next() is faster."""
    number: int = aichat_json_at(doc, array, n)
    return number


def json_count(doc: Optional[aichat_json], container: int) -> int:
    """The number of an array's elements or an object's members."""
    number: int = aichat_json_count(doc, container)
    return number


def json_first(doc: Optional[aichat_json], container: int) -> int:
    """The first element of an array, or the value of an object's first member."""
    number: int = aichat_json_first(doc, container)
    return number


def json_next(doc: Optional[aichat_json], container: int, value: int) -> int:
    """The one after a value of the same array or object, in the text's order."""
    number: int = aichat_json_next(doc, container, value)
    return number


def json_key(doc: Optional[aichat_json], value: int) -> int:
    """The key of a member, a string like any other."""
    number: int = aichat_json_key(doc, value)
    return number


def json_string(doc: Optional[aichat_json], value: int) -> Optional[str]:
    """The text of a string, without quotes and escapes."""
    ret_len = c_size_t()
    pointer = aichat_json_string(doc, value, byref(ret_len))
    return text_or_none(pointer, ret_len.value)


def json_int(doc: Optional[aichat_json], value: int) -> int:
    """A whole number. 1.0 and 1e3 are whole, too."""
    ret_int = c_int64()
    code = aichat_json_int(doc, value, byref(ret_int))
    check(code)
    return ret_int.value


def json_double(doc: Optional[aichat_json], value: int) -> float:
    """A number, rounded to the nearest double."""
    ret_double = c_double()
    code = aichat_json_double(doc, value, byref(ret_double))
    check(code)
    return ret_double.value


def json_bool(doc: Optional[aichat_json], value: int, otherwise: int) -> int:
    """A truth value."""
    number: int = aichat_json_bool(doc, value, otherwise)
    return number


def json_raw(doc: Optional[aichat_json], value: int) -> Optional[str]:
    """The exact bytes of a value as they stood in the text."""
    ret_len = c_size_t()
    pointer = aichat_json_raw(doc, value, byref(ret_len))
    return text_or_none(pointer, ret_len.value)


def json_writer_new(max_bytes: int) -> aichat_json_writer:
    """Start a text."""
    pointer = aichat_json_writer_new(max_bytes)
    check(ErrorCode.ENOMEM if pointer is None else 0)
    return aichat_json_writer(pointer)


def json_writer_begin_object(writer: Optional[aichat_json_writer]) -> None:
    """Write `{`."""
    aichat_json_writer_begin_object(writer)


def json_writer_end_object(writer: Optional[aichat_json_writer]) -> None:
    """Write `}`."""
    aichat_json_writer_end_object(writer)


def json_writer_begin_array(writer: Optional[aichat_json_writer]) -> None:
    """Write `[`."""
    aichat_json_writer_begin_array(writer)


def json_writer_end_array(writer: Optional[aichat_json_writer]) -> None:
    """Write `]`."""
    aichat_json_writer_end_array(writer)


def json_writer_key(writer: Optional[aichat_json_writer], key: str) -> None:
    """Write the key of an object's next member. That a key is not written twice is
    up to the caller."""
    key_bytes = utf8(key)
    aichat_json_writer_key(writer, key_bytes, len(key_bytes))


def json_writer_string(
        writer: Optional[aichat_json_writer], text: Optional[str]) -> None:
    """Write a string."""
    text_bytes = utf8(text)
    aichat_json_writer_string(writer, text_bytes, len(text_bytes or b""))


def json_writer_int(writer: Optional[aichat_json_writer], number: int) -> None:
    """Write a whole number."""
    aichat_json_writer_int(writer, number)


def json_writer_double(writer: Optional[aichat_json_writer], number: float) -> None:
    """Write a number, in the shortest form that reads back the same."""
    aichat_json_writer_double(writer, number)


def json_writer_bool(writer: Optional[aichat_json_writer], truth: int) -> None:
    """Write true or false."""
    aichat_json_writer_bool(writer, truth)


def json_writer_null(writer: Optional[aichat_json_writer]) -> None:
    """Write null."""
    aichat_json_writer_null(writer)


def json_writer_raw(writer: Optional[aichat_json_writer], json: str) -> None:
    """Write a value that is JSON already, byte for byte. It is checked."""
    json_bytes = utf8(json)
    aichat_json_writer_raw(writer, json_bytes, len(json_bytes))


def json_writer_finish(writer: Optional[aichat_json_writer]) -> Optional[str]:
    """The finished text, or the first mistake that was made."""
    ret_text = c_void_p()
    ret_len = c_size_t()
    code = aichat_json_writer_finish(writer, byref(ret_text), byref(ret_len))
    check(code)
    return text_or_none(ret_text.value, ret_len.value)


def json_writer_reset(writer: Optional[aichat_json_writer]) -> None:
    """Forget text and mistakes and start anew with the same memory."""
    aichat_json_writer_reset(writer)


def watch_new() -> aichat_watch:
    """A watch without replies."""
    ret_watch = aichat_watch()
    code = aichat_watch_new(byref(ret_watch))
    check(code)
    return ret_watch


def watch_add(watch: aichat_watch, reply: aichat_reply, tag: int) -> None:
    """Watch a reply. If there is something to take, it is told at once."""
    reterr = aichat_error()
    code = aichat_watch_add(watch, reply, tag, byref(reterr))
    check(code, reterr)


def watch_remove(watch: Optional[aichat_watch], reply: Optional[aichat_reply]) -> None:
    """Take a reply out. When this returns, aichat_watch_next() does not give its tag
    any more; a thread to which it was given before may still have it."""
    aichat_watch_remove(watch, reply)


def watch_next(watch: aichat_watch, timeout_ms: int) -> Tuple[int, int]:
    """The next reply for which aichat_reply_next() would return something else than
    AICHAT_EAGAIN."""
    ret_tag = c_uint64()
    code: int = aichat_watch_next(watch, timeout_ms, byref(ret_tag))
    check(code)
    return code, ret_tag.value


def watch_wake(watch: Optional[aichat_watch]) -> None:
    """Make one aichat_watch_next() return AICHAT_EAGAIN: the one that waits, or the
    next that would."""
    aichat_watch_wake(watch)


def open(options: Optional[aichat_options]) -> aichat:
    """Open a context."""
    ret_ai = aichat()
    reterr = aichat_error()
    code = aichat_open(options, byref(ret_ai), byref(reterr))
    check(code, reterr)
    return ret_ai


def for_owner(ai: aichat, owner: str) -> aichat:
    """The same engine and store seen by another owner: every call on the view and on
    what is opened through it touches that owner's conversations only. A plain
    context is the owner "local"."""
    ret_view = aichat()
    reterr = aichat_error()
    code = aichat_for_owner(ai, utf8_no_nul(owner), byref(ret_view), byref(reterr))
    check(code, reterr)
    return ret_view


def reply_open(ai: aichat, reply_id: str, after: int) -> aichat_reply:
    """Open a cursor on a stored reply, at any place: running or over, here or in
    another process."""
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_reply_open(
            ai, utf8_no_nul(reply_id), after, byref(ret_reply), byref(reterr))
    check(code, reterr)
    return ret_reply


def complete(
        ai: aichat, messages: Sequence[aichat_message], tools: Optional[str],
        options: Optional[aichat_options]) -> aichat_reply:
    """Ask a model without storing anything."""
    messages_array = (aichat_message * len(messages))(*messages)
    tools_bytes = utf8(tools)
    ret_reply = aichat_reply()
    reterr = aichat_error()
    code = aichat_complete(
            ai, messages_array, len(messages), tools_bytes, len(tools_bytes or b""),
            options, byref(ret_reply), byref(reterr))
    check(code, reterr)
    return ret_reply


def verify(ai: aichat) -> None:
    """Check everything that must hold in the store."""
    reterr = aichat_error()
    code = aichat_verify(ai, byref(reterr))
    check(code, reterr)


def store_check(ai: aichat) -> None:
    """Whether the store takes what is new: for a program that would rather not begin
    what it could not write down."""
    reterr = aichat_error()
    code = aichat_store_check(ai, byref(reterr))
    check(code, reterr)
