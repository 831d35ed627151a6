"""A proxy that refuses is not the provider: the line says so, and what to do."""

import socket
import threading
import unittest

from base import CliTest


class Proxy:
    """Answers every request alike, whoever it is for."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                head = b""
                while b"\r\n\r\n" not in head:
                    data = connection.recv(65536)
                    if not data:
                        break
                    head += data
                self.requests.append(head.split(b"\r\n")[0].decode())
                connection.sendall(self.answer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(timeout=30)


def answer(status, *fields):
    lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


WANTS_A_USER = answer("407 Proxy Authentication Required",
                      'Proxy-Authenticate: Basic realm="proxy"')


class ProxyTest(CliTest):
    def refused(self, scheme, reply, *args):
        """What is said, and what the proxy was asked."""
        proxy = Proxy(reply)
        self.addCleanup(proxy.close)
        self.provider()
        self.env["OPENAI_BASE_URL"] = scheme + "://provider.example/v1"
        self.env["HTTPS_PROXY"] = proxy.url
        result = self.fails(3, *args, "Hello?")
        *tries, last, kept = result.err.splitlines()
        self.assertEqual(len(tries), len(proxy.requests) - 1, result)
        self.assertIn("aichat retry", kept)
        return last, proxy.requests

    def test_wants_a_user(self):
        line, requests = self.refused("https", WANTS_A_USER)
        self.assertIn(": 407: ", line)
        self.assertTrue(line.endswith("http://USER:PASSWORD@HOST:PORT"), line)
        self.assertEqual(requests, ["CONNECT provider.example:443 HTTP/1.1"])

    def test_wants_a_user_without_tls(self):
        line, requests = self.refused("http", WANTS_A_USER)
        self.assertIn(": 407: ", line)
        self.assertEqual(
            requests, ["POST http://provider.example/v1/chat/completions HTTP/1.1"])

    def test_does_not_let_us_out(self):
        line, requests = self.refused("https", answer("403 Forbidden"))
        self.assertIn(": the proxy refuses; check the option proxy", line)
        self.assertEqual(len(requests), 1)

    def test_does_not_reach_it(self):
        """That may pass: it is tried again."""
        line, requests = self.refused("https", answer("502 Bad Gateway"),
                                      "-o", "max_retries=1")
        self.assertIn(": the proxy refuses; check the option proxy", line)
        self.assertEqual(len(requests), 2)


if __name__ == "__main__":
    unittest.main()
