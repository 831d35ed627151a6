"""Tools out of Python functions: what the model is told, what comes back, what is refused."""

import asyncio
import contextvars
import enum
import json
import logging
import unittest
from dataclasses import dataclass
from typing import Any, Dict, List, Literal, Optional, Union

import support

import aichat
from aichat import EventType, PartType, Role


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


@dataclass
class Place:
    city: str
    country: str = "?"


class Schema(unittest.TestCase):
    def test_weather(self):
        @aichat.tool
        def weather(city: str, days: int = 1, unit: Literal["C", "F"] = "C") -> str:
            """The weather of a city.

            Now, and for some days.

            city: its name in English
            :param days: how many
            """
            return f"{city} {days} {unit}"

        self.assertEqual(weather.name, "weather")
        self.assertEqual(weather.description, "The weather of a city.\n\nNow, and for some days.")
        self.assertEqual(weather.parameters, {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "its name in English"},
                "days": {"type": "integer", "description": "how many"},
                "unit": {"enum": ["C", "F"]}},
            "required": ["city"],
            "additionalProperties": False})
        self.assertEqual(weather("Paris", days=2), "Paris 2 C")

    def test_types(self):
        def everything(a: float, b: bool, c: List[int], d: Dict[str, float], e: Optional[str],
                       f: Unit, g: Place, h: Any, i: list, j: Union[int, List[Place]]):
            """All of it."""

        properties = aichat.Tool(everything).parameters["properties"]
        place = {"type": "object", "properties": {"city": {"type": "string"},
                                                  "country": {"type": "string"}},
                 "required": ["city"], "additionalProperties": False}
        self.assertEqual(properties, {
            "a": {"type": "number"}, "b": {"type": "boolean"},
            "c": {"type": "array", "items": {"type": "integer"}},
            "d": {"type": "object", "additionalProperties": {"type": "number"}},
            "e": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "f": {"enum": ["C", "F"]}, "g": place, "h": {}, "i": {"type": "array"},
            "j": {"anyOf": [{"type": "integer"}, {"type": "array", "items": place}]}})

    def test_refused(self):
        def no_annotation(a):
            pass

        def star(*a: int):
            pass

        def odd(a: object):
            pass

        for function in (no_annotation, star, odd):
            with self.assertRaises(TypeError):
                aichat.tool(function)
        with aichat.open() as ai, self.assertRaises(ValueError):
            ai.new_conversation(tools=[_add, _add])

    def test_arguments(self):
        @aichat.tool
        def f(a: float, c: List[int] = [], e: Optional[str] = None, u: Unit = Unit.CELSIUS,
              g: Place = Place("x"), i: Union[int, str] = 0):
            """F."""

        good = f._arguments('{"a": 1, "c": [2], "e": null, "u": "F", "g": {"city": "y"}, "i": "z"}')
        self.assertEqual(good, {"a": 1.0, "c": [2], "e": None, "u": Unit.FAHRENHEIT,
                                "g": Place("y"), "i": "z"})
        self.assertIs(type(good["a"]), float)
        for bad in ('', '[]', '{', '{"a": 1, "a": 2}', '{"a": "1"}', '{"a": true}', '{"a": NaN}',
                    '{"a": 1, "z": 1}', '{"a": 1, "c": [2.5]}', '{"a": 1, "c": [true]}',
                    '{"a": 1, "u": "K"}', '{"a": 1, "g": {}}', '{"a": 1, "g": {"x": 1}}',
                    '{"a": 1, "i": []}', '{"a":' + "[" * 100000):
            with self.assertRaises(ValueError, msg=bad[:40]):
                f._arguments(bad)


@aichat.tool
def _add(a: int, b: int) -> int:
    """Add."""
    return a + b


