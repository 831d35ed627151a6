"""A provider that pauses a long turn gets its own words back, and the reply goes on."""

import http.server
import json
import os
import subprocess
import tempfile
import threading
import unittest

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "cases")


def body(name):
    with open(os.path.join(CASES, name + ".body"), "rb") as file:
        return file.read()


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers with the bodies in turn, the last one again and again."""

    def do_POST(self):  # pylint: disable=invalid-name
        length = int(self.headers["Content-Length"])
        self.server.requests.append(json.loads(self.rfile.read(length)))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Pause(unittest.TestCase):
    def ask(self, answers, *options, fault=""):
        """The events of one question, and the requests that it took. self.kept is what
        the store has of it then."""
        server = http.server.HTTPServer(("127.0.0.1", 0), Provider)
        server.answers, server.requests = list(answers), []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with tempfile.TemporaryDirectory() as home:
            env = {name: value for name, value in os.environ.items()
                   if name == "PATH" or name.endswith("SAN_OPTIONS")}
            env |= {"HOME": home, "ANTHROPIC_API_KEY": "test",
                    "ANTHROPIC_BASE_URL": "http://127.0.0.1:%d" % server.server_port}
            done = subprocess.run([os.environ["AICHAT"], "--json", "-m", "anthropic/m-2",
                                   *options, "When is high tide?"],
                                  capture_output=True, timeout=60, check=False,
                                  env=env | {"AICHAT_FAULT": fault})
            shown = subprocess.run([os.environ["AICHAT"], "show", "--json"], env=env,
                                   capture_output=True, timeout=60, check=False)
            subprocess.run([os.environ["AICHAT"], "verify"], env=env, timeout=60,
                           check=True, capture_output=True)
        self.kept = [json.loads(line) for line in shown.stdout.splitlines()]
        server.shutdown()
        thread.join()
        server.server_close()
        return [json.loads(line) for line in done.stdout.splitlines()], server.requests

    def test_goes_on(self):
        events, requests = self.ask([body("M-pause"), body("M-basic")])
        self.assertEqual(events[-1]["type"], "done")
        self.assertEqual(events[-1]["state"], "complete")
        first, last = events[-1]["messages"]
        self.assertEqual(first["stop_reason"], "pause")
        self.assertEqual(last["parent_id"], first["id"])
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))

        self.assertEqual(len(requests), 2)
        self.assertEqual(requests[1]["messages"][0], requests[0]["messages"][0])
        said = requests[1]["messages"][1]
        self.assertEqual(said["role"], "assistant")
        self.assertEqual([block["type"] for block in said["content"]],
                         ["text", "server_tool_use", "web_search_tool_result"])
        self.assertEqual(said["content"][1]["input"], {"query": "tides today"})
        self.assertEqual(said["content"][2]["content"][0]["encrypted_content"], "ZW5j")

    def test_not_for_ever(self):
        events, requests = self.ask([body("M-pause")], "-o", "max_tool_rounds=2")
        self.assertEqual(len(requests), 3)
        self.assertEqual(events[-1]["type"], "error")
        self.assertEqual(events[-1]["error"]["code"], "LIMIT")
        self.assertIn("max_tool_rounds", events[-1]["error"]["message"])

    @unittest.skipUnless(os.environ.get("AICHAT_TEST_HOOKS") == "1", "not a test build")
    def test_not_stored(self):
        """Where a commit fails, what had come is kept, and told as what it is."""
        interrupted = 0
        for n in range(1, 9):
            with self.subTest(n=n):
                events, requests = self.ask([body("M-pause"), body("M-basic")],
                                            fault=f"store.before_commit:fail@{n}")
                last = events[-1]
                if not requests or last["type"] == "done":
                    continue
                interrupted += 1
                self.assertEqual(last["message"]["state"], "interrupted")
                shown = [event["text"] for event in events if event["type"] == "text"
                         and event["message_id"] == last["message"]["id"]]
                kept = [part["text"] for part in last["message"].get("parts", ())
                        if part["type"] == "text"]
                # It may have been too early for any; what was shown is there.
                self.assertTrue("".join(kept).startswith("".join(shown)), last)
                self.assertEqual(last["message"], self.kept[-1])
        # How many there are depends on how much one commit takes.
        self.assertGreater(interrupted, 0)


if __name__ == "__main__":
    unittest.main()
