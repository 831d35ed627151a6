"""On a terminal: colours, the filter, and the chat."""

import os
import re
import signal
import subprocess
import sys
import termios
import unittest

from base import CliTest, text_of

NASTY = ("red \x1b[31m osc \x1b]52;c;aGk=\x07 bell \x07 back \x08 cr \rover del \x7f "
         "csi \u009b31m override \u202e isolate \u2066 nul-like \u0000 end")
SEQUENCES = re.compile(rb"\x1b\[(?:\?2004[hl]|[0-9;]*m|[0-9;]*[A-Za-z])")


def controls(data):
    """What is in the output that a terminal would obey, our own sequences and line ends
    aside."""
    text = SEQUENCES.sub(b"", data).decode("utf-8").replace("\r\n", "")
    return [c for c in text
            if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) <= 159
            or 0x202a <= ord(c) <= 0x202e or 0x2066 <= ord(c) <= 0x2069]


class Output(CliTest):
    def shown(self, *args, **how):
        terminal = self.terminal(*args, **how)
        status = terminal.finish()
        return status, terminal.data

    def test_final_newline(self):
        self.assertEqual(self.shown("hi"), (0, b"hi\r\n"))
        self.assertEqual(self.shown("hi\n"), (0, b"hi\r\n"))

    def test_controls_of_a_reply(self):
        for path in ("echo", "echo/chunk/1", "echo/chunk/3"):
            self.provider(path)
            nasty = NASTY.replace("\u0000", "")
            status, data = self.shown("-q", nasty)
            self.assertEqual(status, 0)
            self.assertEqual(controls(data), [], path)
            self.assertIn("\u241b[31m", data.decode())
            self.assertIn("\u241b]52;c;aGk=\u2407", data.decode())

    def test_raw_when_it_is_no_terminal(self):
        nasty = NASTY.replace("\u0000", "")
        with open(self.home / "out", "wb") as file:
            self.shown("-q", nasty, stdout=file)
        self.assertEqual((self.home / "out").read_bytes(), nasty.encode())

    def test_controls_of_everything_else(self):
        nasty = NASTY.replace("\u0000", "")
        self.ok(nasty)
        for args in (["list"], ["show"], ["show", "--tree"], ["show", "--json"],
                     ["-m", nasty, "x"], ["-o", nasty + "=1", "x"], ["--id", nasty, "x"],
                     ["--" + nasty], ["-" + nasty], ["models", nasty], ["help", nasty],
                     ["--config", nasty, "x"], ["config", "-o", "system=" + nasty]):
            _, data = self.shown(*args)
            self.assertEqual(controls(data), [], args)
            self.assertTrue(data, args)

    def test_reasoning_is_dim(self):
        self.provider("gen/n/2/thinking/2")
        status, data = self.shown("think")
        self.assertEqual(status, 0)
        text = data.decode()
        self.assertIn("\x1b[2mth0 ", text)
        self.assertLess(text.rindex("\x1b[0m"), text.index("tok0"))
        self.assertRegex(text, r"th1 \x1b\[0m\r\ntok0 tok1 \r\n$")

    def test_no_colours(self):
        self.provider("gen/n/2/thinking/2")
        for args, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"}),
                          ([], {"TERM": "dumb"}), ([], {"TERM": ""})):
            _, data = self.shown(*args, "think", env=env)
            self.assertNotIn(b"\x1b", data)
            self.assertIn(b"th0 th1 ", data)
        _, data = self.shown("think", env={"NO_COLOR": ""})
        self.assertIn(b"\x1b[2m", data)

    def test_show(self):
        self.ok("hi")
        _, data = self.shown("show")
        self.assertIn(b"\x1b[1muser\x1b[0m:\r\nhi\r\n", data)

    def test_error_begins_on_a_new_line(self):
        self.provider("error-after/2/gen/n/9")
        status, data = self.shown("go")
        self.assertEqual(status, 3)
        self.assertIn(b"tok1 \r\naichat: ", data)


