"""What the tests of the gateway share: questions and answers of both protocols, and the
rows of usage."""

import contextlib
import json
import sqlite3

from base import ServerTest, wait_until

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SURFACES = (CHAT, MESSAGES)
MODELS = ("openai/gpt-fake", "anthropic/claude-fake")
LAST = {CHAT: b"data: [DONE]\n\n",
        MESSAGES: b'event: message_stop\ndata: {"type":"message_stop"}\n\n'}


def question(model, stream=False, **more):
    return {"model": model, "max_tokens": 10000, "stream": stream,
            "messages": [{"role": "user", "content": "Hello?"}], **more}


def frames(body):
    """The data of a stream's frames, as JSON; [DONE] as it is."""
    data = []
    for frame in body.decode().split("\n\n"):
        for line in frame.splitlines():
            if line.startswith("data: "):
                text = line[6:]
                data.append(text if text == "[DONE]" else json.loads(text))
    return data


def text_of(path, answer, stream):
    """What the model said."""
    if not stream:
        body = answer.json()
        if path == CHAT:
            return body["choices"][0]["message"]["content"]
        return "".join(b.get("text", "") for b in body["content"])
    said = ""
    for frame in frames(answer.body):
        if path == CHAT and isinstance(frame, dict) and frame.get("choices"):
            said += frame["choices"][0]["delta"].get("content") or ""
        elif path == MESSAGES and frame.get("type") == "content_block_delta":
            said += frame["delta"].get("text", "")
    return said


def send(sock, daemon, path, body, headers=None, key=None):
    """A request by hand, to leave when we like."""
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{daemon.port}",
             "Content-Type: application/json", f"Content-Length: {len(data)}"]
    headers = {"Authorization": f"Bearer {key or daemon.key}", **(headers or {})}
    lines += [f"{name}: {value}" for name, value in headers.items()]
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


class GatewayTest(ServerTest):
    options = {"heartbeat_ms": "200"}
    llm_path = "n/5"

    def post(self, path, body, daemon=None, **how):
        return (daemon or self.daemon).request("POST", path, body, **how)

    def with_provider(self, path, options=None, **how):
        """A daemon of this test whose providers are PATH of the fake one."""
        return self.another(options=options, env=self.provider_env(path), **how)

    def rows(self, daemon=None):
        """The rows of usage of one daemon, oldest first, as its log tells of them."""
        return [line for line in (daemon or self.daemon).log_lines()
                if line.get("route", "").startswith("gateway.") and "duration_ms" in line]

    def stored(self, daemon):
        """The rows of usage in the daemon's store, oldest first."""
        path, = daemon.home.rglob("*.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM usage ORDER BY no")]

    def row(self, answer, daemon=None):
        wanted = answer.headers["x-request-id"]
        return wait_until(lambda: [r for r in self.rows(daemon)
                                   if r["request_id"] == wanted], "the log line")[0]
