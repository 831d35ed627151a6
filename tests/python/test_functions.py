"""Every public function of the library, called from Python at least once.

The functions are counted where ctypes calls them, and compared with those that the
headers declare: one that is never called fails the last test.
"""

import ctypes
import json
import logging
import os
import sys
import unittest

import support

called = set()


class CountingLibrary(ctypes.CDLL):
    """A CDLL whose functions note that they were called."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

        class Function(self._FuncPtr):
            _flags_ = self._FuncPtr._flags_
            _restype_ = self._FuncPtr._restype_

            def __call__(self, *args):
                called.add(self.__name__)
                return super().__call__(*args)

        self._FuncPtr = Function


ctypes.CDLL, _cdll = CountingLibrary, ctypes.CDLL
import aichat  # noqa: E402
from aichat import _ffi  # noqa: E402
from aichat._ffi import (EventType, ExchangeKind, JsonType, LogLevel, MessageState,  # noqa: E402
                         OptionType, PartType, PriceKind, ReplyState, Role, StopReason,
                         UsageKind)
ctypes.CDLL = _cdll

sys.path.insert(0, os.path.join(support.ROOT, "tests", "lint"))
import cdecl  # noqa: E402
import lint  # noqa: E402

PNG = b"\x89PNG\r\n\x1a\n\0 and so on"


def drain(reply):
    """The events of a bare reply: (type, text) of each, and its last message."""
    found, message = [], None
    while True:
        code, event = _ffi.reply_next(reply, 10000)
        if code == 0:
            return found, message
        found.append((_ffi.event_type(event), _ffi.event_text(event)))
        message = _ffi.event_message(event) or message


class Functions(support.ProviderTest):
    def bare(self, path="echo", **more):
        """A context as C has it, of these options."""
        bag = _ffi.options_new()
        for name, value in support.options(self.provider, path, **more).items():
            _ffi.options_set(bag, name, value)
        return _ffi.open(bag)

    def test_version(self):
        self.assertRegex(_ffi.version(), r"^\d+\.\d+\.\d+$")
        self.assertEqual(_ffi.version(), _ffi.VERSION)
        self.assertEqual(_ffi.abi_version(), _ffi.ABI)

    def test_errors(self):
        self.assertEqual(_ffi.error_name(-7), "NOT_FOUND")
        self.assertEqual(_ffi.error_text(-7), "no such object")
        error = _ffi.aichat_error()
        bag = _ffi.options_new()
        code = _ffi.aichat_options_set(bag, b"nonsense", b"x", 1, ctypes.byref(error))
        self.assertEqual((code, _ffi.error_code(error)), (-1, -1))
        self.assertIn("nonsense", _ffi.error_message(error))
        self.assertEqual(_ffi.error_http_status(error), 0)
        self.assertIsNone(_ffi.error_provider_code(error))
        self.assertIsNone(_ffi.error_request_id(error))
        self.assertEqual(_ffi.error_retry_after_ms(error), -1)
        again = _ffi.aichat_error(_ffi.aichat_error_ref(error))
        self.assertEqual(again.value, error.value)
        del error
        self.assertIn("nonsense", _ffi.error_message(again))

    def test_options(self):
        bag = _ffi.options_new()
        _ffi.options_set(bag, "system", "Be kind.")
        _ffi.options_set_int(bag, "max_tokens", 5)
        _ffi.options_set_json(bag, '{"temperature": 0.5}')
        self.assertEqual(_ffi.options_get(bag, "temperature"), (1, "0.5"))
        _ffi.options_set_number(bag, "temperature", 0.5)
        self.assertEqual(_ffi.options_get(bag, "temperature"), (1, "0.5"))
        self.assertEqual(_ffi.options_get(bag, "max_retries"), (0, "2"))
        self.assertEqual(_ffi.options_origin(bag, "max_tokens"), "set")
        self.assertEqual([_ffi.options_name(bag, n) for n in range(4)],
                         ["max_tokens", "system", "temperature", None])
        with open(self.path("conf"), "w", encoding="utf-8") as file:
            file.write('model = "echo"\n')
        _ffi.options_load(bag, self.path("conf"))
        self.assertEqual(_ffi.options_get(bag, "model"), (1, "echo"))
        names = [option.name for option in aichat.options()]
        self.assertIn("provider.NAME.api_key", names)
        n = names.index("max_retries")
        self.assertEqual(_ffi.option_type(n), OptionType.INT)
        self.assertEqual(_ffi.option_default(n), "2")
        self.assertIn("attempts", _ffi.option_help(n))
        self.assertIsNone(_ffi.option_name(len(names)))
        with self.assertRaises(ValueError):
            _ffi.options_set(bag, "mod\0el", "x")

    def test_log_hook(self):
        lines = []
        hook = _ffi.aichat_log_hook(lambda user, level, line: lines.append((user, level, line)))
        with open(self.path("conf"), "w", encoding="utf-8") as file:
            file.write('provider openai { api_key = "secret" }\n')
        os.chmod(self.path("conf"), 0o644)
        bag = _ffi.options_new()
        _ffi.options_set_log(bag, hook, ctypes.c_void_p(7), LogLevel.WARNING)
        _ffi.options_load(bag, self.path("conf"))
        self.assertEqual([line[:2] for line in lines], [(7, LogLevel.WARNING)])
        self.assertNotIn(b"secret", lines[0][2])
        _ffi.options_set_log(bag, None, None, LogLevel.ERROR)

    def test_names(self):
        self.assertEqual(_ffi.role_name(Role.USER), "user")
        self.assertEqual(_ffi.message_state_name(MessageState.SEALED), "sealed")
        self.assertEqual(_ffi.part_type_name(PartType.TOOL_CALL), "tool_call")
        self.assertEqual(_ffi.stop_reason_name(StopReason.LENGTH), "length")
        self.assertEqual(_ffi.reply_state_name(ReplyState.FAILED), "failed")
        self.assertEqual(_ffi.event_type_name(EventType.DONE), "done")

    def test_messages(self):
        message = _ffi.message_new(Role.USER, "Grüße\0!")
        _ffi.message_add_data(message, PartType.IMAGE, "image/png", "a.png", PNG)
        other = _ffi.aichat_message(_ffi.aichat_message_ref(message))
        del message
        self.assertEqual(_ffi.message_text(other), "Grüße\0!")
        self.assertEqual(_ffi.message_part_count(other), 2)
        self.assertEqual(_ffi.message_part_text(other, 0), "Grüße\0!")
        self.assertEqual(_ffi.message_part_type(other, 1), PartType.IMAGE)
        self.assertIsNone(_ffi.message_part_type(other, 2))
        self.assertEqual(_ffi.message_part_data(other, 1), (PNG, "image/png"))
        self.assertEqual(_ffi.message_part_data(other, 0), (None, None))
        self.assertEqual(_ffi.message_part_name(other, 1), "a.png")
        self.assertIsNone(_ffi.message_part_id(other, 0))
        self.assertEqual(_ffi.message_role(other), Role.USER)
        self.assertEqual(_ffi.message_state(other), MessageState.OPEN)
        again = _ffi.message_from_json(_ffi.message_to_json(other))
        self.assertEqual(_ffi.message_part_data(again, 1), (PNG, "image/png"))
        self.assertEqual(_ffi.message_id(again), "")

    def test_json(self):
        doc = _ffi.json_parse('{"a": [1, 2.5, true, null, "x\\u0000y"], "b": {}}')
        doc = _ffi.aichat_json(_ffi.aichat_json_ref(doc))
        array = _ffi.json_get(doc, 0, "a")
        self.assertEqual(_ffi.json_type(doc, array), JsonType.ARRAY)
        self.assertEqual(_ffi.json_count(doc, array), 5)
        first = _ffi.json_first(doc, array)
        second = _ffi.json_next(doc, array, first)
        self.assertEqual(_ffi.json_int(doc, first), 1)
        self.assertEqual(_ffi.json_double(doc, second), 2.5)
        self.assertEqual(_ffi.json_bool(doc, _ffi.json_at(doc, array, 2), 0), 1)
        self.assertEqual(_ffi.json_string(doc, _ffi.json_at(doc, array, 4)), "x\0y")
        self.assertIsNone(_ffi.json_string(doc, array))
        self.assertEqual(_ffi.json_raw(doc, _ffi.json_get(doc, 0, "b")), "{}")
        key = _ffi.json_key(doc, _ffi.json_first(doc, 0))
        self.assertEqual(_ffi.json_string(doc, key), "a")
        self.assertEqual(_ffi.json_get(doc, 0, "c"), _ffi.JSON_NONE)
        _ffi.json_parse_limited("[[1]]", 0, 0, 2)
        with self.assertRaises(aichat.InvalidError) as caught:
            _ffi.json_parse_limited("[[1]]", 0, 0, 1)
        self.assertEqual(caught.exception.name, "TOO_LARGE")

    def test_json_writer(self):
        writer = _ffi.json_writer_new(0)
        _ffi.json_writer_null(writer)
        _ffi.json_writer_reset(writer)
        _ffi.json_writer_begin_object(writer)
        _ffi.json_writer_key(writer, "k\0")
        _ffi.json_writer_begin_array(writer)
        _ffi.json_writer_int(writer, -5)
        _ffi.json_writer_double(writer, 0.25)
        _ffi.json_writer_bool(writer, 1)
        _ffi.json_writer_string(writer, "ä\0")
        _ffi.json_writer_string(writer, None)
        _ffi.json_writer_raw(writer, '{"r":1}')
        _ffi.json_writer_end_array(writer)
        _ffi.json_writer_end_object(writer)
        self.assertEqual(_ffi.json_writer_finish(writer),
                         '{"k\\u0000":[-5,0.25,true,"ä\\u0000",null,{"r":1}]}')

    def test_json_writer_mistake(self):
        writer = _ffi.json_writer_new(0)
        _ffi.json_writer_begin_array(writer)
        with self.assertRaises(aichat.StateError):
            _ffi.json_writer_finish(writer)

    def test_models(self):
        ai = self.bare(**{"alias.mine": "openai/gpt-fake"})
        self.assertEqual(_ffi.model_name(_ffi.model_find(ai, "mine")), "openai/gpt-fake")
        self.assertEqual(_ffi.model_choose(ai), "openai/gpt-fake")
        model = _ffi.model_at(ai, 0)
        self.assertIn("/", _ffi.model_name(model))
        self.assertIn(_ffi.model_is_ready(model), (True, False))
        self.assertGreaterEqual(_ffi.model_context_tokens(model), -1)
        self.assertGreaterEqual(_ffi.model_output_tokens(model), -1)
        self.assertGreaterEqual(_ffi.model_price_nano_usd(model, PriceKind.INPUT), -1)
        self.assertGreaterEqual(int(_ffi.model_abilities(model)), 0)
        _ffi.model_priced_on(model)
        with self.assertRaises(aichat.NotFound):
            _ffi.model_at(ai, 100000)

    def test_conversation(self):
        ai = self.bare(store=self.path("store.db"))
        view = _ffi.for_owner(ai, "somebody")
        chat = _ffi.conversation_new(ai, None)
        chat = _ffi.aichat_conversation(_ffi.aichat_conversation_ref(chat))
        self.assertEqual(_ffi.conversation_head(chat), "")
        events, answer = drain(_ffi.conversation_send(chat, "one", None))
        self.assertEqual(events[0][0], EventType.START)
        self.assertEqual("".join(text for _, text in events), "one")
        self.assertEqual(_ffi.message_conversation_id(answer), _ffi.conversation_id(chat))
        self.assertEqual(_ffi.message_provider(answer), "openai")
        self.assertEqual(_ffi.message_model(answer), "gpt-fake")
        self.assertEqual(_ffi.message_stop_reason(answer), StopReason.STOP)
        self.assertGreater(_ffi.message_usage(answer, UsageKind.INPUT), 0)
        self.assertEqual(_ffi.message_cost_nano_usd(answer), -1)
        self.assertGreater(_ffi.message_created_unix_ms(answer), 10**12)
        question = _ffi.message_parent_id(answer)
        drain(_ffi.conversation_edit(chat, question, "two", None))
        drain(_ffi.conversation_retry(chat, question, None))
        firsts = _ffi.conversation_children(chat, None)
        self.assertEqual(_ffi.messages_count(firsts), 2)
        _ffi.conversation_set_head(chat, _ffi.message_id(answer))
        drain(_ffi.conversation_send_message(chat, _ffi.message_new(Role.USER, "three"), None))
        path = _ffi.conversation_path(chat, 0)
        texts = [_ffi.message_text(_ffi.messages_at(path, n))
                 for n in range(_ffi.messages_count(path))]
        self.assertEqual(texts, ["one", "one", "three", "three"])
        self.assertIsNone(_ffi.messages_at(path, 4))

        _ffi.conversation_set_title(chat, "A title")
        found = _ffi.conversation_list(ai, None, 10)
        self.assertEqual(_ffi.list_count(found), 1)
        self.assertEqual(_ffi.list_id(found, 0), _ffi.conversation_id(chat))
        self.assertEqual(_ffi.list_title(found, 0), "A title")
        self.assertGreater(_ffi.list_updated_unix_ms(found, 0), 10**12)
        self.assertIsNone(_ffi.list_cursor(found))
        self.assertEqual(_ffi.list_count(_ffi.conversation_list(view, None, 10)), 0)
        same = _ffi.conversation_open(ai, _ffi.conversation_id(chat))
        self.rest_of_conversation(ai, chat, answer)
        _ffi.verify(ai)
        _ffi.store_check(ai)
        _ffi.conversation_delete(same)
        with self.assertRaises(aichat.NotFound):
            _ffi.conversation_open(ai, _ffi.conversation_id(chat))

    def rest_of_conversation(self, ai, chat, answer):
        _, version = _ffi.conversation_to_json(chat)
        _ffi.conversation_change(chat, '{"tags": ["t"]}', version)
        found = _ffi.conversation_list_filtered(ai, 0, "t", "title", None, 10)
        self.assertIn('"tags":["t"]', _ffi.list_to_json(found, 0))
        everything = _ffi.conversation_tree(chat, None, 5)
        self.assertEqual(_ffi.messages_count(everything), 5)
        page = _ffi.conversation_path_page(chat, None, 2)
        self.assertTrue(_ffi.messages_cursor(page))
        self.assertEqual(_ffi.message_text(_ffi.messages_at(page, 0)), "three")
        message = _ffi.conversation_message(chat, _ffi.message_id(answer))
        self.assertEqual(_ffi.message_text(message), "one")
        reply = _ffi.conversation_send_after(
            chat, "", _ffi.message_new(Role.USER, "four"), version + 1, None)
        drain(reply)
        self.assertIn('"state":"complete"', _ffi.reply_to_json(reply))
        self.assertEqual(_ffi.conversation_erase(chat, _ffi.message_id(answer)), 0)
        _ffi.conversation_save(_ffi.conversation_new(ai, None))

    def test_reply(self):
        ai = self.bare("gen/tools/1/n/3")
        chat = _ffi.conversation_new(ai, None)
        _ffi.conversation_set_tools(
            chat, '[{"name": "f", "description": "", "parameters": {"type": "object",'
            '"properties": {}, "additionalProperties": false}}]')
        reply = _ffi.conversation_send(chat, "Call it.", None)
        reply = _ffi.aichat_reply(_ffi.aichat_reply_ref(reply))
        self.assertGreaterEqual(_ffi.reply_fd(reply), 0)
        seen = {}
        while EventType.MESSAGE not in seen:
            _, event = _ffi.reply_next(reply, 10000)
            kind = _ffi.event_type(event)
            seen[kind] = _ffi.event_seq(event)
            self.assertIn(f'"type":"{_ffi.event_type_name(kind)}"', _ffi.event_to_json(event))
            self.assertEqual(len(_ffi.event_message_id(event)), 36)
            self.assertIsNone(_ffi.event_state(event))
            self.assertIsNone(_ffi.event_error(event))
            self.assertEqual(_ffi.event_delay_ms(event), 0)
            if kind == EventType.START:
                self.assertEqual(len(_ffi.event_user_message_id(event)), 36)
            if kind == EventType.PART_START:
                self.assertEqual(_ffi.event_index(event), 0)
                self.assertEqual(_ffi.event_part_type(event), PartType.TOOL_CALL)
                self.assertEqual(_ffi.event_part_name(event), "f")
                call = _ffi.event_part_id(event)
            if kind == EventType.USAGE:
                self.assertGreater(_ffi.event_usage(event, UsageKind.OUTPUT), 0)
        with self.assertRaises(aichat.WaitTimeout):
            _ffi.reply_next(reply, 0)
        watch = _ffi.watch_new()
        _ffi.watch_add(watch, reply, 2**63)
        with self.assertRaises(aichat.WaitTimeout):
            _ffi.watch_next(watch, 0)
        _ffi.watch_wake(watch)
        with self.assertRaises(aichat.WaitTimeout):
            _ffi.watch_next(watch, -1)
        _ffi.watch_remove(watch, reply)
        watch = None
        _ffi.reply_wake(reply)
        with self.assertRaises(aichat.WaitTimeout):
            _ffi.reply_next(reply, -1)
        second = _ffi.reply_open(ai, _ffi.reply_id(reply), seen[EventType.MESSAGE])
        _ffi.reply_tool_result(reply, call, "done\0", 0)
        events, message = drain(second)
        self.assertEqual("".join(text for _, text in events), "tok0 tok1 tok2 ")
        self.assertEqual(_ffi.message_text(message), "tok0 tok1 tok2 ")
        _ffi.reply_cancel(reply)

    def test_complete(self):
        ai = self.bare()
        messages = [_ffi.message_new(Role.SYSTEM, "Repeat."), _ffi.message_new(Role.USER, "Hi")]
        _, answer = drain(_ffi.complete(ai, messages, None, None))
        self.assertEqual(_ffi.message_text(answer), "Hi")

    def test_exchange(self):
        ai = self.bare()
        body = '{"model":"openai/gpt-fake","messages":[{"role":"user","content":"Hi\u00e4"}]}'
        exchange = _ffi.exchange_open(ai, ExchangeKind.REPLY, "openai-chat", body)
        with self.assertRaises(aichat.InvalidError):
            _ffi.exchange_set_header(exchange, "cookie", "x")
        self.assertEqual(_ffi.exchange_model(exchange), "openai/gpt-fake")
        self.assertIs(_ffi.exchange_is_stream(exchange), False)
        self.assertGreater(_ffi.exchange_input_estimate(exchange), 0)
        self.assertGreater(_ffi.exchange_output_limit(exchange), 0)
        _ffi.exchange_start(exchange)
        _ffi.exchange_set_begun(exchange)
        answer = b""
        code = 1
        while code:
            code, piece = _ffi.exchange_next(exchange, 10000)
            answer += piece or b""
        self.assertIn("Hi\u00e4", json.loads(answer)["choices"][0]["message"]["content"])
        self.assertIs(_ffi.exchange_is_over(exchange), True)
        self.assertEqual(_ffi.exchange_result(exchange), 0)
        self.assertGreater(_ffi.exchange_usage(exchange, UsageKind.INPUT), 0)
        self.assertIs(_ffi.exchange_is_estimated(exchange), False)
        self.assertEqual(_ffi.exchange_cost_nano_usd(exchange), -1)
        self.assertEqual(_ffi.exchange_stop_reason(exchange), StopReason.STOP)
        _ffi.exchange_request_id(exchange)
        _ffi.exchange_cancel(exchange)

    def test_dialects(self):
        ai = self.bare()
        error = _ffi.aichat_error()
        _ffi.aichat_options_set(_ffi.options_new(), b"nonsense", b"x", 1, ctypes.byref(error))
        status, text = _ffi.dialect_error("openai-chat", error)
        self.assertEqual(status, 400)
        self.assertIn("nonsense", json.loads(text)["error"]["message"])
        self.assertIs(_ffi.dialect_should_retry(error), False)
        listed = json.loads(_ffi.dialect_models(ai, "openai-chat", None, None, 0))
        name = listed["data"][0]["id"]
        self.assertEqual(json.loads(_ffi.dialect_model(ai, "openai-chat", name))["id"], name)

    def test_records(self):
        ai = self.bare()
        parent = _ffi.record_new("user", "ann")
        _ffi.record_add(ai, parent)
        record = _ffi.record_new("key", None)
        _ffi.record_set_name(record, "first")
        _ffi.record_set_parent(record, "user", "ann")
        _ffi.record_set_json(record, '{"a": 1}')
        _ffi.record_set_expires(record, 10**14)
        _ffi.record_set_idempotency(record, "request", "digest")
        self.assertEqual(_ffi.record_version(record), 0)
        _ffi.record_add(ai, record)
        self.assertEqual(_ffi.record_version(record), 1)
        id = _ffi.record_id(record)
        self.assertEqual(_ffi.idempotency_find(ai, "request", "digest"), (1, id))
        self.assertEqual(_ffi.idempotency_find(ai, "another", "digest"), (0, None))
        same = _ffi.record_find(ai, "key", "first")
        self.assertEqual(_ffi.record_id(same), id)
        self.assertEqual(_ffi.record_kind(same), "key")
        self.assertEqual(_ffi.record_name(same), "first")
        self.assertEqual(_ffi.record_parent_kind(same), "user")
        self.assertEqual(_ffi.record_parent_id(same), "ann")
        self.assertIsNone(_ffi.record_parent_id(parent))
        self.assertEqual(_ffi.record_json(same), '{"a": 1}')
        self.assertEqual(_ffi.record_expires_unix_ms(same), 10**14)
        self.assertGreater(_ffi.record_created_unix_ms(same), 10**12)
        self.assertGreater(_ffi.record_updated_unix_ms(same), 10**12)
        _ffi.record_save(ai, same)
        with self.assertRaises(aichat.StateError):
            _ffi.record_save(ai, record)
        found = _ffi.record_list(ai, "key", "user", "ann", None, 10)
        self.assertEqual(_ffi.records_count(found), 1)
        self.assertIsNone(_ffi.records_cursor(found))
        borrowed = _ffi.records_at(found, 0)
        del found  # the record keeps its list
        self.assertEqual(_ffi.record_version(borrowed), 2)
        _ffi.record_delete(ai, "user", "ann")
        with self.assertRaises(aichat.NotFound):
            _ffi.record_get(ai, "key", id)

    def test_audit_and_usage(self):
        ai = self.bare()
        _ffi.audit_add(ai, "ann", "looked", None, '{"at": "this"}')
        entry = json.loads(_ffi.audit_list(ai, None, 10))["entries"][0]
        self.assertEqual((entry["actor"], entry["details"]), ("ann", {"at": "this"}))
        self.assertEqual(_ffi.audit_verify(ai), (1, entry["hash"]))
        _ffi.usage_add(ai, '{"key": "k", "output_tokens": 5}')
        row = json.loads(_ffi.usage_list(ai, None, 10))["rows"][0]
        self.assertEqual(row["output_tokens"], 5)
        sums = json.loads(_ffi.usage_sum(ai, 0, 10**14))
        self.assertEqual(sums[0]["requests"], 1)

    def test_owner_delete(self):
        ai = self.bare()
        view = _ffi.for_owner(ai, "ann")
        drain(_ffi.conversation_send(_ffi.conversation_new(view, None), "x", None))
        _ffi.owner_delete(ai, "ann")
        self.assertEqual(_ffi.list_count(_ffi.conversation_list(view, None, 1)), 0)

    def test_texts_with_lengths(self):
        """Nothing that has a length is read up to a NUL."""
        ai = self.bare()
        chat = _ffi.conversation_new(ai, None)
        events, answer = drain(_ffi.conversation_send(chat, "a\0b", None))
        self.assertEqual("".join(text for _, text in events), "a\0b")
        self.assertEqual(_ffi.message_part_text(answer, 0), "a\0b")

    def test_wrong_handles(self):
        """A pointer of another type is refused before it gets to C."""
        ai = self.bare()
        with self.assertRaises(ctypes.ArgumentError):
            _ffi.reply_id(_ffi.conversation_new(ai, None))

    def test_unknown_numbers(self):
        """What a newer library says is no reason to fail."""
        self.assertEqual(EventType(99), 99)
        self.assertEqual(EventType(99).name, "UNKNOWN_99")
        self.assertEqual(_ffi.event_type_name(EventType(99)), "unknown")


class Zzz(unittest.TestCase):
    """After all others."""

    def test_all_were_called(self):
        names = {function.name for path in lint.files(".h")
                 if path.startswith("include/aichat/")
                 for function in cdecl.functions(path, lint.read(path))}
        self.assertGreater(len(names), 100)
        declared = {name for name in vars(_ffi) if name in names}
        released = {kind.release.__name__ for kind in vars(_ffi).values()
                    if isinstance(kind, type) and getattr(kind, "release", None)}
        self.assertEqual(sorted(names - declared - released), [], "not in _ffi.py")
        self.assertEqual(sorted(names - called), [], "never called here")


if __name__ == "__main__":
    logging.disable()
    unittest.main()
