"""The command line: help, options, commands, mistakes."""

import os
import subprocess
import sys
import unittest

from base import AICHAT, CliTest, GOLDEN

AICHATD = os.environ.get("AICHATD", "")


class Serve(CliTest):
    """`aichat serve` becomes aichatd, with all that follows."""

    @unittest.skipUnless(os.path.exists(AICHATD), "aichatd was not built")
    def test_serve(self):
        env = {"PATH": os.path.dirname(AICHATD)}
        self.assertRegex(self.ok("serve", "--version", env=env).out, r"^aichatd \d+\.\d+\.\d+\n$")
        result = self.run_aichat("serve", "--nothing", "-m", env=env)
        self.assertEqual(result.status, 2, result)
        self.assertIn("aichatd: there is no option --nothing", result.err)

    def test_without_the_daemon(self):
        result = self.fails(1, "serve", env={"PATH": "/nonexistent"})
        self.assertIn("aichatd", result.err)


class Help(CliTest):
    def test_version(self):
        result = self.ok("--version")
        self.assertRegex(result.out, r"^aichat \d+\.\d+\.\d+\n$")

    def test_golden(self):
        """AICHAT_WRITE_GOLDEN=1 writes the files anew."""
        for name, args in {"help": ["--help"], "help-ask": ["help", "ask"],
                           "help-list": ["list", "-h"]}.items():
            out = self.ok(*args).out
            path = GOLDEN / f"{name}.txt"
            if os.environ.get("AICHAT_WRITE_GOLDEN"):
                path.write_text(out, encoding="utf-8")
            self.assertEqual(out, path.read_text(encoding="utf-8"), name)

    def test_options_of_the_library(self):
        out = self.ok("help", "options").out
        for words in ("temperature (number)", "stream (bool, default true)",
                      "provider.NAME.base_url (text)", "body.NAME (json)"):
            self.assertIn(words, out)

    def test_help_fits_the_screen(self):
        for line in self.ok("--help").out.splitlines():
            self.assertLessEqual(len(line), 100)

    def test_help_of_every_command(self):
        commands = self.ok("completion", "bash").out.split("compgen -W '")[-1].split("'")[0]
        for name in commands.split():
            self.assertIn(f"Usage: aichat {name}", self.ok("help", name).out)
        self.assertEqual(self.ok("help").out, self.ok("-h").out)

    def test_help_opens_nothing(self):
        self.env["AICHAT_CONFIG"] = str(self.home / "missing")
        for args in (["--help"], ["--version"], ["help", "list"], ["completion", "fish"],
                     ["show", "--help"]):
            self.ok(*args)
        self.assertEqual(list(self.home.iterdir()), [])

    def test_exit_statuses_are_documented(self):
        for status in ("0", "1", "2", "3", "130", "143", "141"):
            self.assertIn(status, self.ok("--help").out)

    def test_completions(self):
        for shell in ("bash", "zsh", "fish"):
            out = self.ok("completion", shell).out
            self.assertIn("no-store", out)
            self.assertIn("show", out)
        script = self.home / "script"
        script.write_text(self.ok("completion", "bash").out, encoding="utf-8")
        done = subprocess.run(
            ["bash", "-c", '. "$1"; COMP_WORDS=(aichat sh) COMP_CWORD=1; _aichat; '
             'echo "${COMPREPLY[@]}"', "bash", str(script)],
            capture_output=True, text=True, timeout=20)
        self.assertEqual((done.stdout, done.stderr), ("show\n", ""))
        self.fails(2, "completion")
        self.fails(2, "completion", "tcsh")


