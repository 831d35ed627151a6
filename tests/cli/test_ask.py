"""One question, one reply: what goes where, byte for byte."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

from base import AICHAT, KEY, SECONDS, CliTest, read_some, text_of
from fakellm import tool

# Everything that could go wrong on its way through JSON, chunks and pipes.
TEXT = ("plain \u00fc\u00df \u4e16\u754c \U0001f600 e\u0301 \u200d\u202e \"quoted\" \\back\\ "
        "</script>\ttab\nline\r\n\x1b[31mred\x1b[0m \x07 \x7f \u0085 end")


def catches(process, number):
    """Whether a process has a handler for a signal."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        mask, = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    return int(mask, 16) >> (number - 1) & 1


class Text(CliTest):
    def test_first_run(self):
        result = self.ok("hello", "there")
        self.assertEqual(result.out, "hello there")
        self.assertEqual(result.err, "")

    def test_which_model(self):
        """Nothing tells which model: it is echo, and one line tells how to change that."""
        del self.env["AICHAT_MODEL"]
        result = self.ok("hello")
        if result.out != "hello":
            self.skipTest("a model server runs on this machine")
        self.assertEqual(result.err.count("\n"), 1)
        for word in ("echo", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "-m", "aichat.conf"):
            self.assertIn(word, result.err)
        self.assertEqual(self.ok("-q", "hello").err, "")
        self.assertEqual(self.ok("-m", "echo", "hello").err, "")

    def test_exact_bytes(self):
        for path in ("echo", "echo/chunk/1", "echo/chunk/7", "echo/whole", "echo/json"):
            self.provider(path)
            result = self.ok(TEXT)
            self.assertEqual(result.raw, TEXT.encode(), path)
            self.assertEqual(result.err, "", path)

    def test_exact_bytes_of_the_other_dialect(self):
        self.env["ANTHROPIC_BASE_URL"] = self.llm.base("echo/chunk/1")
        self.env["ANTHROPIC_API_KEY"] = KEY
        result = self.ok("-m", "anthropic/claude-sonnet-5", TEXT)
        self.assertEqual(result.raw, TEXT.encode())

    def test_every_event_is_flushed(self):
        self.provider("gen/n/300/rate/10")
        process = self.start("go")
        read_some(process.stdout, b"tok0 ")
        self.assertIsNone(process.poll())
        process.kill()

    def test_reasoning_is_no_text(self):
        self.provider("gen/n/3/thinking/2")
        result = self.ok("think")
        self.assertEqual(result.out, "tok0 tok1 tok2 ")
        self.assertEqual(result.err, "th0 th1 \n")
        self.assertEqual(self.ok("-q", "think").err, "")

    def test_stop_at_the_limit_is_told(self):
        self.provider("gen/n/50")
        result = self.ok("-o", "max_tokens=3", "go")
        self.assertIn("max_tokens", result.err)
        self.assertEqual(result.out.split(), ["tok0", "tok1", "tok2"])

    def test_tools_are_not_there(self):
        """A model that calls tools is told that there are none, and goes on."""
        self.provider("gen/tools/2/n/2")
        conversation_with_tools(self.env, "first")
        result = self.ok("-c", "go")
        self.assertEqual(result.err.count("the tool look,"), 2)
        self.assertEqual(result.out, "tok0 tok1 ")
        self.assertEqual(self.messages()[-1]["state"], "sealed")
        self.assertEqual(self.ok("verify").out, "ok\n")

    def test_warnings(self):
        path = self.home / "my.conf"
        path.write_text('provider openai { api_key = "sk-canary" }\n', encoding="utf-8")
        path.chmod(0o644)
        result = self.ok("--config", str(path), "hi")
        self.assertIn("aichat: warning: ", result.err)
        self.assertIn("chmod 600", result.err)
        self.assertEqual(self.ok("-q", "--config", str(path), "hi").err, "")

    def test_log(self):
        self.provider("fail-first/1/retry-after-ms/1/gen/n/1")
        for how in ("-v", "-vv", "--verbose"):
            self.llm.reset()
            self.assertNotIn(KEY, self.ok(how, "go").err)


