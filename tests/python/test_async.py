"""Replies on an event loop: no thread, a thousand at once, cancelled anywhere."""

import asyncio
import gc
import os
import random
import resource
import threading
import unittest

import support

import aichat
from aichat import EventType, MessageState, ReplyState

THOUSAND = 1000
MEMORY_LIMIT = 1 << 30


def run(main):
    """asyncio.run() that does not wait for ever."""
    async def bounded():
        return await asyncio.wait_for(main, 100)
    return asyncio.run(bounded())


def open_files():
    return len(os.listdir("/proc/self/fd"))


class Loop(support.ProviderTest):
    def test_text_and_await(self):
        ai = self.open("n/50/rate/1000")
        expected = "".join(f"tok{n} " for n in range(50))

        async def main():
            chat = ai.new_conversation()
            text = "".join([piece async for piece in chat.send("x").text()])
            self.assertEqual(text, expected)
            events = [event async for event in chat.send("y")]
            self.assertEqual(events[-1].type, EventType.DONE)
            self.assertEqual((await chat.send("z")).text, expected)
            async with chat.send("w") as reply:
                self.assertEqual((await reply).text, expected)

        run(main())

    def test_no_thread(self):
        """None of Python's: the library's own two are not Python's to see."""
        ai = self.open("n/50/rate/1000")

        async def main():
            before = threading.active_count()
            counts = set()
            async for _ in ai.new_conversation().send("x"):
                counts.add(threading.active_count())
            self.assertEqual(counts, {before})

        run(main())

    def test_others_have_their_turn(self):
        """A reply that is there already must not hold the loop."""
        ai = self.open("n/2000/rate/100000/bytes/4")
        reply = ai.new_conversation().send("x")
        reply.wait()
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def main():
            counter = asyncio.ensure_future(count())
            seen = 0
            async for _ in ai.reply(reply.id):
                seen += 1
            counter.cancel()
            return seen

        seen = run(main())
        self.assertGreaterEqual(turns, seen // 100)

    def test_failure(self):
        ai = self.open("error-after/3/n/9")

        async def main():
            with self.assertRaises(aichat.ProviderError) as caught:
                await ai.new_conversation().send("x")
            self.assertEqual(caught.exception.partial.text, "tok0 tok1 tok2 ")

        run(main())

    def test_leaving_stops(self):
        ai = self.open("n/1000/rate/100")

        async def main():
            reply = ai.new_conversation().send("x")
            async for _ in reply.text():
                break
            message = await reply
            self.assertEqual(message.state, MessageState.STOPPED)
            self.assertEqual(reply.state, ReplyState.STOPPED)

        run(main())

    def test_cancelling_the_task_stops(self):
        ai = self.open("n/1000/rate/100")

        async def main():
            chat = ai.new_conversation()
            started = asyncio.Event()

            async def watch():
                async for event in chat.send("x"):
                    if event.type == EventType.TEXT:
                        started.set()

            task = asyncio.ensure_future(watch())
            await started.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            message = await ai.reply(chat.head)
            self.assertEqual(message.state, MessageState.STOPPED)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(chat.send("y"), 0.1)
            self.assertEqual((await ai.reply(chat.head)).state, MessageState.STOPPED)

        run(main())

    def test_nothing_is_lost_by_cancelling(self):
        """A detached reply that is watched in bits gives every event once."""
        reply = self.open("error-after/60/n/99/rate/300").new_conversation().send("x").detach()
        chance = random.Random(3)
        seen, failures = [], []

        async def watch():
            try:
                async for event in reply:
                    seen.append(event)
            except aichat.ProviderError as error:
                failures.append(error)

        async def main():
            while not reply.over:
                task = asyncio.ensure_future(watch())
                await asyncio.sleep(chance.random() * 0.02)
                # In the very turn of the loop in which an event arrives, too.
                while not (reply._waiter and reply._waiter.done()) and not task.done() and \
                        chance.random() < 0.9:
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        run(main())
        seqs = [event.seq for event in seen]
        self.assertEqual(seqs, list(range(1, len(seqs) + 1)))
        self.assertEqual("".join(event.text for event in seen),
                         "".join(f"tok{n} " for n in range(60)))
        self.assertEqual(len(failures), 1)

    def test_two_tasks_one_reply(self):
        ai = self.open("n/1000/rate/50")

        async def main():
            reply = ai.new_conversation().send("x")
            first = asyncio.ensure_future(_drain(reply))
            await asyncio.sleep(0.05)
            with self.assertRaisesRegex(RuntimeError, "another task"):
                await _drain(reply)
            await asyncio.sleep(0.05)
            self.assertFalse(first.done())
            reply.cancel()
            await first
            self.assertEqual(reply.state, ReplyState.STOPPED)

        run(main())

    def test_slow_taker(self):
        """What waits to be taken does not make the loop spin."""
        ai = self.open("n/300/rate/2000")

        async def main():
            loop = asyncio.get_running_loop()
            turns = 0

            def turn():
                nonlocal turns
                turns += 1
                loop._run_once_before()

            reply = ai.new_conversation().send("x")
            stream = iter(reply)
            await stream.__anext__()
            await asyncio.sleep(0.3)
            loop._run_once_before, loop._run_once = loop._run_once, turn
            await asyncio.sleep(0.2)
            self.assertLess(turns, 20)
            self.assertEqual((await reply).text.count("tok"), 300)

        run(main())

    def test_descriptor_is_used_again(self):
        """A loop keeps nothing of a reply that is gone."""
        ai = self.open("n/3/rate/200")

        async def main():
            for n in range(50):
                reply = ai.complete("x")
                if n % 3 == 0:
                    async for _ in reply.text():
                        break
                elif n % 3 == 1:
                    await reply
                else:
                    reply.detach()
                    async for _ in reply:
                        break
                del reply
            gc.collect()
            self.assertEqual(len(asyncio.get_running_loop()._selector.get_map()), 1)

        run(main())

    def test_two_loops(self):
        """A reply may go from one loop to the next, and to none."""
        reply = self.open("n/60/rate/100").new_conversation().send("x").detach()

        async def some():
            async for event in reply:
                if event.type == EventType.TEXT:
                    return

        for _ in range(3):
            run(some())
        self.assertEqual(reply.wait().text.count("tok"), 60)

    def test_left_by_another_thread(self):
        ai = self.open("n/1000/rate/100")
        held = []

        async def main():
            reply = ai.new_conversation().send("x")
            held.append(reply.__aiter__())
            await held[0].__anext__()
            while (await held[0].__anext__()).type != EventType.TEXT:
                pass
            thread = threading.Thread(target=held.clear)
            thread.start()
            while thread.is_alive():
                await asyncio.sleep(0.01)
            self.assertEqual((await reply).state, MessageState.STOPPED)
            del reply
            gc.collect()
            await asyncio.sleep(0)
            self.assertEqual(len(asyncio.get_running_loop()._selector.get_map()), 1)

        run(main())

    def test_close_wakes(self):
        """Who waits for a reply that waits for tool results learns of the end."""
        for stored in (True, False):
            ai = self.open("tools/1/n/2")

            async def main():
                chat = ai.new_conversation()
                chat.set_tools([_tool])
                reply = chat.send("x") if stored else ai.complete("x", tools=[_tool])
                reply._tools = None  # nobody answers
                sealed = asyncio.Event()

                async def watch():
                    async for event in reply:
                        if event.type == EventType.MESSAGE:
                            sealed.set()

                task = asyncio.ensure_future(watch())
                await sealed.wait()
                await asyncio.sleep(0.02)
                ai.close()
                with self.assertRaises(aichat.ClosedError):
                    await task

            run(main())


class Many(support.ProviderTest):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 4 * THOUSAND:
            self.skipTest(f"only {hard} descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_thousand_at_once(self):
        """With their own descriptors and connections, in less than 1 GiB."""
        ai = self.open("n/20/rate/2", store=self.path("store.db"))
        files = open_files()

        async def ask(n):
            chat = ai.new_conversation()
            pieces = [piece async for piece in chat.send(f"Question {n}").text()]
            return "".join(pieces)

        async def main():
            return await asyncio.gather(*(ask(n) for n in range(THOUSAND)))

        answers = run(main())
        self.assertEqual(set(answers), {"".join(f"tok{n} " for n in range(20))})
        self.assertEqual(len(answers), THOUSAND)
        if not support.SANITIZED:
            self.assertGreater(self.provider.stats()["peak_active"], THOUSAND * 9 // 10)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            self.assertLess(peak, MEMORY_LIMIT)
        gc.collect()
        self.assertEqual(len(list(ai.conversations())), THOUSAND)
        ai.verify()
        ai.close()
        self.assertLessEqual(open_files(), files)

    def test_cancel_anywhere(self):
        """Wherever a task is cancelled, its reply ends, once, and nothing is left open."""
        ai = self.open("n/30/rate/20", store=self.path("store.db"))
        files = open_files()
        chance = random.Random(5)

        async def ask(n, chat):
            reply = chat.send(f"Question {n}") if n % 2 else ai.complete(f"Question {n}")
            if n % 3 == 0:
                return await reply
            seen = 0
            async for _ in reply:
                seen += 1
                if seen == n % 17:
                    break

        async def main():
            chats = [ai.new_conversation() for _ in range(20)]
            for chat in chats:
                chat.save()
            tasks = [asyncio.ensure_future(ask(n, chats[n % 20])) for n in range(300)]

            async def cancel(task):
                await asyncio.sleep(chance.random() * 2)
                task.cancel()

            await asyncio.gather(*(cancel(task) for task in tasks))
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for result in results:
                self.assertIsInstance(result, (type(None), aichat.Message,
                                               asyncio.CancelledError))
            self.assertTrue(any(isinstance(result, asyncio.CancelledError)
                                for result in results))
            return chats

        chats = run(main())
        for chat in chats:
            for message in chat.tree():
                if message.state == MessageState.OPEN:
                    ai.reply(message.id).wait()
            for message in chat.tree():
                self.assertIn(message.state, (MessageState.SEALED, MessageState.STOPPED))
        ai.verify()
        gc.collect()
        ai.close()
        self.assertLessEqual(open_files(), files)


async def _drain(reply):
    async for _ in reply:
        pass


@aichat.tool
def _tool() -> str:
    """Nothing."""
    return ""


if __name__ == "__main__":
    unittest.main()