class Options(CliTest):
    def test_words_and_options_in_any_order(self):
        self.provider("echo")
        for args in (["why", "is", "it", "-q"], ["-q", "why", "is", "it"],
                     ["why", "-q", "is it"], ["ask", "why", "-q", "is", "it"],
                     ["-q", "ask", "why", "is", "it"], ["why", "is", "--quiet", "it"]):
            self.assertEqual(self.ok(*args).out, "why is it", args)

    def test_option_values(self):
        for args in (["-m", "echo"], ["-mecho"], ["-qm", "echo"], ["-qmecho"],
                     ["--model", "echo"], ["--model=echo"], ["-qqm", "echo"]):
            _, done = self.ask(*args, "hi")
            self.assertEqual(done["message"]["model"], "echo", args)

    def test_the_last_value_counts(self):
        self.assertEqual(self.ok("-m", "nothing-like-it", "-m", "echo", "hi").out, "hi")

    def test_double_dash(self):
        self.assertEqual(self.ok("--", "list").out, "list")
        self.assertEqual(self.ok("--", "-x", "--help").out, "-x --help")
        self.assertEqual(self.ok("-q", "say", "--", "-q").out, "say -q")
        self.assertEqual(self.ok("ask", "list").out, "list")
        self.assertEqual(self.ok("please", "list").out, "please list")
        self.assertEqual(self.ok("-").out, "-")

    def test_mistakes(self):
        for args, words in (
                (["--modle", "x"], ["--modle", "--model?"]),
                (["--mod", "x", "y"], ["--mod", "--model"]),
                (["--xyz"], ["--xyz"]),
                (["-x"], ["-x", "--"]),
                (["-qx"], ["-x"]),
                (["-5 + 3"], ["-5 + 3", "put --"]),
                (["-m"], ["-m", "MODEL"]),
                (["--model"], ["--model", "MODEL"]),
                (["hi", "-o"], ["KEY=VALUE"]),
                (["--quiet=yes", "hi"], ["--quiet", "no value"]),
                (["-o", "temperature", "hi"], ["temperature", "KEY=VALUE"]),
                (["-o", "temprature=1", "hi"], ["temprature", '"temperature"']),
                (["-o", "temperature=hot", "hi"], ["temperature", "number"]),
                (["-o", "temperature=3", "hi"], ["temperature", "0 to 2"]),
                (["list", "-m", "x"], ["list", "--model"]),
                (["models", "--tree"], ["models", "--tree"]),
                (["list", "of", "things"], ["aichat ask list of"]),
                (["list", "-l", "x"], ["-l x"]),
                (["show", "1", "2"], ["show"]),
                (["help", "nothing"], ["nothing"]),
                (["rm"], ["ID"]),
                (["rm", "x"], ["-f"]),
                (["verify", "x"], ["verify"]),
                (["chat"], ["terminal"]),
                (["-c", "--id", "x", "hi"], ["--id"]),
                (["-c", "-s", "x", "hi"], ["--system"]),
                (["-c", "-n", "hi"], ["--no-store"]),
                (["-n", "--store", "x", "hi"], ["--store"]),
                (["--store", "nonsense:x", "hi", "-o", "x"], ["KEY=VALUE"]),
                (["-m", "no-such-model-at-all", "hi"], ["no-such-model-at-all"]),
                (["-m", "echo/two\nlines\x1b[31m", "hi"], ["echo/two lines\u241b[31m"]),
                ([b"\xff\xfe"], ["UTF-8", "byte 0"]),
                ([b"ab", b"c\xff"], ["UTF-8", "byte 4"]),
        ):
            result = self.fails(2, *args)
            for word in words:
                self.assertIn(word, result.err, args)
            self.assertEqual(result.out, "", args)
            self.assertEqual(len(result.err.splitlines()), 1, args)

    def test_nothing_to_ask(self):
        for args in ([], [""], ["  "], ["ask"], ["-q"], ["ask", "\n"]):
            result = self.fails(2, *args)
            self.assertIn("nothing to ask", result.err, args)
        self.fails(2, data=b"")
        self.fails(2, data=b" \n\t\r\n")
        self.assertFalse(self.store.exists())

    def test_options_of_the_library(self):
        _, done = self.ask("-o", "max_tokens=7", "--option=seed=3", "hi")
        self.assertEqual(done["state"], "complete")
        self.provider("lenient/echo/request")
        body = self.ok("-o", "max_tokens=700", "-o", "temperature=0.5",
                       "-o", 'body.x_y={"a":[1]}', "hi").out
        self.assertIn('"temperature":0.5', body)
        self.assertIn('"x_y":{"a":[1]}', body)
        self.assertIn(":700", body)

    def test_config_file(self):
        path = self.home / "my.conf"
        path.write_text('temperature = "0.25"\n', encoding="utf-8")
        self.provider("echo/request")
        self.assertIn('"temperature":0.25', self.ok("--config", str(path), "hi").out)
        body = self.ok("--config", str(path), "-o", "temperature=1.5", "hi").out
        self.assertIn('"temperature":1.5', body)
        result = self.fails(1, "--config", str(self.home / "missing"), "hi")
        self.assertIn("missing", result.err)
        path.write_text('temperature = "0.25"\nnonsense = 1\n', encoding="utf-8")
        result = self.fails(1, "--config", str(path), "hi")
        self.assertIn("my.conf:2", result.err)


class Streams(CliTest):
    def test_closed_standard_streams(self):
        """No file of ours takes the number of a stream that is not there."""
        for closed in ("<&-", "2>&-", "<&- 2>&-"):
            done = subprocess.run(["sh", "-c", f'exec "$0" hi {closed}', AICHAT],
                                  env=self.env, cwd=self.home, timeout=20,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stdout), (0, b"hi"), closed)
        done = subprocess.run(["sh", "-c", 'exec "$0" hi >&-', AICHAT], env=self.env,
                              cwd=self.home, timeout=20, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"standard output", done.stderr)
        self.assertEqual(self.ok("verify").out, "ok\n")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
