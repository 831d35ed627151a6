"""A provider that pauses a long turn gets its own words back, and the reply goes on."""

import http.server
import json
import os
import subprocess
import tempfile
import threading
import unittest

from fakellm import tool

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "cases")


def body(name):
    with open(os.path.join(CASES, name + ".body"), "rb") as file:
        return file.read()


# What the client tells of an event of the provider; of others it tells nothing.
TOLD = {"message_start": "usage", "content_block_start": "part_start", "text_delta": "text",
        "content_block_stop": "part_end", "message_delta": "usage"}


def frames(answer):
    """The events of a body: their bytes, what the client tells of them, their text."""
    for frame in answer.split(b"\n\n"):
        if frame.strip():
            data = json.loads(frame.split(b"data: ", 1)[1])
            delta = data.get("delta", {})
            kind = delta.get("type", data["type"])
            yield frame.lstrip() + b"\n\n", TOLD.get(kind), delta.get("text", "")


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers with the bodies in turn, the last one again and again. Each event goes out
    when the client has told of the one before, so that each is committed by itself."""

    def do_POST(self):  # pylint: disable=invalid-name
        length = int(self.headers["Content-Length"])
        self.server.requests.append(json.loads(self.rfile.read(length)))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        try:
            for frame, told, _ in frames(answer):
                self.wfile.write(frame)
                if told and not self.server.wait_for(told):
                    return
        except OSError:
            pass  # the client has hung up, having failed

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Server(http.server.HTTPServer):
    """A provider, and what the client tells meanwhile."""

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Provider)
        self.answers, self.requests = list(answers), []
        self.events, self.waited = [], 0
        self.ended = False
        self.changed = threading.Condition()

    def listen_to(self, client):
        """All events of the client, to its end."""
        for line in client.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify()
        with self.changed:
            self.ended = True
            self.changed.notify()

    def wait_for(self, told):
        """Until the client tells this, once more; false: it has ended without."""
        def find():
            for i in range(self.waited, len(self.events)):
                if self.events[i]["type"] == told:
                    self.waited = i + 1
                    return True
            return False
        with self.changed:
            self.changed.wait_for(lambda: find() or self.ended, 60)
            return not self.ended


class Pause(unittest.TestCase):
    def ask(self, answers, *options, fault=""):
        """The events of one question, and the requests that it took. self.kept is what
        the store has of it then."""
        server = Server(answers)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        with tempfile.TemporaryDirectory() as home:
            env = {name: value for name, value in os.environ.items()
                   if name == "PATH" or name.endswith("SAN_OPTIONS")}
            env |= {"HOME": home, "ANTHROPIC_API_KEY": "test",
                    "ANTHROPIC_BASE_URL": "http://127.0.0.1:%d" % server.server_port}
            command = [*tool(), os.environ["AICHAT"], "--json", "-m", "anthropic/m-2",
                       *options, "When is high tide?"]
            with subprocess.Popen(command, env=env | {"AICHAT_FAULT": fault},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as client:
                server.listen_to(client)
            shown = subprocess.run([os.environ["AICHAT"], "show", "--json"], env=env,
                                   capture_output=True, timeout=60, check=False)
            subprocess.run([os.environ["AICHAT"], "verify"], env=env, timeout=60,
                           check=True, capture_output=True)
        self.kept = [json.loads(line) for line in shown.stdout.splitlines()]
        server.shutdown()
        thread.join()
        server.server_close()
        return server.events, server.requests

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
        answers = [body("M-pause"), body("M-basic")]
        # What each commit after the first brings: a piece of an answer, or its end.
        commits = []
        for i, answer in enumerate(answers):
            commits += [(i, told, text) for _, told, text in frames(answer) if told]
            commits.append((i, "message", ""))
        events, requests = self.ask(answers, fault="store.before_commit:fail@1")
        self.assertEqual([event["type"] for event in events], ["error"])
        self.assertEqual((requests, self.kept), ([], []))
        for n, (answer, told, _) in enumerate(commits, 1):
            with self.subTest(n=n, told=told):
                events, requests = self.ask(answers,
                                            fault=f"store.before_commit:fail@{n + 1}")
                self.assertEqual(len(requests), answer + 1)
                text = "".join(text for i, _, text in commits[:n] if i == answer)
                self.check_interrupted(events, answer, text)
                # The end of the message is told only if it is stored.
                self.assertEqual([event["type"] for event in events].count("message"),
                                 answer + (told != "message"))
        events, _ = self.ask(answers, fault=f"store.before_commit:fail@{n + 2}")
        self.assertEqual(events[-1]["state"], "complete")

    def check_interrupted(self, events, answer, text):
        """The reply ended in this answer, with this text, which was shown and is kept."""
        last = events[-1]
        self.assertEqual((last["type"], last["error"]["code"]), ("error", "STORAGE"))
        self.assertEqual(last["state"], "interrupted")
        self.assertEqual([event["seq"] for event in events],
                         list(range(1, len(events) + 1)))
        message = last["message"]
        self.assertEqual(message["state"], "interrupted")
        self.assertEqual(message, self.kept[-1])
        self.assertEqual([kept["state"] for kept in self.kept],
                         ["sealed"] * (answer + 1) + ["interrupted"])
        self.assertEqual(last.get("messages", [message]), self.kept[1:])
        shown = [event["text"] for event in events if event["type"] == "text"
                 and event["message_id"] == message["id"]]
        self.assertEqual("".join(shown), text)
        kept = message["parts"]
        self.assertEqual([part["text"] for part in kept if part["type"] == "text"],
                         [text] if text else [])
        # Every other part is there as it was told.
        whole = [event["value"] for event in events if event["type"] == "part_end"
                 and event["message_id"] == message["id"] and "value" in event]
        self.assertEqual([part for part in kept if part["type"] != "text"], whole)

    @unittest.skipUnless(os.environ.get("AICHAT_TEST_HOOKS") == "1", "not a test build")
    def test_on_the_ballast(self):
        """Whichever commit meets a full disk: what runs is written as if it had not."""
        def plain(events):
            """Without what differs from one time to the next."""
            return [{"type": e["type"], "seq": e["seq"], "text": e.get("text"),
                     "state": e.get("state"), "index": e.get("index"),
                     "parts": [[m["state"], m["parts"]] for m in
                               [e.get("message"), *e.get("messages", [])] if m]}
                    for e in events]
        answers = [body("M-pause"), body("M-basic")]
        ballast = ("-o", "store_ballast_bytes=65536")
        def said(requests):
            return [[m["content"] for m in request["messages"]] for request in requests]
        wanted, asked = self.ask(answers, *ballast)
        events, requests = self.ask(answers, *ballast, fault="store.full:fail@1")
        self.assertEqual([event["type"] for event in events], ["error"])
        self.assertEqual(events[-1]["error"]["code"], "STORAGE_FULL")
        self.assertEqual((requests, self.kept), ([], []))
        commits = sum(1 for answer in answers for _, told, _ in frames(answer) if told) + 2
        for n in range(2, commits + 2):
            with self.subTest(n=n):
                events, requests = self.ask(answers, *ballast, fault=f"store.full:fail@{n}")
                self.assertEqual(plain(events), plain(wanted))
                self.assertEqual(said(requests), said(asked))
                self.assertEqual([m["state"] for m in self.kept], ["sealed"] * 3)
                self.assertEqual(self.kept[1:], events[-1]["messages"])
        # Without a ballast it is an error.
        events, _ = self.ask(answers, fault="store.full:fail@3")
        self.assertEqual((events[-1]["error"]["code"], events[-1]["state"]),
                         ("STORAGE_FULL", "interrupted"))

    @unittest.skipUnless(os.environ.get("AICHAT_TEST_HOOKS") == "1", "not a test build")
    def test_not_sealed(self):
        """An end that fails before it is written names all messages of the reply, too."""
        events, _ = self.ask([body("M-pause"), body("M-basic")], fault="turn.seal:fail@2")
        self.check_interrupted(events, 1, "The tide is out.")


if __name__ == "__main__":
    unittest.main()
