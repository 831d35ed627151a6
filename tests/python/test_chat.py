"""Conversations from Python: what is asked, what comes, what is kept."""

import gc
import logging
import os
import selectors
import sys
import threading
import unittest

import support

import aichat
from aichat import ErrorCode, EventType, MessageState, Part, PartType, ReplyState, Role

PNG = b"\x89PNG\r\n\x1a\n\0 and so on"


class Asking(support.ProviderTest):
    def test_text(self):
        chat = self.open("n/50").new_conversation()
        reply = chat.send("Say something.")
        self.assertEqual("".join(reply.text()), "".join(f"tok{n} " for n in range(50)))
        self.assertTrue(reply.over)
        self.assertEqual(reply.state, ReplyState.COMPLETE)
        self.assertEqual(list(reply.text()), [])

    def test_events(self):
        reply = self.open("thinking/n/3").new_conversation().send("Go.")
        events = list(reply)
        kinds = [event.type for event in events]
        self.assertEqual(kinds[0], EventType.START)
        self.assertEqual(kinds[-2:], [EventType.MESSAGE, EventType.DONE])
        self.assertIn(EventType.REASONING, kinds)
        self.assertEqual([event.seq for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(len({event.message_id for event in events}), 1)
        self.assertEqual(len(events[0].user_message_id), 36)
        usage = [event.usage for event in events if event.usage][0]
        self.assertEqual(usage.output_tokens, 8)
        self.assertEqual(events[-1].state, ReplyState.COMPLETE)
        self.assertEqual(events[-1].message.usage, usage)
        self.assertEqual(events[-1].message.text, "tok0 tok1 tok2 ")

    def test_wait(self):
        message = self.open().new_conversation().send("Grüße\0!").wait()
        self.assertEqual((message.text, message.role), ("Grüße\0!", Role.ASSISTANT))
        self.assertEqual((message.provider, message.model), ("openai", "gpt-fake"))
        self.assertEqual(message.state, MessageState.SEALED)
        self.assertEqual(message.created_at.tzname(), "UTC")

    def test_options_of_a_reply(self):
        chat = self.open("echo/request/lenient").new_conversation(
            system="Be kind.", temperature=0.125)
        text = chat.send("x", options={"body.top_k": 5, "body.tier": "fast"},
                         max_tokens=900, stop=["a", "b"]).wait().text
        for member in ('"temperature":0.125', '"top_k":5', '"stop":["a","b"]', "Be kind.",
                       '"tier":"fast"'):
            self.assertIn(member, text)

    def test_parts(self):
        chat = self.open("lenient").new_conversation()
        chat.send("What is this?", Part.image(PNG)).wait()
        question = chat.path()[0]
        self.assertEqual(question.parts[1].data, PNG)
        self.assertEqual(question.parts[1].media_type, "image/png")
        chat.send(aichat.Message.user("And this?", Part.file(b"%PDF", "application/pdf",
                                                             "a.pdf"))).wait()
        self.assertEqual(chat.path()[2].parts[1].name, "a.pdf")
        with self.assertRaises(TypeError):
            chat.send(aichat.Message.user("x"), "y")

    def test_leaving_stops(self):
        chat = self.open("n/1000/rate/100").new_conversation()
        reply = chat.send("Long.")
        for _ in reply.text():
            break
        last = list(reply)[-1]
        self.assertEqual(last.state, ReplyState.STOPPED)
        self.assertTrue(last.message.text.startswith("tok0 "))
        self.assertEqual(chat.path()[-1].state, MessageState.STOPPED)
        with self.assertRaises(ZeroDivisionError):
            for _ in (reply := chat.send("Again.")):
                1 / 0
        self.assertEqual(reply.wait().state, MessageState.STOPPED)
        with chat.send("And again.") as reply:
            next(iter(reply.detach()))
            reply._detached = False
        self.assertEqual(reply.wait().state, MessageState.STOPPED)

    def test_detached_goes_on(self):
        reply = self.open("n/30/rate/200").new_conversation().send("Go on.")
        for _ in reply.detach():
            break
        self.assertEqual(reply.wait().text.count("tok"), 30)

    def test_not_iterated_goes_on(self):
        ai = self.open("n/3")
        chat = ai.new_conversation()
        reply = chat.send("Fire and forget.")
        self.assertEqual(reply.next().type, EventType.START)  # it is on disk
        id = reply.id
        del reply
        self.assertEqual(ai.reply(id).wait().text, "tok0 tok1 tok2 ")

    def test_next_and_fileno(self):
        reply = self.open("delay/50/n/2").new_conversation().send("Wait.")
        with self.assertRaises(aichat.WaitTimeout):
            while True:
                reply.next(0)
        found = []
        with selectors.DefaultSelector() as selector:
            selector.register(reply, selectors.EVENT_READ)
            while not reply.over:
                self.assertTrue(selector.select(10))
                found.append(reply.next(0).type)
            self.assertFalse(selector.select(0))
        self.assertIsNone(reply.next())
        self.assertEqual(found[-1], EventType.DONE)

    def test_resume(self):
        ai = self.open("n/5", store=self.path("store.db"))
        reply = ai.new_conversation().send("One.")
        events = list(reply)
        again = list(ai.reply(reply.id, events[2].seq))
        self.assertEqual([event.seq for event in again],
                         [event.seq for event in events[3:]])

    def test_complete(self):
        ai = self.open()
        self.assertEqual(ai.complete("Hi").wait().text, "Hi")
        messages = [aichat.Message.system("Be short."), aichat.Message.user("One"),
                    aichat.Message.assistant("Two"), aichat.Message.user("Three")]
        self.assertEqual(ai.complete(messages).wait().text, "Three")
        self.assertEqual(list(ai.conversations()), [])

    def test_two_threads_one_reply(self):
        """Allowed, if seldom of use: each event goes to one of them."""
        reply = self.open("n/300/rate/3000").new_conversation().send("x")
        seen = []

        def take():
            event = reply.next()
            while event is not None:
                seen.append(event.seq)
                event = reply.next()

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(sorted(seen), list(range(1, len(seen) + 1)))


class Failing(support.ProviderTest):
    def failure(self, path, **more):
        with self.assertRaises(aichat.Error) as caught:
            self.open(path, max_retries=0, **more).new_conversation().send("x").wait()
        return caught.exception

    def test_families(self):
        for path, family, code in (
                ("status/500", aichat.ProviderError, "EPROVIDER"),
                ("status/401", aichat.AuthError, "EAUTH"),
                ("status/429", aichat.RateLimitError, "ERATELIMIT"),
                ("quota", aichat.RateLimitError, "EQUOTA"),
                ("drop", aichat.NetworkError, "ENETWORK"),
                ("cut/400/n/50", aichat.NetworkError, "EINTERRUPTED")):
            with self.subTest(path):
                error = self.failure(path)
                self.assertIs(type(error), family)
                self.assertEqual(error.code, ErrorCode[code])
                self.assertIsInstance(error, aichat.ProviderError)
                self.assertTrue(str(error))
                self.assertNotIn("\n", str(error))

    def test_every_code_has_a_family(self):
        from aichat._errors import _FAMILY
        self.assertEqual(set(ErrorCode) - set(_FAMILY), {ErrorCode.OK, ErrorCode.EINTERNAL})

    def test_details(self):
        error = self.failure("status/429/retry-after/7")
        self.assertEqual(error.status, 429)
        self.assertEqual(error.retry_after, 7.0)
        self.assertEqual(error.name, "PROVIDER_RATE_LIMITED")
        self.assertTrue(self.failure("quota").provider_code)

    def test_partial(self):
        error = self.failure("error-after/3/n/9")
        self.assertEqual(error.partial.text, "tok0 tok1 tok2 ")
        self.assertEqual(error.partial.state, MessageState.FAILED)

    def test_raised_again(self):
        reply = self.open("status/500", max_retries=0).new_conversation().send("x")
        for _ in range(2):
            with self.assertRaises(aichat.ProviderError):
                reply.wait()
        self.assertEqual(reply.state, ReplyState.FAILED)
        self.assertEqual(list(reply), [])

    def test_retry_event(self):
        reply = self.open("fail-first/1/retry-after-ms/20").complete("x")
        events = [event for event in reply if event.type == EventType.RETRY]
        self.assertEqual(len(events), 1)
        self.assertIsInstance(events[0].error, aichat.ProviderError)
        self.assertGreater(events[0].delay, 0)

    def test_arguments(self):
        ai = self.open()
        chat = ai.new_conversation()
        for call, family, code in (
                (lambda: chat.send(""), aichat.InvalidError, "EINVAL"),
                (lambda: chat.send("x", modle="y"), aichat.InvalidError, "EINVAL"),
                (lambda: chat.send("x", store="memory:"), aichat.InvalidError, "EINVAL"),
                (lambda: chat.send("x", model="no/such"), aichat.ConfigError, "EMODEL"),
                (lambda: chat.send("x" * (17 << 20)), aichat.InvalidError, "ETOOLARGE"),
                (lambda: ai.open_conversation("ffff"), aichat.NotFound, "ENOTFOUND"),
                (lambda: ai.reply("ffff"), aichat.InvalidError, "EINVAL"),
                (lambda: ai.for_owner(""), aichat.InvalidError, "EINVAL"),
                (lambda: ai.page(limit=0), aichat.InvalidError, "EINVAL"),
                (chat.delete, aichat.NotFound, "ENOTFOUND"),
                (lambda: aichat.open(store="nonsense:"), aichat.InvalidError, "EINVAL"),
                (lambda: aichat.open(store=self.folder), aichat.InvalidError, "EINVAL"),
                (lambda: aichat.open(store="/dev/null/store"), aichat.StoreError,
                 "ESTORE"),
                (lambda: aichat.open(load=self.path("none")), aichat.ConfigError, "ECONFIG"),
                (lambda: aichat.Message.from_json("{"), aichat.InvalidError, "EJSON")):
            with self.assertRaises(aichat.Error) as caught:
                call()
            self.assertIs(type(caught.exception), family, caught.exception)
            self.assertEqual(caught.exception.code, ErrorCode[code])
        self.assertIsInstance(aichat.InvalidError("x"), ValueError)
        self.assertIsInstance(aichat.NotFound("x"), LookupError)
        with self.assertRaises(ValueError):
            ai.open_conversation("a\0b")
        with self.assertRaises(UnicodeEncodeError):
            chat.send("\ud800")

    def test_suggestion(self):
        with self.assertRaisesRegex(aichat.InvalidError, 'did you mean "model"'):
            aichat.open(modle="x")

    def test_closed(self):
        ai = self.open("n/1000/rate/50")
        chat = ai.new_conversation()
        reply = chat.send("x")
        next(iter(reply.detach()))
        ai.close()
        ai.close()
        with self.assertRaises(aichat.NetworkError) as caught:
            reply.wait()
        self.assertEqual(caught.exception.code, ErrorCode.EINTERRUPTED)
        for call in (lambda: chat.send("y"), ai.new_conversation, lambda: ai.page(),
                     lambda: chat.path(), lambda: ai.for_owner("x")):
            with self.assertRaises(aichat.ClosedError):
                call()


class Tree(support.ProviderTest):
    def test_branches(self):
        ai = self.open(store=self.path("store.db"))
        chat = ai.new_conversation()
        self.assertIsNone(chat.head)
        answer = chat.send("one").wait()
        chat.send("two").wait()
        question = chat.path()[0]
        chat.edit(question, "uno").wait()
        chat.retry().wait()
        chat.retry(question.id).wait()
        self.assertEqual([message.text for message in chat.children()], ["one", "uno"])
        self.assertEqual(len(chat.children(question)), 2)
        chat.head = answer
        self.assertEqual(chat.head, answer.id)
        chat.send("three").wait()
        self.assertEqual([message.text for message in chat.path()],
                         ["one", "one", "three", "three"])
        self.assertEqual(len(chat.path(limit=2)), 2)
        chat.head = None
        self.assertEqual(chat.path(), [])
        here = ai.open_conversation(answer.id)
        self.assertEqual((here.id, here.head), (chat.id, answer.id))
        ai.verify()

    def test_sending_elsewhere(self):
        chat = self.open().new_conversation(temperature=0.5)
        chat.save()
        version = chat.info().version
        self.assertEqual(chat.info().options, {"temperature": "0.5"})
        answer = chat.send("one", version=version).wait()
        with self.assertRaises(aichat.StateError):
            chat.send("late", version=version).wait()
        chat.send("two").wait()
        chat.send("other two", after=answer).wait()
        chat.send("other one", after="").wait()
        self.assertEqual(len(chat.children(answer)), 2)
        self.assertEqual(len(chat.children()), 2)
        self.assertEqual([message.text for message in chat.tree() if message.role == Role.USER],
                         ["one", "two", "other two", "other one"])
        self.assertTrue(chat.erase(answer))
        self.assertEqual(chat.message(answer.id).state, MessageState.ERASED)
        self.assertEqual(chat.message(answer.id).text, "")

    def test_long_tree(self):
        chat = self.open().new_conversation()
        for n in range(60):
            chat.send(str(n)).wait()
        self.assertEqual(len(list(chat.tree())), 120)

    def test_lists(self):
        ai = self.open()
        for n in range(7):
            ai.new_conversation().send(f"Number {n}").wait()
        listed = list(ai.conversations())
        self.assertEqual([item.title for item in listed],
                         [f"Number {n}" for n in reversed(range(7))])
        self.assertEqual(listed[0].updated_at.tzname(), "UTC")
        page = ai.page(limit=4)
        self.assertEqual(page.items, tuple(listed[:4]))
        page = ai.page(page.cursor, limit=4)
        self.assertEqual(page.items, tuple(listed[4:]))
        self.assertIsNone(page.cursor)
        chat = ai.open_conversation(listed[3].id)
        chat.change(title="Ä", tags=["x", "y"], pinned=True)
        info = chat.info()
        self.assertEqual((info.title, info.tags, info.pinned), ("Ä", ("x", "y"), True))
        self.assertEqual(list(ai.conversations(tag="y")), [info])
        self.assertEqual(list(ai.conversations(text="Ä")), [info])
        chat.change(archived=True)
        self.assertEqual(len(list(ai.conversations())), 6)
        self.assertEqual([item.id for item in ai.conversations(archived=True)], [chat.id])
        with self.assertRaises(aichat.StateError) as caught:
            chat.change(info.version, title="Too late.")
        self.assertEqual(caught.exception.code, ErrorCode.ESTALE)
        chat.delete()
        self.assertEqual(len(list(ai.conversations())), 6)

    def test_many_pages(self):
        ai = self.open()
        replies = [ai.new_conversation().send(str(n)) for n in range(230)]
        for reply in replies:
            reply.wait()
        self.assertEqual(len({item.id for item in ai.conversations()}), 230)

    def test_owners(self):
        ai = self.open()
        ann, bob = ai.for_owner("ann"), ai.for_owner("bob")
        chat = ann.new_conversation()
        chat.send("Mine.").wait()
        self.assertEqual(len(list(ann.conversations())), 1)
        self.assertEqual(list(bob.conversations()) + list(ai.conversations()), [])
        with self.assertRaises(aichat.NotFound):
            bob.open_conversation(chat.id)
        with bob:
            pass
        self.assertEqual(bob.new_conversation().send("Still here.").wait().text,
                         "Still here.")

    def test_stored(self):
        with aichat.open(support.options(self.provider, "echo",
                                         store=self.path("a.db"))) as ai:
            chat = ai.new_conversation()
            chat.send("Remember.").wait()
        ai = self.open(store=self.path("a.db"))
        self.assertEqual(ai.open_conversation(chat.id[:13]).path()[1].text, "Remember.")


class Values(support.ProviderTest):
    def test_messages_there_and_back(self):
        raw = '{"type":"thinking","signature":"c2ln"}'
        message = aichat.Message.from_json(
            '{"role":"assistant","state":"sealed","provider":"anthropic","model":"m",'
            '"dialect":"anthropic-messages","stop_reason":"tool_calls","stop_word":"tool_use",'
            '"created_at":"2026-02-03T04:05:06.789Z","cost_nano_usd":5,'
            '"usage":{"input_tokens":9,"output_tokens":7},"parts":['
            '{"type":"reasoning","text":"hm","raw":' + repr(raw).replace("'", "")
            .replace('"', '\\"').join('""') + '},'
            '{"type":"text","text":""},'
            '{"type":"tool_call","id":"c","name":"f","arguments":"{\\"a\\": 1}"},'
            '{"type":"image","media_type":"image/png","data":"AAEC"},'
            '{"type":"source","title":"t","url":"https://example.com/"},'
            '{"type":"refusal","text":"no"}]}')
        self.assertEqual(message.parts[0].raw, raw)
        self.assertEqual(message.parts[3].data, b"\0\1\2")
        self.assertEqual(message.parts[4].name, "t")
        self.assertEqual(message.tool_calls, [aichat.ToolCall("c", "f", '{"a": 1}')])
        self.assertEqual(message.usage, aichat.Usage(input_tokens=9, output_tokens=7))
        self.assertEqual(message.created_at.isoformat(), "2026-02-03T04:05:06.789000+00:00")
        again = aichat.Message.from_json(message.to_json())
        self.assertEqual(again, message)
        self.assertIn('"dialect":"anthropic-messages"', again.to_json())

    def test_tool_results(self):
        message = aichat.Message.of(Role.TOOL, Part(PartType.TOOL_RESULT, "sunny", id="c",
                                                    is_error=True))
        again = aichat.Message.from_json(message.to_json())
        self.assertEqual((again.parts[0].text, again.parts[0].id, again.parts[0].is_error),
                         ("sunny", "c", True))

    def test_models(self):
        ai = self.open(**{"alias.mine": "openai/gpt-fake"})
        models = ai.models()
        self.assertGreater(len(models), 5)
        priced = [model for model in models if model.prices_nano_usd][0]
        self.assertRegex(priced.priced_on, r"^\d{4}-\d\d-\d\d$")
        able = [model for model in models if model.abilities][0]
        self.assertIsInstance(able.abilities, aichat.Ability)
        self.assertEqual(ai.find_model("mine").name, "openai/gpt-fake")
        self.assertTrue(ai.find_model("mine").is_ready)
        self.assertIsNone(ai.find_model("mine").context_tokens)
        self.assertEqual(ai.choose_model(), "openai/gpt-fake")
        with self.assertRaises(aichat.ConfigError):
            ai.find_model("nobody/nothing")

    def test_options(self):
        names = {option.name: option for option in aichat.options()}
        self.assertEqual(names["max_retries"].default, "2")
        self.assertEqual(names["stop"].type, aichat.OptionType.LIST)
        self.assertTrue(all(option.help for option in names.values()))

    def test_load(self):
        with open(self.path("conf"), "w", encoding="utf-8") as file:
            file.write('model = "echo"\n')
        with aichat.open(load=self.path("conf")) as ai:
            self.assertEqual(ai.new_conversation().send("Hi").wait().provider, "echo")
        with aichat.open(load=self.path("conf"), model="nobody/nothing") as ai:
            with self.assertRaises(aichat.ConfigError):
                ai.new_conversation().send("Hi")

    def test_nothing_is_read_unasked(self):
        os.environ["AICHAT_CONFIG"] = "/nonexistent"
        self.addCleanup(os.environ.pop, "AICHAT_CONFIG")
        with aichat.open(model="echo") as ai:
            self.assertEqual(ai.new_conversation().send("Hi").wait().text, "Hi")


class Snapshots(unittest.TestCase):
    def test_text(self):
        """What replaces all that was seen is all of the text."""
        from aichat._reply import _text
        whole = aichat.Event(EventType.SNAPSHOT, 9, "id", message=aichat.Message.assistant("All"))
        self.assertEqual(_text(whole), "All")
        self.assertIsNone(_text(aichat.Event(EventType.DONE, 10, "id", message=whole.message)))


class Logging(support.ProviderTest):
    def make_a_line(self, logger):
        """Leave a tool call without its answer: the library makes one up, and says so."""
        with aichat.open(support.options(self.provider, "tools/1/n/2"), logger=logger) as ai:
            chat = ai.new_conversation()
            chat.set_tools([_nothing])
            with chat.send("prompt-of-mine") as reply:
                while reply.next().type != EventType.MESSAGE:
                    pass
                reply.detach()
            chat.send("Never mind.", tool_choice="none").wait()

    def test_lines(self):
        lines = []
        self.make_a_line(_logger(logging.INFO, lambda record: lines.append(
            (record.levelno, record.getMessage()))))
        self.assertTrue(lines)
        self.assertTrue(all(level >= logging.INFO for level, _ in lines))
        self.assertFalse([line for _, line in lines if "prompt-of-mine" in line])

    def test_level(self):
        lines = []
        self.make_a_line(_logger(logging.WARNING, lines.append))
        self.assertEqual(lines, [])

    def test_handler_that_fails(self):
        """What it raises is Python's to report, and nobody else's."""
        reported = []
        before, sys.unraisablehook = sys.unraisablehook, reported.append
        self.addCleanup(setattr, sys, "unraisablehook", before)
        self.make_a_line(_logger(logging.INFO, lambda record: 1 / 0))
        self.assertIs(reported[0].exc_type, ZeroDivisionError)

    def test_garbage_in_the_hook(self):
        """Objects of the library's that are found while it logs wait for a better time."""
        from aichat import _ffi
        released, rings, inside = [], [], []
        release = _ffi.aichat_reply.release

        def noted(pointer):
            released.append(bool(inside))
            return release(pointer)

        def collect(record):
            inside.append(threading.get_ident())
            rings.clear()
            gc.collect()
            inside.clear()
            found.append(len(released))

        found = []
        _ffi.aichat_reply.release = staticmethod(noted)
        self.addCleanup(setattr, _ffi.aichat_reply, "release", release)
        with aichat.open(model="echo") as ai:
            for _ in range(5):
                rings.append([ai.complete("x"), iter(ai.complete("y"))])
                next(rings[-1][1])
                rings[-1].append(rings[-1])
            self.make_a_line(_logger(logging.INFO, collect))
            ai.complete("z").wait()
        self.assertGreater(len(found), 0)
        self.assertGreaterEqual(released.count(False), 10)
        self.assertNotIn(True, released)


def _nothing() -> str:
    """Nothing."""
    return ""


def _logger(level, emit):
    handler = logging.Handler()
    handler.emit = emit
    logger = logging.Logger("test", level)
    logger.addHandler(handler)
    return logger


if __name__ == "__main__":
    unittest.main()