class Chat(CliTest):
    def chat(self, *args, **how):
        terminal = self.terminal(*args, **how)
        terminal.expect("> ")
        return terminal

    def leave(self, terminal, status=0):
        terminal.send("\x04")
        self.assertEqual(terminal.finish(), status, terminal.data)

    def test_talk(self):
        self.provider("echo")
        terminal = self.chat()
        terminal.send("first question\r")
        terminal.expect("first question\r\n")
        terminal.expect("first question\r\n")
        terminal.expect("> ")
        terminal.send("/show\r")
        terminal.expect("assistant")
        terminal.expect("> ")
        terminal.send("second\r")
        terminal.expect("second\r\n")
        terminal.expect("second\r\n")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual([text_of(m) for m in self.messages()],
                         ["first question"] * 2 + ["second"] * 2)

    def test_terminal_is_left_as_it_was(self):
        """However the chat ends: echo is on, lines are collected, no brackets."""
        self.provider("gen/n/1000/rate/50")
        for end in ("leave", "quit", "terminate", "twice"):
            terminal = self.terminal(keep=True)
            terminal.expect("> ")
            if end == "leave":
                terminal.send("\x04")
            elif end == "quit":
                terminal.send("/quit\r")
            elif end == "terminate":
                os.kill(terminal.process.pid, signal.SIGTERM)
            else:
                terminal.send("go\r")
                terminal.expect("tok3 ")
                os.kill(terminal.process.pid, signal.SIGSTOP)
                os.kill(terminal.process.pid, signal.SIGTERM)
                os.kill(terminal.process.pid, signal.SIGHUP)
                os.kill(terminal.process.pid, signal.SIGCONT)
            status = terminal.finish()
            self.assertEqual(status > 0, end in ("terminate", "twice"))
            self.assertEqual(termios.tcgetattr(terminal.slave), terminal.found, end)
            sequences = re.findall(rb"\x1b\[\?2004[hl]", terminal.data)
            self.assertEqual(sequences[-1], b"\x1b[?2004l", end)

    def test_typed_ahead(self):
        """Typed during a reply: not echoed into it, and sent after it."""
        self.provider("gen/n/20/rate/20")
        terminal = self.chat()
        terminal.send("one\r")
        terminal.expect("tok3 ")
        terminal.send("two\r")
        terminal.send("\x04")
        self.assertNotIn(b"two", terminal.expect("tok19 "))
        terminal.expect("> two")
        terminal.expect("tok19 ")
        self.assertEqual(terminal.finish(), 0)
        self.assertEqual(text_of(self.messages()[2]), "two")

    def test_stop_a_reply(self):
        self.provider("gen/n/1000/rate/50")
        terminal = self.chat()
        terminal.send("go\r")
        terminal.expect("tok5 ")
        terminal.send("\x03")
        terminal.expect("stopped")
        terminal.expect("> ")
        self.assertEqual(self.messages()[-1]["state"], "stopped")
        self.assertIn("tok5 ", text_of(self.messages()[-1]))
        # The chat goes on.
        terminal.send("more\r")
        terminal.expect("tok3 ")
        terminal.send("\x03")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual(len(self.messages()), 4)

    def test_interrupt_at_the_prompt(self):
        terminal = self.chat()
        terminal.send("half a line")
        terminal.expect("half a line")
        terminal.send("\x03")
        terminal.expect("> ")
        terminal.send("\x03")
        terminal.expect("> ")
        terminal.send("whole\r")
        terminal.expect("whole\r\n")
        terminal.expect("whole\r\n")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual([text_of(m) for m in self.messages()], ["whole", "whole"])

    def test_terminate(self):
        terminal = self.chat()
        os.kill(terminal.process.pid, signal.SIGTERM)
        self.assertEqual(terminal.finish(), 143)
        self.provider("gen/n/1000/rate/50")
        terminal = self.chat()
        terminal.send("go\r")
        terminal.expect("tok5 ")
        os.kill(terminal.process.pid, signal.SIGTERM)
        self.assertEqual(terminal.finish(), 143)
        self.assertEqual(self.messages()[-1]["state"], "stopped")

    def test_several_lines(self):
        terminal = self.chat()
        terminal.send("one\\\r")
        terminal.expect(". ")
        terminal.send("two\r")
        terminal.expect("one\r\ntwo\r\n")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual(text_of(self.messages()[0]), "one\ntwo")

    def test_paste(self):
        terminal = self.chat()
        terminal.send("\x1b[200~first line\rsecond \u00fc\n\tthird\x1b[201~")
        terminal.send(" typed\r")
        terminal.expect("\tthird typed\r\n")  # the answer: what is typed has spaces
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual(text_of(self.messages()[0]),
                         "first line\nsecond \u00fc\n\tthird typed")

    def test_editing_and_utf8(self):
        terminal = self.chat()
        terminal.send("gr\u00fc\u00dfx\x7f \u4e16\U0001f600\r")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual(text_of(self.messages()[0]), "gr\u00fc\u00df \u4e16\U0001f600")

    def test_history(self):
        terminal = self.chat()
        terminal.send("remember me\r")
        terminal.expect("> ")
        self.leave(terminal)
        path = self.home / ".local/state/aichat/history"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)
        terminal = self.chat()
        terminal.send("\x1b[A")
        terminal.expect("remember me")
        terminal.send(" again\r")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual(text_of(self.messages()[0]), "remember me again")

    def test_nothing_kept(self):
        terminal = self.chat("-n")
        terminal.send("secret\r")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual([p for p in self.home.rglob("*") if p.is_file()], [])

    def test_commands(self):
        self.provider("gen/n/2", model="echo")
        terminal = self.chat()
        terminal.send("/help\r")
        for name in ("/help", "/model", "/system", "/retry", "/new", "/show", "/quit"):
            terminal.expect(name)
        terminal.send("/nonsense\r")
        terminal.expect("no /nonsense")
        terminal.send("/retry\r")
        terminal.expect("nothing to answer")
        terminal.send("one\r")
        terminal.expect("one\r\none\r\n")
        terminal.send("/model openai/gpt-4o\r")
        terminal.expect("openai/gpt-4o\r\n")
        terminal.expect("aichat: model: openai/gpt-4o")
        terminal.send("/retry\r")
        terminal.expect("tok0 tok1")
        terminal.send("/model no-such-model-here\r")
        terminal.expect("aichat: ")
        terminal.send("/system be brief\r")
        terminal.expect("new conversation")
        terminal.send("//not a command\r")
        terminal.expect("tok0 tok1")
        terminal.send("/quit\r")
        self.assertEqual(terminal.finish(), 0)
        self.assertEqual(len(self.ok("list", "--json").lines()), 2)
        self.assertEqual([text_of(m) for m in self.messages()][:2],
                         ["be brief", "/not a command"])

    def test_goes_on_with_a_conversation(self):
        self.ok("before")
        terminal = self.chat("-c")
        terminal.send("after\r")
        terminal.expect("> ")
        self.leave(terminal)
        self.assertEqual(len(self.messages()), 4)

    def test_failure_leaves_the_chat(self):
        self.provider("status/500/gen/n/2")
        terminal = self.chat("-o", "max_retries=0")
        terminal.send("hi\r")
        terminal.expect("aichat: ")
        terminal.expect("/retry")
        terminal.expect("> ")
        self.leave(terminal)

    def test_terminal_goes_away(self):
        terminal = self.chat()
        os.close(terminal.master)
        terminal.master = -1
        self.assertIn(terminal.process.wait(10), (0, 129))

    def test_not_with_pipes(self):
        result = self.fails(2, stdin=subprocess.DEVNULL)
        self.assertIn("nothing to ask", result.err)
        with open(self.home / "out", "wb") as file:
            terminal = self.terminal(stdout=file)
            terminal.expect("nothing to ask")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
