"""The server itself: connections, figures, log, how it ends."""

import json
import os
import subprocess
import unittest

from provider import BEARER, CHAT, Base, Client, Fakellm, chat


class Server(Base):
    def test_keep_alive_and_pipelining(self):
        client = Client(self.llm.port)
        self.addCleanup(client.close)
        for i in range(3):
            client.send("POST", "/echo" + CHAT, chat(f"turn {i}", stream=True), BEARER)
        for i in range(3):
            self.assertEqual(client.receive().text(), f"turn {i}")

    def test_expect_continue(self):
        client = Client(self.llm.port)
        self.addCleanup(client.close)
        body = json.dumps(chat("big", stream=True)).encode()
        head = f"POST /echo{CHAT} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer k\r\n" \
               f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sock.sendall(head.encode())
        self.assertEqual(client.sock.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sock.sendall(body)
        self.assertEqual(client.receive().text(), "big")

    def test_malformed(self):
        for text in (b"nonsense\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n bad\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            client = Client(self.llm.port)
            self.addCleanup(client.close)
            client.sock.sendall(text)
            self.assertEqual(client.receive().status, 400, text)

    def test_client_that_leaves_is_counted(self):
        self.llm.reset()
        path = "/gen/n/1000/rate/50" + CHAT
        client = Client(self.llm.port)
        client.send("POST", path, chat(stream=True), BEARER)
        client.sock.recv(4096)
        self.assertEqual(self.llm.stats()["active"], 1)
        client.close()
        self.llm.wait_for(lambda llm: llm.stats()["aborted"] == 1)
        stats = self.llm.stats()
        self.assertEqual((stats["active"], stats["paths"][path]["aborted"]), (0, 1))
        entry = self.llm.log()[-1]
        self.assertEqual((entry["path"], entry["end"]), (path, "client-closed"))
        self.assertGreater(entry["sent"], 0)

    def test_stalled_client_that_leaves_is_counted(self):
        self.llm.reset()
        self.stream("/stall/5/gen" + CHAT, timeout=0.1)
        self.doCleanups()
        self.llm.wait_for(lambda llm: llm.stats()["aborted"] == 1)
        self.assertEqual(self.llm.log()[-1]["sent"], 5)

    def test_stats(self):
        self.llm.reset()
        client = Client(self.llm.port)
        self.addCleanup(client.close)
        for _ in range(2):
            client.send("POST", "/gen/n/1" + CHAT, chat(), BEARER)
            client.receive()
        self.ask("/status/500/gen" + CHAT, chat())
        stats = self.llm.stats()
        self.assertEqual(stats["requests"], 3)
        self.assertEqual(stats["paths"]["/gen/n/1" + CHAT]["statuses"], {"200": 2})
        # One for the two, one for the third, one for the figures; the reset's own came before.
        self.assertEqual(stats["connections"], 3)
        self.llm.reset()
        self.assertEqual(self.llm.stats()["requests"], 0)

    def test_many_streams(self):
        count = 800
        clients = [Client(self.llm.port, 20) for _ in range(count)]
        try:
            for client in clients:
                client.send("POST", "/gen/n/10/rate/20" + CHAT, chat(stream=True), BEARER)
            want = "".join(f"tok{i} " for i in range(10))
            for client in clients:
                self.assertEqual(client.receive().text(), want)
        finally:
            for client in clients:
                client.close()
        self.assertGreater(self.llm.stats()["peak_active"], count // 2)


class Program(unittest.TestCase):
    def run_it(self, *args, **how):
        return subprocess.run([os.environ["FAKELLM"], *args], capture_output=True, timeout=10,
                              check=False, **how)

    def test_help_and_wrong_use(self):
        self.assertIn(b"--recordings", self.run_it("--help").stdout)
        for args in (["--port", "x"], ["--nonsense"], ["extra"]):
            r = self.run_it(*args)
            self.assertEqual(r.returncode, 64)
            self.assertTrue(r.stderr)

    def test_ends_with_its_input(self):
        r = self.run_it("--until-eof", input=b"")
        self.assertEqual(r.returncode, 0)
        self.assertRegex(r.stdout, rb"^listening http://127\.0\.0\.1:\d+\n$")

    def test_ends_by_itself(self):
        self.assertEqual(self.run_it("--max-seconds", "0").returncode, 0)

    def test_ends_by_signal_and_logs_what_was_open(self):
        llm = Fakellm(max_seconds=30)
        client = Client(llm.port)
        client.send("POST", "/stall/3/gen" + CHAT, chat(), BEARER)
        client.sock.recv(4096)
        log = os.open(llm.log_path, os.O_RDONLY)
        self.assertEqual(llm.stop(), 0)
        client.close()
        with os.fdopen(log) as file:
            self.assertEqual(json.loads(file.readline())["end"], "open")
