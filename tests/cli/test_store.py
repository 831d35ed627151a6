"""What is kept: listing, showing, deleting, and stores that are not as they should be."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import unittest

from base import KEY, CliTest, read_some, text_of


class Listing(CliTest):
    def test_nothing_yet(self):
        self.assertEqual(self.ok("list").out, "")
        self.assertEqual(self.ok("list", "--json").out, "")
        self.assertIn("no conversation", self.fails(1, "show").err)
        self.assertIn("no conversation", self.fails(1, "retry").err)

    def test_newest_first(self):
        ids = [self.ask(f"question {i}")[0]["conversation_id"] for i in range(5)]
        lines = self.ok("list", "--json").lines()
        self.assertEqual([line["id"] for line in lines], ids[::-1])
        self.assertEqual(lines[0]["title"], "question 4")
        self.assertRegex(lines[0]["updated_at"],
                         r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.ok("--id", ids[0], "again")
        self.assertEqual(self.ok("list", "--json").lines()[0]["id"], ids[0])
        text = self.ok("list").out.splitlines()
        self.assertEqual(len(text), 5)
        for line, conversation in zip(text, [ids[0]] + ids[:0:-1]):
            found = re.fullmatch(r"([0-9a-f-]{8,36}) +\d+ s  question \d", line)
            self.assertTrue(found, line)
            self.assertTrue(conversation.startswith(found.group(1)))

    def test_limit_and_pages(self):
        for i in range(3):
            self.ok(str(i))
        self.assertEqual(len(self.ok("list", "-l", "2").out.splitlines()), 2)
        self.assertEqual(len(self.ok("list", "--limit=0").out.splitlines()), 3)

    def test_more_than_a_page(self):
        self.ok("begin")
        script = 'for i in $(seq 109); do "$0" -q $i >/dev/null || exit 1; done'
        subprocess.run(["sh", "-c", script, os.environ["AICHAT"]], env=self.env,
                       cwd=self.home, timeout=50, check=True, stdin=subprocess.DEVNULL)
        titles = [line["title"] for line in self.ok("list", "-l", "0", "--json").lines()]
        self.assertEqual(titles, [str(i) for i in range(109, 0, -1)] + ["begin"])
        self.assertEqual(len(self.ok("list", "-l", "105", "--json").lines()), 105)
        self.assertEqual(len(self.ok("list", "--json").lines()), 20)

    def test_titles_are_one_line(self):
        self.ok("two\nlines\x1b[31m and a long " + "tail " * 100)
        out = self.ok("list").out
        self.assertEqual(out.count("\n"), 1)
        self.assertNotIn("\x1b", out)


class Showing(CliTest):
    def test_text(self):
        start, _ = self.ask("-s", "be brief", "one\ntwo")
        out = self.ok("show").out
        self.assertEqual(out, "system:\nbe brief\n\nuser:\none\ntwo\n\n"
                              "assistant (echo/echo):\none\ntwo\n\n")
        self.assertEqual(self.ok("show", start["conversation_id"]).out, out)

    def test_parts(self):
        self.provider("gen/n/2/thinking/1")
        self.ok("go")
        out = self.ok("show").out
        self.assertIn("[reasoning] th0", out)
        self.assertIn("tok0 tok1", out)

    def test_json_is_canonical(self):
        _, done = self.ask("hi")
        messages = self.messages()
        self.assertEqual([m["role"] for m in messages], ["user", "assistant"])
        self.assertEqual(messages[1], done["message"])
        self.assertEqual(messages[1]["parent_id"], messages[0]["id"])

    def test_tree(self):
        self.ok("root")
        self.ok("retry")
        self.ok("retry")
        self.ok("-c", "after the last")
        lines = self.ok("show", "--tree").out.splitlines()
        self.assertEqual(len(lines), 6)
        self.assertEqual(sum(line[37] == "*" for line in lines), 1)
        self.assertIn("  assistant", lines[1])  # a branch is indented
        self.assertEqual(len(self.ok("show", "--tree", "--json").lines()), 6)

    def test_verify(self):
        self.ok("hi")
        self.assertEqual(self.ok("verify").out, "ok\n")


class Deleting(CliTest):
    def test_delete(self):
        start, done = self.ask("doomed")
        self.ask("survivor")
        conversation = start["conversation_id"]
        result = self.fails(1, "rm", "-f", done["message"]["id"])
        self.assertIn("nothing is deleted", result.err)
        self.ok("rm", "-f", conversation)
        self.fails(1, "show", conversation)
        self.fails(1, "rm", "-f", conversation)
        self.assertEqual([line["title"] for line in self.ok("list", "--json").lines()],
                         ["survivor"])
        self.assertEqual(self.ok("verify").out, "ok\n")

    def test_several(self):
        ids = [self.ask(str(i))[0]["conversation_id"] for i in range(3)]
        self.ok("rm", "--force", ids[0], ids[2])
        self.assertEqual([line["id"] for line in self.ok("list", "--json").lines()], ids[1:2])

    def test_asks_on_a_terminal(self):
        start, _ = self.ask("doomed")
        for answer, status, left in (("n\n", 1, 1), ("\n", 1, 1), ("y\n", 0, 0)):
            terminal = self.terminal("rm", start["conversation_id"])
            terminal.expect("[y/N] ")
            terminal.send(answer)
            self.assertEqual(terminal.finish(), status, terminal.data)
            self.assertEqual(len(self.ok("list", "--json").lines()), left)


class Catalog(CliTest):
    def test_models(self):
        self.provider()
        rows = {row["name"]: row for row in self.ok("models", "--json").lines()}
        self.assertTrue(rows["openai/gpt-4o"]["ready"])
        anthropic = [row for name, row in rows.items() if name.startswith("anthropic/")]
        self.assertTrue(anthropic)
        self.assertFalse(any(row["ready"] for row in anthropic))
        for row in rows.values():
            self.assertIsInstance(row.get("abilities", []), list)
        self.assertTrue(any(row.get("context_tokens", 0) > 100000 for row in rows.values()))
        self.assertTrue(any(row.get("input_nano_usd", 0) > 0 for row in rows.values()))
        self.assertFalse(self.store.exists())

    def test_filter(self):
        out = self.ok("models", "ANTHROPIC", "sonnet").out
        lines = out.splitlines()
        self.assertTrue(lines[0].startswith("MODEL"))
        self.assertTrue(all("sonnet" in line and "no key" in line for line in lines[1:]))
        self.assertGreater(len(lines), 1)
        self.fails(1, "models", "no-such-thing")


class Configuration(CliTest):
    def test_origins(self):
        self.provider()
        folder = self.home / ".config/aichat"
        folder.mkdir(parents=True)
        (folder / "aichat.conf").write_text(
            'temperature = "0.25"\nproxy = "http://me:pass-canary@x.test:3128"\nprovider mine {\n  base_url = "https://x.test/v1"\n'
            '  dialect = "openai-chat"\n  api_key = "sk-canary-file"\n'
            '  headers = {"X-Secret: header-canary"}\n}\n', encoding="utf-8")
        (folder / "aichat.conf").chmod(0o600)
        out = self.ok("config", "-o", "seed=7").out
        self.assertRegex(out, r"temperature = 0\.25 +\(.*aichat\.conf:1\)")
        self.assertRegex(out, r"seed = 7 +\(set\)")
        self.assertRegex(out, r"model = openai/gpt-4o +\(environment AICHAT_MODEL\)")
        self.assertRegex(out, r"connect_timeout_ms = 10000 +\(default\)")
        self.assertRegex(out, r"provider\.mine\.api_key = set")
        self.assertRegex(out, r"provider\.mine\.headers = set")
        self.assertIn("http://***@x.test:3128", out)
        self.assertIn(str(folder / "aichat.conf"), out)
        self.assertIn(str(self.store), out)
        self.assertNotIn("canary", out)
        rows = self.ok("config", "--json").lines()
        self.assertTrue(rows[0]["exists"])
        options = {row["name"]: row for row in rows[1:]}
        self.assertTrue(options["provider.openai.api_key"]["set"])
        self.assertNotIn("value", options["provider.openai.api_key"])
        self.assertNotIn("canary", json.dumps(rows))
        self.assertFalse(self.store.exists())

    def test_file_that_is_not_there(self):
        self.assertIn("(not there)", self.ok("config").out)
        # Without HOME, the user's folder by the password file: it has one here.
        del self.env["HOME"]
        self.assertNotIn("file: none", self.ok("config").out)


class Crashes(CliTest):
    def test_killed_while_streaming(self):
        """All that was printed is there, and marked."""
        self.provider("gen/n/1000/rate/100")
        process = self.start("go")
        out = read_some(process.stdout, b"tok20 ")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        out += process.stdout.read()
        last = self.messages()[-1]
        self.assertEqual(last["state"], "interrupted")
        self.assertTrue(text_of(last).encode().startswith(out))
        self.assertIn("[interrupted]", self.ok("show").out)
        self.assertEqual(self.ok("verify").out, "ok\n")
        # And the conversation goes on.
        self.provider("gen/n/2")
        self.assertEqual(self.ok("-c", "more").out, "tok0 tok1 ")
        self.assertEqual(self.ok("verify").out, "ok\n")

    def test_running_elsewhere(self):
        self.provider("gen/n/150/rate/30")
        process = self.start("go")
        read_some(process.stdout, b"tok5 ")
        last = self.messages()[-1]
        self.assertEqual(last["state"], "open")
        shown = self.ok("show").out
        self.assertIn("[being written]", shown)
        self.assertIn("tok0 tok1 tok2 tok3 tok4 ", shown)
        result = self.finish(process)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(self.messages()[-1]["state"], "sealed")

    def test_killed_again_and_again(self):
        self.provider("gen/n/1000/rate/200")
        for i in range(5):
            process = self.start("go", str(i))
            out = read_some(process.stdout, f"tok{7 * i} ".encode())
            process.kill()
            process.wait()
            out += process.stdout.read()
            self.assertTrue(text_of(self.messages()[-1]).encode().startswith(out))
        self.assertEqual(self.ok("verify").out, "ok\n")
        self.assertEqual(len(self.ok("list", "--json").lines()), 5)


class BadStores(CliTest):
    def test_damaged(self):
        self.ok("hi")
        self.store.write_bytes(b"this is no database" * 1000)
        for suffix in ("-wal", "-shm"):
            path = self.store.with_name(self.store.name + suffix)
            if path.exists():
                path.unlink()
        before = self.store.read_bytes()
        for args in (["hi"], ["list"], ["show"], ["verify"]):
            result = self.fails(1, *args)
            self.assertIn(str(self.store), result.err)
            self.assertEqual(result.out, "")
        self.assertEqual(self.store.read_bytes(), before)

    def test_newer(self):
        self.ok("hi")
        with sqlite3.connect(self.store) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            self.assertGreater(version, 0)
            db.execute(f"PRAGMA user_version = {version + 1}")
        db.close()
        result = self.fails(1, "hi")
        self.assertIn("newer", result.err)
        self.fails(1, "list")

    def test_place_that_cannot_be(self):
        file = self.home / "file"
        file.write_text("x", encoding="utf-8")
        result = self.fails(1, "--store", str(file / "x.db"), "hi")
        self.assertIn("file", result.err)
        self.assertEqual(result.out, "")

    @unittest.skipUnless(os.path.isdir("/proc/self"), "needs Linux")
    def test_read_only_place(self):
        """Nothing can be made there, whoever we are."""
        result = self.fails(1, "--store", "/proc/aichat.db", "hi")
        self.assertIn("/proc/aichat.db", result.err)

    def test_read_only_file(self):
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("root may write everywhere, and there is no setpriv")
            prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        else:
            prefix = []
        self.ok("hi")
        os.chmod(self.home, 0o755)
        for path in self.store.parents:
            if path == self.home:
                break
            os.chmod(path, 0o555)
        for path in self.store.parent.iterdir():
            os.chmod(path, 0o444)
        self.addCleanup(os.chmod, self.store.parent, 0o755)
        done = subprocess.run(prefix + [os.environ["AICHAT"], "hi"], env=self.env,
                              cwd="/", capture_output=True, timeout=30,
                              stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout), (1, b""), done)
        self.assertIn(str(self.store).encode(), done.stderr)

    def test_locked(self):
        """Another process that holds the write lock for too long."""
        self.ok("hi")
        lock = self.store.with_name(self.store.name + "-lock")
        self.assertTrue(lock.exists(), list(self.store.parent.iterdir()))
        script = ("import fcntl, sys\n"
                  "file = open(sys.argv[1], 'r+b')\n"
                  "fcntl.lockf(file, fcntl.LOCK_EX)\n"
                  "print('locked', flush=True)\n"
                  "sys.stdin.read()\n")
        holder = subprocess.Popen([sys.executable, "-c", script, str(lock)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, holder)
        read_some(holder.stdout, b"locked")
        result = self.fails(1, "-o", "store_busy_timeout_ms=200", "hello")
        self.assertEqual(result.out, "")
        self.assertIn("another process", result.err)
        self.assertEqual(len(result.err.splitlines()), 1, result)
        self.end(holder)
        self.assertEqual(self.ok("hello").out, "hello")
        self.assertEqual(self.ok("verify").out, "ok\n")

    def test_full(self):
        """No room for the question: nothing is sent."""
        self.provider("gen/n/5")
        begin = self.llm.stats()["requests"]
        result = self.fails(1, "hi", preexec_fn=limit_files)
        self.assertEqual(result.out, "")
        self.assertEqual(len(result.err.splitlines()), 1, result)
        self.assertEqual(self.llm.stats()["requests"], begin)
        self.assertEqual(self.ok("hi").out.split()[0], "tok0")
        self.assertEqual(self.ok("verify").out, "ok\n")

    def test_full_in_the_middle(self):
        """What was printed before is kept, and the store stays whole."""
        self.ok("hi")
        self.provider("gen/n/4000/bytes/200/rate/8000")
        size = max(path.stat().st_size for path in self.store.parent.iterdir())
        result = self.run_aichat("go", preexec_fn=lambda: limit_files(size + 300000))
        self.assertEqual(result.status, 1, result)
        self.assertIn("aichat: ", result.err)
        self.assertEqual(self.ok("verify").out, "ok\n")
        self.assertTrue(text_of(self.messages()[-1]).startswith(result.out[:1000]))


def limit_files(size=20000):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
