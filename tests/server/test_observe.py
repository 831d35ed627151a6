"""What an operator sees: log lines, metrics, health; and what must never be seen there."""

import os
import re
import stat
import unittest

from base import PROVIDER_KEY, ServerTest, wait_until

SECRETS = ["canary-bearer-4f1c", "canary-apikey-77aa", "canary-cookie-91bd",
           "canary-query-0c2e", "canary-path-55e0", "canary-body-a8d3",
           "canary-header-3b6f", "canary-password-12cc"]


class Observe(ServerTest):
    def line_of(self, request_id):
        return wait_until(lambda: next((line for line in self.daemon.log_lines()
                                        if line.get("request_id") == request_id), None),
                          "the log line")

    def test_one_line_for_each_request(self):
        answer = self.daemon.request("GET", "/healthz", headers={"x-request-id": "mine-1"})
        self.assertEqual(answer.headers["x-request-id"], "mine-1")
        line = self.line_of("mine-1")
        self.assertEqual((line["route"], line["method"], line["status"], line["peer"]),
                         ("health.live", "GET", 200, "127.0.0.1"))
        self.assertGreater(line["duration_ms"], 0)
        self.assertGreater(line["bytes_out"], 0)
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(len([one for one in self.daemon.log_lines()
                              if one.get("request_id") == "mine-1"]), 1)

    def test_request_ids_that_are_none_are_replaced(self):
        for given in ("a b", "a\"b", "x" * 65, "ä", "", "a\tb"):
            with self.subTest(given=given):
                answer = self.daemon.request("GET", "/healthz",
                                             headers={"x-request-id": given.encode()})
                if answer.status == 200:
                    self.assertRegex(answer.headers["x-request-id"], r"^req_[0-9a-v]{24}$")

    def test_errors_say_whose_they_are(self):
        answer = self.daemon.request("GET", "/nowhere")
        line = self.line_of(answer.headers["x-request-id"])
        self.assertEqual((line["error_type"], line["error_code"]),
                         ("caller_not_found", "NOT_FOUND"))
        self.assertNotIn("route", line)
        self.assertNotIn("path", line)

    def test_metrics(self):
        self.daemon.request("GET", "/nowhere")
        text = self.daemon.request("GET", "/metrics").body.decode()
        for name in ("http_server_request_duration_seconds", "gen_ai_client_token_usage",
                     "gen_ai_server_request_duration_seconds",
                     "gen_ai_server_time_to_first_token_seconds",
                     "gen_ai_server_time_per_output_token_seconds", "aichatd_streams",
                     "aichatd_connections", "aichatd_workers_busy"):
            self.assertIn(f"\n# TYPE {name} ", text)
        found = re.search(r'aichatd_errors_total\{error_type="caller_not_found"\} (\d+)', text)
        self.assertGreaterEqual(int(found.group(1)), 1)
        for line in text.splitlines():
            self.assertRegex(line, r'^(#.*|[a-z_]+(\{([a-z_]+="[^"\\]*",?)+\})? '
                                   r'-?[0-9.e+-]+|.*\+Inf"\} \d+)$')

    def test_metrics_need_an_admin_but_on_their_own_port(self):
        self.assertEqual(self.daemon.request("GET", "/metrics", key="",
                                             port=self.daemon.admin_port).status, 200)

    def test_the_admin_port_has_nothing_else(self):
        for path in ("/openapi.json", "/docs", "/v1/models", "/api/v1/conversations"):
            self.assertEqual(self.daemon.request("GET", path,
                                                 port=self.daemon.admin_port).status, 404)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.daemon.request("GET", path,
                                                 port=self.daemon.admin_port).status, 200)

    def test_ready(self):
        answer = self.daemon.request("GET", "/readyz", key="")
        self.assertEqual((answer.status, answer.json()["status"]), (200, "ok"))

    def test_not_ready_without_space(self):
        daemon = self.another(options={"min_free_bytes": str(1 << 40)})
        answer = daemon.request("GET", "/readyz", key="")
        self.assertEqual(answer.status, 503)
        self.assertIn("min_free_bytes", answer.json()["disk"])
        self.assertEqual(daemon.request("GET", "/healthz", key="").status, 200)

    def test_files_are_nobody_elses(self):
        for path in (self.home / ".local/share/aichat").iterdir():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)


class Canary(ServerTest):
    """Secrets through every error path: they are in no log, metric or answer."""

    def test_secrets(self):
        bearer, apikey, cookie, query, path, body, header, password = SECRETS
        heads = {"Authorization": f"Bearer ack_{bearer}", "x-api-key": f"ack_{apikey}",
                 "api-key": apikey, "Cookie": f"aichat_login={cookie}", "x-secret": header}
        bodies = [f'{{"{body}": "{body}"}}', f'{{"model": "{body}", "messages": "{body}"}}',
                  f"{body} is no JSON", f'["{body}"]', f'{{"name":"{body}","password":"{password}"}}',
                  f'{{"content": "{body}", "text": {{"a": "{body}"}}}}']
        answers = []
        paths = ["/healthz", "/metrics", "/openapi.json", f"/{path}", f"/{path}/%00", "/v1/models",
                 f"/v1/models/{path}", f"/v1/{path}", "/v1/chat/completions", "/v1/messages",
                 "/v1/embeddings", "/v1/messages/count_tokens", "/api/v1/conversations",
                 f"/api/v1/conversations/{path}", f"/api/v1/{path}", "/api/v1/login",
                 "/api/v1/me", "/api/v1/users", "/api/v1/models"]
        for name, value in heads.items():
            for where in paths:
                answers.append(self.daemon.request("GET", f"{where}?{query}={query}", key="",
                                                   headers={name: value}))
        for where in paths:
            for text in bodies:
                for key in (self.daemon.key, f"ack_{bearer}"):
                    answers.append(self.daemon.request("POST", where, text.encode(), key=key))
        host = b"Host: localhost\r\n"
        raws = [b"GET /" + path.encode() + b" HTTP/1.1\r\n" + host + host + b"\r\n",
                b"GET / HTTP/1.1\r\nHost: " + header.encode() + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + host + b"Origin: http://" + header.encode() + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + host + b"X : " + header.encode() + b"\r\n\r\n",
                b"POST / HTTP/1.1\r\n" + host + b"Content-Length: " + body.encode() + b"\r\n\r\n",
                b"BAD" + path.encode() + b" / HTTP/1.1\r\n" + host + b"\r\n",
                path.encode() + b"\r\n\r\n"]
        raw = b"".join(self.daemon.raw(data) for data in raws)
        metrics = self.daemon.request("GET", "/metrics", key="", port=self.daemon.admin_port)
        shown = {"the log": self.daemon.log(), "the metrics": metrics.body.decode(),
                 "raw answers": raw.decode("latin-1"),
                 "what it printed": self.daemon.text().replace(self.daemon.key or "\0", "")}
        for where, text in shown.items():
            for secret in SECRETS + [PROVIDER_KEY] + [self.daemon.key or PROVIDER_KEY]:
                if secret in text:
                    at = text.index(secret)
                    self.fail(f"{where}: {text[max(0, at - 300):at + 100]!r}")
        # What a caller wrote into a body may be named back to it; credentials may not.
        for answer in answers:
            for secret in (bearer, apikey, cookie, password, PROVIDER_KEY):
                self.assertFalse(secret in repr(answer), secret)


if __name__ == "__main__":
    unittest.main()