class Loop(support.ProviderTest):
    def ask(self, tools, path="tools/1/n/2", **options):
        chat = self.open(path).new_conversation(tools=tools, **options)
        return chat, chat.send("Do it.")

    def results(self, chat):
        return [part for message in chat.path() if message.role == Role.TOOL
                for part in message.parts]

    def test_called_with_arguments(self):
        seen = []

        def look(city: str, n: int, choice: Literal["x", "y"]) -> dict:
            """Look."""
            seen.append((city, n, choice))
            return {"found": Place(city)}

        chat, reply = self.ask([look])
        self.assertEqual(reply.wait().text, "tok0 tok1 ")
        self.assertEqual(len(seen), 1)
        city, n, choice = seen[0]
        self.assertTrue(city.startswith("city-"))
        self.assertIsInstance(n, int)
        self.assertEqual(choice, "x")
        result, = self.results(chat)
        self.assertEqual(json.loads(result.text), {"found": {"city": city, "country": "?"}})
        self.assertFalse(result.is_error)

    def test_several_rounds_and_calls(self):
        calls = []

        @aichat.tool
        def one(a: str) -> str:
            """One."""
            calls.append("one")
            return "1"

        @aichat.tool
        def two(a: str) -> str:
            """Two."""
            calls.append("two")
            return "2"

        chat, reply = self.ask([one, two], "tools/3/rounds/4/n/2")
        kinds = [event.type for event in reply]
        self.assertEqual(sorted(calls), ["one"] * 8 + ["two"] * 4)
        self.assertEqual(kinds.count(EventType.DONE), 1)
        self.assertEqual(len(self.results(chat)), 12)

    def test_failure_is_told(self):
        logging.getLogger("aichat").disabled = True

        def fail(a: str) -> str:
            """Fail."""
            raise RuntimeError("no luck")

        chat, reply = self.ask([fail])
        self.assertEqual(reply.wait().text, "tok0 tok1 ")
        result, = self.results(chat)
        self.assertEqual((result.text, result.is_error), ("RuntimeError: no luck", True))

    def test_unknown_tool_is_told(self):
        chat = self.open("tools/1/n/2").new_conversation(tools=[_add])
        toolbox, chat._tools = chat._tools, aichat._tools.Toolbox([_other])
        chat.send("Do it.").wait()
        result, = self.results(chat)
        self.assertEqual((result.text, result.is_error),
                         ("LookupError: there is no tool _add", True))

    def test_interrupt_stops(self):
        """What is no Exception is not told to a model."""
        def interrupt(a: str) -> str:
            """Interrupt."""
            raise KeyboardInterrupt

        chat, reply = self.ask([interrupt])
        with self.assertRaises(KeyboardInterrupt):
            reply.wait()
        self.assertEqual(chat.path()[-1].role, Role.ASSISTANT)
        self.assertEqual(reply.next().state, aichat.ReplyState.STOPPED)

    def test_by_hand(self):
        chat = self.open("tools/2/n/2").new_conversation()
        chat.set_tools([_add])
        reply = chat.send("Do it.")
        event = reply.next()
        while event.type != EventType.MESSAGE:
            event = reply.next()
        first, second = event.message.tool_calls
        reply.tool_result(second.id, "two")
        with self.assertRaises(aichat.StateError):
            reply.tool_result(second.id, "again")
        with self.assertRaises(aichat.NotFound):
            reply.tool_result("nobody", "x")
        reply.tool_result(first.id, "one", is_error=True)
        self.assertEqual(reply.wait().text, "tok0 tok1 ")
        self.assertEqual([part.text for part in self.results(chat)], ["two", "one"])

    def test_complete(self):
        ai = self.open("tools/1/n/2")
        self.assertEqual(ai.complete("Add.", tools=[_add]).wait().text, "tok0 tok1 ")

    def test_opened_by_another(self):
        """Tools of a conversation are stored with it, functions are not."""
        ai = self.open("tools/1/n/2", store=self.path("store.db"))
        chat = ai.new_conversation(tools=[_add])
        chat.send("One.").wait()
        again = ai.open_conversation(chat.id, tools=[_add])
        self.assertEqual(again.send("Two.").wait().text, "tok0 tok1 ")
        again.set_tools([])
        self.assertEqual(again.send("Three.").wait().tool_calls, [])

    def test_async(self):
        context = contextvars.ContextVar("context", default="lost")
        events = []

        @aichat.tool
        async def slow(a: str) -> str:
            """Slow."""
            events.append("start")
            await both.wait() if len(events) < 2 else both.set()
            events.append("end")
            return "slow"

        def plain(a: str) -> str:
            """Plain."""
            return context.get()

        async def main():
            nonlocal both
            both = asyncio.Event()
            chat = self.open("tools/2/n/2").new_conversation(tools=[slow])
            self.assertEqual((await chat.send("Do it.")).text, "tok0 tok1 ")
            # At once: each waits for the other.
            self.assertEqual(events, ["start", "start", "end", "end"])
            context.set("kept")
            chat = self.open("tools/1/n/2").new_conversation(tools=[plain])
            await chat.send("Do it.")
            self.assertEqual(self.results(chat)[0].text, "kept")

        both = None
        asyncio.run(main())

    def test_async_tool_in_a_plain_loop(self):
        async def later(a: str) -> str:
            """Later."""
            return "x"

        chat, reply = self.ask([later])
        with self.assertRaisesRegex(TypeError, "async for"):
            reply.wait()

    def test_cancelled_in_a_tool(self):
        async def forever(a: str) -> str:
            """Forever."""
            await asyncio.sleep(1000)

        async def main():
            chat = self.open("tools/1/n/2").new_conversation(tools=[forever])
            reply = chat.send("x")
            task = asyncio.ensure_future(reply._wait())
            while reply.message is None:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.02)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            await reply
            self.assertEqual(reply.state, aichat.ReplyState.STOPPED)

        asyncio.run(main())

    def test_parts_of_a_call(self):
        chat, reply = self.ask([_add])
        start = [event for event in reply if event.type == EventType.PART_START][0]
        self.assertEqual((start.part_type, start.part_name), (PartType.TOOL_CALL, "_add"))
        self.assertTrue(start.part_id)


@aichat.tool
def _other() -> str:
    """Another."""
    return ""


if __name__ == "__main__":
    unittest.main()