def conversation_with_tools(env, text):
    """One that another program began, and that offers tools."""
    subprocess.run([os.environ["AICHAT_BEGIN"], text], check=True, timeout=30, env=env)


class Input(CliTest):
    def setUp(self):
        super().setUp()
        self.provider("echo")

    def test_input_follows_the_words(self):
        self.assertEqual(self.ok("sum", "up", data=b"a\nb\n").out, "sum up\n\na\nb\n")

    def test_input_alone(self):
        self.assertEqual(self.ok(data=b"just this\n").out, "just this\n")
        self.assertEqual(self.ok("ask", data="\u00fc".encode()).out, "\u00fc")

    def test_empty_input(self):
        for data in (b"", b"\n", b" \t\r\n"):
            self.assertEqual(self.ok("hi", data=data).out, "hi", data)
        self.assertEqual(self.ok("hi").out, "hi")

    def test_not_utf8(self):
        begin = self.llm.stats()["requests"]
        for data, at in ((b"\xff", 0), (b"abc\xc3", 3), ("\u4e16".encode() + b"\xed\xa0\x80", 3),
                         (b"x" * 100000 + b"\xfe", 100000)):
            result = self.fails(1, "hi", data=data)
            self.assertIn(f"not UTF-8 at byte {at};", result.err)
            self.assertEqual(result.out, "")
        self.assertEqual(self.llm.stats()["requests"], begin)
        self.assertFalse(self.store.exists())

    def test_large_input(self):
        data = ("0123456789abcd\u00fc" * 65536).encode()
        self.assertEqual(len(data), 1 << 20)
        for path in ("lenient/echo", "gen/n/1"):  # one takes it, one refuses it
            self.provider(path)
            result = self.run_aichat("-o", "max_reply_bytes=100000000", data=data)
            if path == "gen/n/1":
                self.assertEqual(result.status, 3, result)
                self.assertIn("kept", result.err)
            else:
                self.assertEqual(result.status, 0, result)
                self.assertTrue(result.raw == data)  # a difference takes long to show

    def test_too_large_input(self):
        result = self.fails(1, "hi", data=b"x" * ((16 << 20) + 1))
        self.assertIn("16 MiB", result.err)
        self.assertFalse(self.store.exists())

    def test_input_that_cannot_be_read(self):
        with open(self.home / "out", "wb") as file:
            result = self.fails(1, "hi", stdin=file)
        self.assertIn("standard input", result.err)


class Json(CliTest):
    def test_events(self):
        self.provider("gen/n/3/thinking/2")
        result = self.ok("--json", "go")
        events = result.lines()
        types = [event["type"] for event in events]
        self.assertEqual(types[0], "start")
        self.assertEqual(types[-1], "done")
        text = "".join(e["text"] for e in events if e["type"] == "text")
        self.assertEqual(text, "tok0 tok1 tok2 ")
        reasoning = "".join(e["text"] for e in events if e["type"] == "reasoning")
        self.assertEqual(reasoning, "th0 th1 ")
        self.assertEqual(text_of(events[-1]["message"]), text)
        self.assertEqual(events[-1]["message"]["state"], "sealed")
        self.assertEqual(events[-1]["state"], "complete")
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        self.assertEqual(result.err, "")

    def test_failure(self):
        self.provider("error-after/2/gen/n/9")
        result = self.run_aichat("--json", "go")
        self.assertEqual(result.status, 3, result)
        last = result.lines()[-1]
        self.assertEqual(last["type"], "error")
        self.assertEqual(text_of(last["message"]), "tok0 tok1 ")
        self.assertTrue(last["error"]["code"])
        self.assertTrue(result.err.startswith("aichat: "))

    def test_failure_before_the_start(self):
        self.env["AICHAT_MODEL"] = "openai/gpt-4o"
        result = self.run_aichat("--json", "go")
        self.assertEqual(result.status, 1, result)
        self.assertEqual([e["error"]["code"] for e in result.lines()], ["NO_KEY"])

    def test_exact_text(self):
        self.provider("echo/chunk/1")
        events = self.ok("--json", TEXT).lines()
        self.assertEqual("".join(e["text"] for e in events if e["type"] == "text"), TEXT)


