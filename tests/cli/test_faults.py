"""Providers that fail: the exit status, one clear line, nothing lost, no key shown."""

import socket
import sys
import unittest

from base import KEY, CliTest, text_of


class Faults(CliTest):
    def fault(self, path, status=3, *args):
        self.provider(path)
        result = self.fails(status, *args, "the question",
                            "-o", "max_retries=0", "-o", "event_timeout_ms=400",
                            "-o", "first_event_timeout_ms=400")
        self.assertNotIn(KEY, result.err + result.out)
        self.assertLessEqual(len(result.err.splitlines()), 2, result)
        return result

    def assert_kept(self, result, state):
        self.assertIn("kept", result.err)
        name = result.err.split("aichat retry ")[1].split()[0]
        messages = self.messages(name)
        self.assertEqual(text_of(messages[0]), "the question")
        self.assertEqual(messages[-1]["state"], state, result)
        self.assertEqual(text_of(messages[-1]), result.out)
        self.provider("gen/n/2")
        self.assertEqual(self.ok("retry", name).out, "tok0 tok1 ")

    def test_refusals(self):
        for path, words in (("status/401", ["401"]), ("status/429", []), ("status/500", []),
                            ("status/529", []), ("quota", []), ("html", []),
                            ("status/400", ["400"])):
            result = self.fault(path + "/gen/n/5")
            self.assertEqual(result.out, "", path)
            for word in words:
                self.assertIn(word, result.err, path)
            self.assert_kept(result, "failed")

    def test_cut_off(self):
        for path in ("cut/900/gen/n/100", "reset/900/gen/n/100", "stall/900/gen/n/100",
                     "error-after/3/gen/n/100"):
            result = self.fault(path)
            self.assertIn("tok0 ", result.out, path)
            self.assertIn("what came", result.err, path)
            state = self.messages()[-1]["state"]
            self.assertIn(state, ("interrupted", "failed"), path)
            self.assert_kept(result, state)

    def test_bad_bytes(self):
        result = self.fault("bad-utf8/gen/n/3")
        self.assertNotIn("\ufffd", result.out)

    def test_silence(self):
        self.fault("stall/0/gen/n/3")
        self.fault("ping-only/gen/n/3")
        self.fault("drop/gen/n/3")

    def test_not_stored(self):
        result = self.fault("status/500/gen/n/5", 3, "-n")
        self.assertNotIn("kept", result.err)
        self.assertFalse(self.store.exists())

    def test_quiet_still_tells(self):
        self.assertIn("aichat: ", self.fault("status/500/gen/n/5", 3, "-q").err)

    def test_wrong_key(self):
        self.provider("gen/n/5")
        for key in ("wrong-key", "wrong-key-canary-xyz"):
            result = self.run_aichat("-vv", "hi", env={"OPENAI_API_KEY": "wrong-key"})
            self.assertEqual(result.status, 3, result)
            self.assertNotIn("wrong-key", result.err + result.out)
        result = self.run_aichat("--json", "hi", env={"OPENAI_API_KEY": "wrong-key"})
        self.assertNotIn("wrong-key", result.err + result.out)
        self.assertNotIn("wrong-key", self.ok("show", "--json").out)
        self.assertNotIn("wrong-key", self.ok("config", env={"OPENAI_API_KEY": "wrong-key"}).out)
        self.assertEqual([path for path in self.store.parent.iterdir()
                          if b"wrong-key" in path.read_bytes()], [])

    def test_no_key(self):
        self.env["AICHAT_MODEL"] = "openai/gpt-4o"
        result = self.fails(1, "hi")
        self.assertIn("OPENAI_API_KEY", result.err)

    def test_unknown_model(self):
        result = self.fails(2, "-m", "no-such-model-anywhere", "hi")
        self.assertIn("no-such-model-anywhere", result.err)
        self.env["AICHAT_MODEL"] = "no-such-model-anywhere"
        result = self.fails(1, "hi")
        self.assertIn("no-such-model-anywhere", result.err)
        self.provider("gen/n/5", model="openai/no-such-model")
        result = self.fails(3, "hi")
        self.assertIn("no-such-model", result.err)

    def test_nobody_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.provider("gen/n/5")
            self.env["OPENAI_BASE_URL"] = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
            result = self.fails(3, "-o", "max_retries=0", "hi")
        self.assertIn("127.0.0.1", result.err)
        self.assertIn("kept", result.err)
        self.assertEqual(text_of(self.messages()[0]), "hi")

    def test_retry_is_told(self):
        self.provider("fail-first/1/retry-after-ms/50/gen/n/2")
        result = self.ok("hi")
        self.assertIn("trying again in", result.err)
        self.assertEqual(result.out, "tok0 tok1 ")
        self.llm.reset()
        self.assertEqual(self.ok("-q", "hi").err, "")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
