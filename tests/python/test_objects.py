"""The life of objects: garbage in any order, fork, threads, the end of the interpreter."""

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import unittest

import support

import aichat
from aichat import EventType, MessageState


def threads_of_process():
    return len(os.listdir("/proc/self/task"))


class Garbage(support.ProviderTest):
    def objects(self, path):
        """One of each, in use."""
        ai = aichat.open(support.options(self.provider, path))
        chat = ai.new_conversation()
        reply = chat.send("x")
        other = ai.complete("y")
        return [ai, chat, reply, other, iter(reply), reply.text(), ai.for_owner("z"),
                iter(ai.conversations()), reply.next(), ai.models()[:2], ai.reply(reply.id)]

    def test_any_order(self):
        before = threads_of_process()
        chance = random.Random(7)
        for n in range(60):
            held = self.objects("n/5" if n % 2 else "n/1000/rate/100")
            chance.shuffle(held)
            while held:
                held.pop()
            gc.collect()
        self.assertEqual(threads_of_process(), before)

    def test_cycles(self):
        before = threads_of_process()
        for n in range(20):
            held = self.objects("n/5" if n % 2 else "n/1000/rate/100")
            held.append(held)
            held[0].ring, held[1].ring, held[2].ring = held, held, held
            del held
            gc.collect()
        self.assertEqual(threads_of_process(), before)

    def test_children_keep_the_context(self):
        chat = aichat.open(support.options(self.provider, "echo")).new_conversation()
        gc.collect()
        reply = chat.send("Still here?")
        del chat
        gc.collect()
        self.assertEqual(reply.wait().text, "Still here?")

    def test_a_view_keeps_the_engine(self):
        view = aichat.open(support.options(self.provider, "echo")).for_owner("ann")
        gc.collect()
        self.assertEqual(view.new_conversation().send("Hi").wait().text, "Hi")

    def test_forgotten_stateless_reply_is_cancelled(self):
        ai = self.open("n/1000/rate/50")
        reply = ai.complete("x")
        reply.next()
        self.provider.wait_for(lambda llm: llm.stats()["active"] == 1)
        del reply
        gc.collect()
        self.provider.wait_for(lambda llm: llm.stats()["active"] == 0)

    def test_no_descriptor_is_left(self):
        def round_():
            held = self.objects("n/20")
            held[2].fileno()
            held[2].wait()
            held[0].close()

        round_()
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(10):
            round_()
        gc.collect()
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), before)

    @unittest.skipIf(support.SANITIZED, "the sanitizer keeps freed memory")
    def test_no_memory_is_left(self):
        """Ten thousand messages made and forgotten cost nothing."""
        from aichat._message import handle_of, message_of
        message = aichat.Message.user("x" * 10000)

        def many():
            for _ in range(2000):
                message_of(handle_of(message))
            with open("/proc/self/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * 4096

        many()
        before = many()
        for _ in range(4):
            after = many()
        self.assertLess(after - before, 8 << 20)


class Fork(support.ProviderTest):
    def in_child(self, function):
        """What the function returns in a forked child, as text."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(20)
                os.write(writing, str(function()).encode())
            except BaseException as error:
                os.write(writing, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading, encoding="utf-8") as file:
            text = file.read()
        _, status = os.waitpid(child, 0)
        self.assertEqual(status, 0)
        return text

    def test_clear_error(self):
        ai = self.open("n/1000/rate/100", store=self.path("store.db"))
        chat = ai.new_conversation()
        reply = chat.send("x").detach()
        while reply.next().type != EventType.TEXT:
            pass
        calls = [lambda: chat.send("y"), lambda: reply.next(), reply.wait, reply.fileno,
                 reply.cancel, ai.new_conversation, lambda: ai.page(), lambda: chat.path(),
                 lambda: ai.for_owner("x"), lambda: ai.complete("x"), ai.verify]

        def child():
            for call in calls:
                try:
                    call()
                except aichat.ForkError as error:
                    if "fork" not in str(error) and "another process" not in str(error):
                        return f"unclear: {error}"
                else:
                    return "no error"
            return "ok"

        self.assertEqual(self.in_child(child), "ok")
        reply.cancel()
        self.assertEqual(reply.wait().state, MessageState.STOPPED)

    def test_own_context_in_the_child(self):
        ai = self.open("echo", store=self.path("store.db"))
        ai.new_conversation().send("parent").wait()

        def child():
            ai.close()  # frees memory, and nothing else
            try:
                aichat.open(store=self.path("store.db"))
            except aichat.ForkError:  # of a file that the parent has open
                pass
            with aichat.open(support.options(self.provider, "echo",
                                             store=self.path("own.db"))) as own:
                return own.new_conversation().send("child").wait().text

        self.assertEqual(self.in_child(child), "child")
        self.assertEqual(len(list(ai.conversations())), 1)
        ai.verify()

    def test_while_a_thread_waits(self):
        """The child does not wait for a lock whose holder it does not have."""
        reply = self.open("stall/0").new_conversation().send("x")
        thread = threading.Thread(target=self.wait_quietly, args=(reply,))
        thread.start()
        self.provider.wait_for(lambda llm: llm.stats()["active"] == 1)

        def child():
            try:
                reply.next(0)
            except aichat.ForkError:
                return "ok"

        self.assertEqual(self.in_child(child), "ok")
        reply.cancel()
        thread.join(20)
        self.assertFalse(thread.is_alive())

    @staticmethod
    def wait_quietly(reply):
        while reply.next() is not None:
            pass


class Threads(support.ProviderTest):
    def test_many_conversations(self):
        ai = self.open("n/20", store=self.path("store.db"))
        texts = []

        def ask():
            chat = ai.new_conversation()
            for n in range(5):
                texts.append("".join(chat.send(str(n)).text()))
            texts.extend(message.text for message in chat.path() if message.provider)

        self.together(ask, 16)
        self.assertEqual(len(texts), 160)
        self.assertEqual(set(texts), {"".join(f"tok{n} " for n in range(20))})
        ai.verify()
        ai.store_check()

    def test_close_under_way(self):
        """Calls that others have under way end, with a result or a clear error."""
        for _ in range(10):
            ai = self.open("n/100/rate/1000")
            odd = []

            def ask():
                try:
                    while True:
                        chat = ai.new_conversation()
                        chat.send("x").wait()
                        chat.path()
                except (aichat.ClosedError, aichat.NetworkError):
                    pass
                except BaseException as error:
                    odd.append(error)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            self.provider.wait_for(lambda llm: llm.stats()["active"] > 0)
            ai.close()
            for thread in threads:
                thread.join(30)
                self.assertFalse(thread.is_alive())
            self.assertEqual(odd, [])

    def test_cancel_from_another(self):
        reply = self.open("stall/300").new_conversation().send("x")
        timer = threading.Timer(0.1, reply.cancel)
        timer.start()
        self.assertEqual(reply.wait().state, MessageState.STOPPED)
        timer.join()

    def together(self, function, count):
        failures = []

        def run():
            try:
                function()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(failures, [])


class Interpreter(support.ProviderTest):
    """Programs that end in the middle of something."""

    def run_program(self, code, path="n/1000/rate/100", status=0, **interrupt):
        program = (f"import aichat, sys, threading, logging, os, time\n"
                   f"options = {support.options(self.provider, path)!r}\n" + code)
        process = subprocess.Popen([sys.executable, "-W", "ignore::DeprecationWarning",
                                    "-c", program],
                                   env={**os.environ, "PYTHONPATH": support.PACKAGE},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            if interrupt:
                self.assertTrue(process.stdout.readline())
                process.send_signal(interrupt["by"])
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        self.assertEqual(process.returncode, status, errors)
        return out, errors

    def test_running_reply(self):
        store = self.path("store.db")
        _, errors = self.run_program(
            f"ai = aichat.open(options, store={store!r})\n"
            "chat = ai.new_conversation()\n"
            "reply = chat.send('x')\n"
            "for event in reply:\n"
            "    if event.type == aichat.EventType.TEXT: break\n"
            "reply = chat.send('y')\n"
            "reply.next()\n")
        self.assertEqual(errors, "")
        ai = self.open(store=store)
        ai.verify()
        chat = ai.open_conversation(next(ai.conversations()).id)
        self.assertEqual({message.state for message in chat.tree()},
                         {MessageState.SEALED, MessageState.STOPPED,
                          MessageState.INTERRUPTED})

    def test_logger_and_waiting_threads(self):
        _, errors = self.run_program(
            "logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)\n"
            "ai = aichat.open(options, logger=logging.getLogger('x'))\n"
            "def wait():\n"
            "    try: ai.new_conversation().send('x').wait()\n"
            "    except aichat.Error: pass\n"
            "for _ in range(4): threading.Thread(target=wait, daemon=True).start()\n"
            "time.sleep(0.2)\n")
        self.assertEqual(errors, "")

    def test_globals_and_cycles(self):
        _, errors = self.run_program(
            "ai = aichat.open(options); chat = ai.new_conversation(); reply = chat.send('x')\n"
            "stream = iter(reply); next(stream); text = reply.text()\n"
            "ring = [ai, chat, reply, stream]; ring.append(ring)\n"
            "sys.modules['keeps'] = ring\n")
        self.assertEqual(errors, "")

    def test_exception(self):
        _, errors = self.run_program(
            "for text in aichat.open(options).new_conversation().send('x').text(): 1 / 0\n",
            status=1)
        self.assertEqual(errors.count("Traceback"), 1)
        self.assertIn("ZeroDivisionError", errors)

    def test_control_c(self):
        """A wait for a silent provider can be interrupted, and the reply is stopped."""
        _, errors = self.run_program(
            "chat = aichat.open(options).new_conversation()\n"
            "try:\n"
            "    reply = chat.send('x'); reply.next()\n"
            "    print('waiting', flush=True); reply.wait()\n"
            "except KeyboardInterrupt:\n"
            "    print(chat.path()[-1].role.name); sys.exit(3)\n",
            path="stall/0", status=3, by=signal.SIGINT)
        self.assertEqual(errors, "")

    def test_exit_of_a_forked_child(self):
        out, errors = self.run_program(
            "ai = aichat.open(options); reply = ai.new_conversation().send('x').detach()\n"
            "reply.next()\n"
            "child = os.fork()\n"
            "if child == 0: sys.exit(0)\n"
            "print(os.waitpid(child, 0)[1])\n"
            "print(reply.next().type.name)\n")
        self.assertEqual((out.split()[0], errors), ("0", ""))


if __name__ == "__main__":
    unittest.main()