class Conversations(CliTest):
    def test_continue(self):
        self.provider("echo/request")
        self.ok("first words")
        body = json.loads(self.ok("-c", "second words").out)
        self.assertEqual([m["role"] for m in body["messages"]],
                         ["user", "assistant", "user"])
        self.assertIn("second words", json.dumps(body["messages"][-1]))
        self.assertEqual(len(self.ok("list", "--json").lines()), 1)

    def test_continue_nothing(self):
        result = self.fails(1, "-c", "hi")
        self.assertIn("no conversation", result.err)

    def test_by_id(self):
        start, done = self.ask("one")
        conversation, message = start["conversation_id"], done["message"]["id"]
        self.ask("something else")
        again, _ = self.ask("--id", conversation, "two")
        self.assertEqual(again["conversation_id"], conversation)
        self.assertEqual(len(self.messages(conversation)), 4)
        short = self.ok("list").out.splitlines()[0].split()[0]
        self.assertLess(len(short), 36)
        again, _ = self.ask("--id", short, "three")
        self.assertEqual(again["conversation_id"], conversation)
        # From a message: a branch beside "two".
        again, done = self.ask("--id", message, "other two")
        self.assertEqual(again["conversation_id"], conversation)
        self.assertEqual([text_of(m) for m in self.messages(done["message"]["id"])],
                         ["one", "one", "other two", "other two"])
        tree = self.ok("show", "--tree", conversation).out
        self.assertEqual(len(tree.splitlines()), 8)
        self.assertIn("three", tree)

    def test_wrong_ids(self):
        self.ok("hi")
        for wrong in ("zzz", "00000000-0000-7000-8000-000000000000", "ffff"):
            result = self.fails(1, "--id", wrong, "hi")
            self.assertEqual(result.out, "")

    def test_not_stored(self):
        self.assertEqual(self.ok("-n", "secret").out, "secret")
        self.assertFalse(self.store.exists())
        result = self.ok("list")
        self.assertEqual(result.out, "")

    def test_store_elsewhere(self):
        path = self.home / "else" / "my.db"
        path.parent.mkdir()
        self.ok("--store", str(path), "hi")
        self.assertTrue(path.exists())
        self.assertFalse(self.store.exists())
        self.assertIn("hi", self.ok("list", "--store", str(path)).out)
        self.assertIn("hi", self.ok("list", env={"AICHAT_STORE": str(path)}).out)

    def test_system_prompt(self):
        self.provider("echo/request")
        body = json.loads(self.ok("-s", "be brief", "hi").out)
        self.assertEqual([m["role"] for m in body["messages"]], ["system", "user"])
        self.assertIn("be brief", json.dumps(body["messages"][0]))
        body = json.loads(self.ok("-c", "more").out)
        self.assertIn("be brief", json.dumps(body["messages"][0]))

    def test_the_model_stays(self):
        self.provider("echo/request")
        self.ok("-m", "openai/gpt-4o-mini", "hi")
        self.assertEqual(json.loads(self.ok("-c", "more").out)["model"], "gpt-4o-mini")
        self.assertEqual(json.loads(self.ok("-c", "-m", "openai/gpt-4o", "more").out)["model"],
                         "gpt-4o")

    def test_retry(self):
        self.ok("the question")
        self.assertEqual(self.ok("retry").out, "the question")
        self.provider("gen/n/2", model="echo")
        self.assertEqual(self.ok("retry", "-m", "openai/gpt-4o").out, "tok0 tok1 ")
        tree = self.ok("show", "--tree").out.splitlines()
        self.assertEqual(len(tree), 4)
        self.assertEqual(len(self.messages()), 2)
        self.assertEqual(self.messages()[-1]["model"], "gpt-4o")

    def test_sixteen_at_once(self):
        words = [f"word{i}" for i in range(48)]
        done = subprocess.run(["xargs", "-P", "16", "-n", "1", AICHAT, "-q"],
                              input="\n".join(words), env=self.env, cwd=self.home,
                              capture_output=True, text=True, timeout=50)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(done.stdout.replace("word", " word").split()), sorted(words))
        listed = [line["title"] for line in self.ok("list", "-l", "0", "--json").lines()]
        self.assertEqual(sorted(listed), sorted(words))
        self.assertEqual(self.ok("verify").out, "ok\n")
        # Of one minute, and yet each has a short name of its own.
        ids = [line.split()[0] for line in self.ok("list", "-l", "0").out.splitlines()]
        self.assertEqual(len(set(ids)), len(words))
        self.assertEqual(self.messages(ids[7])[0]["conversation_id"][:len(ids[7])], ids[7])


class Stopping(CliTest):
    def stop(self, number, *args):
        self.provider("gen/n/1000/rate/50")
        process = self.start(*args, "go")
        out = read_some(process.stdout, b"tok3 ")
        process.send_signal(number)
        result = self.finish(process)
        result.out = out.decode() + result.out
        return result

    def test_signals(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143),
                               (signal.SIGHUP, 129)):
            result = self.stop(number)
            self.assertEqual(result.status, status, result)
            last = self.messages()[-1]
            self.assertEqual(last["state"], "stopped")
            self.assertTrue(text_of(last).startswith(result.out), result)
            self.assertIn("kept", result.err)
            self.assertIn("aichat retry", result.err)
            self.assertIn("[stopped]", self.ok("show").out)
        self.llm.wait_for(lambda llm: llm.stats()["active"] == 0)

    def test_json(self):
        result = self.stop(signal.SIGINT, "--json")
        self.assertEqual(result.status, 130)
        last = result.lines()[-1]
        self.assertEqual((last["type"], last["state"]), ("done", "stopped"))

    def test_not_stored(self):
        result = self.stop(signal.SIGINT, "-n")
        self.assertEqual(result.status, 130)
        self.assertNotIn("kept", result.err)

    def test_second_signal_ends_at_once(self):
        """Even while nobody reads our output."""
        self.provider("gen/n/100000/bytes/50")
        process = self.start("go")
        read_some(process.stdout, b"tok3")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        self.assertEqual(self.ok("verify").out, "ok\n")
        self.assertIn(self.messages()[-1]["state"], ("stopped", "interrupted", "sealed"))

    def test_ignored_signals_stay_ignored(self):
        self.provider("gen/n/30/rate/30")
        process = self.start("go", preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                                     signal.SIG_IGN))
        out = read_some(process.stdout, b"tok3 ")
        process.send_signal(signal.SIGINT)
        result = self.finish(process)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(len((out + result.raw).split()), 30)

    @unittest.skipIf(tool(), "a tool catches signals before the program does")
    def test_before_anything_was_asked(self):
        process = self.start("hi", stdin=subprocess.PIPE)
        end = time.monotonic() + SECONDS
        while not catches(process, signal.SIGINT) and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        self.assertFalse(self.store.exists())

    def test_reader_goes_away(self):
        """As in `aichat ... | head -1`: quiet, soon, and the provider is hung up on."""
        self.provider("gen/n/1000/rate/50")
        process = self.start("go")
        read_some(process.stdout, b"tok3 ")
        process.stdout.close()
        self.assertEqual(process.wait(10), 141)
        self.assertEqual(process.stderr.read(), b"")
        self.assertEqual(self.messages()[-1]["state"], "stopped")
        self.llm.wait_for(lambda llm: llm.stats()["active"] == 0)

    def test_reader_goes_away_in_silence(self):
        """Noticed without writing: the provider says nothing any more."""
        self.provider("stall/600/gen/n/1000")
        process = self.start("go")
        read_some(process.stdout, b"tok0 ")
        process.stdout.close()
        self.assertEqual(process.wait(10), 141)

    def test_full_device(self):
        with open("/dev/full", "wb") as full:
            result = self.fails(1, "hi", stdout=full)
            self.assertIn("standard output", result.err)
            result = self.fails(1, "list", stdout=full)
            self.assertIn("No space", result.err)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
