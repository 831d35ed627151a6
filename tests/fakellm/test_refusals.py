"""The provider's own status, for requests that it would not take."""

import json

from provider import (ANTHROPIC, BEARER, CHAT, CHAT_TOOLS, MESSAGES, MESSAGES_TOOLS,
                      Base, chat, messages)


class Refusals(Base):
    """The provider's own status, for requests that it would not take."""

    def chat_refused(self, body, word, status=400, path="/gen", headers=None):
        r = self.ask(path + CHAT, body, headers)
        self.assertEqual(r.status, status, r.body)
        error = r.json()["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertIn(word, json.dumps(error))

    def messages_refused(self, body, word, status=400, path="/gen", headers=None):
        r = self.ask(path + MESSAGES, body, headers)
        self.assertEqual(r.status, status, r.body)
        self.assertEqual(r.json()["type"], "error")
        self.assertIn(word, r.json()["error"]["message"])

    def test_keys(self):
        for headers in ({}, {"Authorization": "Bearer "}):
            self.chat_refused(chat(), "API key", 401, headers=headers)
        self.chat_refused(chat(), "invalid_api_key", 401,
                          headers={"Authorization": "Bearer wrong-key"})
        version = {"anthropic-version": "2023-06-01"}
        self.messages_refused(messages(), "x-api-key", 401, headers=version)
        self.messages_refused(messages(), "invalid", 401,
                              headers=version | {"x-api-key": "wrong-key"})
        r = self.ask("/gen/n/1" + MESSAGES, messages(), version | BEARER)
        self.assertEqual(r.status, 200)
        self.messages_refused(messages(), "anthropic-version", headers={"x-api-key": "k"})
        self.assertEqual(self.ask("/gen/v1/models", headers={}).status, 401)

    def test_json(self):
        for text in (b"", b"{", b"[]", b'{"model":"m"} x', b"null", b'{"a":"\xff"}'):
            self.chat_refused(text, "JSON")
            self.messages_refused(text, "JSON")

    def test_chat_members(self):
        def message(*m, **more):
            return {"model": "gpt-4o", "messages": list(m), **more}
        user = {"role": "user", "content": "x"}
        call = {"id": "c1", "type": "function",
                "function": {"name": "f", "arguments": "{}"}}
        used = {"role": "assistant", "content": None, "tool_calls": [call]}
        done = {"role": "tool", "tool_call_id": "c1", "content": "x"}
        bad = [
            ({"messages": [user]}, "model"),
            ({"model": "gpt-4o"}, "messages"),
            (message(), "empty_array"),
            (message({"role": "robot", "content": "x"}), "role"),
            (message({"role": "user", "content": None}), "null"),
            (message(user, {"role": "assistant", "content": None}), "null"),
            (message(user, {"role": "assistant", "content": None, "tool_calls": []}), "null"),
            (message(user, used), "did not have response messages: c1"),
            (message(user, used, user, done), "did not have response messages: c1"),
            (message(user, done), "must be a response to a preceding"),
            (message(user, used, done, done), "must be a response to a preceding"),
            (message(user, used | {"tool_calls": [call | {"id": "c" * 41}]}), "too long"),
            (message(user, used | {"tool_calls": [call | {"function": {
                "name": "bad name", "arguments": ""}}]}), "pattern"),
            (message(user, used | {"tool_calls": [call | {"function": {
                "name": "f", "arguments": {}}}]}), "arguments"),
            (message(user, used, done | {"content": [{"type": "image_url"}]}), "type"),
            (chat(tools=[]), "empty_array"),
            (chat(tools=[{"type": "function", "function": {"name": "a.b"}}]), "pattern"),
            (chat(tools=[{"type": "function", "function": {"name": "a" * 65}}]), "too long"),
            (chat(tool_choice="auto"), "tool_choice"),
            (chat(stream_options={"include_usage": True}), "stream_options"),
            (chat(temperature=3), "temperature"),
            (chat(max_tokens=0), "max_tokens"),
            (chat(response_format={"type": "json_object"}), "json"),
            (chat(surprise=1), "surprise"),
            (chat(max_tokens=5) | {"model": "o3-mini"}, "max_completion_tokens"),
            (chat(max_tokens=5) | {"model": "gpt-5.1"}, "max_completion_tokens"),
            (chat(stop="x") | {"model": "o1"}, "stop"),
            (chat(tools=CHAT_TOOLS) | {"model": "gpt-5.5"}, "/v1/responses"),
        ]
        for body, word in bad:
            with self.subTest(body=body):
                self.chat_refused(body, word)
        self.chat_refused(chat() | {"model": "no-such-model"}, "model_not_found", 404)
        self.chat_refused(chat("x" * 800001), "context_length_exceeded")
        good = [
            message(user, used, done, tools=CHAT_TOOLS),
            message({"role": "system", "content": "x"}, user, user, max_tokens=5),
            chat(tools=CHAT_TOOLS, reasoning_effort="none") | {"model": "gpt-5.5"},
            chat([{"type": "text", "text": "x"},
                  {"type": "image_url", "image_url": {"url": "data:"}}]),
        ]
        for body in good:
            self.assertEqual(self.ask("/gen/n/1" + CHAT, body).status, 200, body)
        r = self.ask("/lenient/gen/n/1" + CHAT, chat(surprise=1, max_tokens=5))
        self.assertEqual(r.status, 200)

    def test_messages_members(self):
        def turns(*m, **more):
            return {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [
                {"role": role, "content": content} for role, content in m], **more}

        def use(i="t1"):
            return {"type": "tool_use", "id": i, "name": "get_weather", "input": {}}

        def result(i="t1"):
            return {"type": "tool_result", "tool_use_id": i, "content": "x"}
        text = {"type": "text", "text": "x"}
        tools = {"tools": MESSAGES_TOOLS}
        thought = {"type": "thinking", "thinking": "hm", "signature": "of another"}
        new = {"model": "claude-opus-5"}
        bad = [
            ({"max_tokens": 1, "messages": []}, "model: Field required"),
            ({"model": "m", "messages": []}, "max_tokens: Field required"),
            ({"model": "m", "max_tokens": 1}, "messages: Field required"),
            (turns(), "at least one message"),
            (turns(("assistant", "x"), ("user", "x")), "first message"),
            (turns(("tool", "x")), "role"),
            (turns(("user", "")), "non-empty"),
            (turns(("user", [])), "non-empty"),
            (turns(("user", [text | {"text": ""}])), "must be non-empty"),
            (turns(("user", [text | {"text": " \n"}])), "non-whitespace"),
            (turns(("user", "x"), ("assistant", [use()]), **tools), "without `tool_result`"),
            (turns(("user", "x"), ("assistant", [use()]), ("user", "x"), **tools),
             "without `tool_result`"),
            (turns(("user", "x"), ("assistant", [use(), use("t2")]), ("user", [result()]),
                   **tools), "without `tool_result` blocks immediately after: t2"),
            (turns(("user", "x"), ("assistant", [use()]), ("user", [text, result()]), **tools),
             "without `tool_result`"),
            (turns(("user", "x"), ("assistant", "y"), ("user", [result()]), **tools),
             "unexpected `tool_use_id`"),
            (turns(("user", "x"), ("assistant", [use("a.b")]), ("user", [result("a.b")]),
                   **tools), "pattern"),
            (turns(("user", "x"), ("assistant", [use(), use()]), ("user", [result()]), **tools),
             "unique"),
            (turns(("user", "x"), ("assistant", [use()]), ("user", [result()])),
             "must define tools"),
            (turns(("user", "x"), ("assistant", [thought, text]), ("user", "x")), "signature"),
            (turns(("user", "x"), ("assistant", "so ")), "trailing whitespace"),
            (turns(("user", "x"), ("assistant", "so")) | new, "prefill"),
            (turns(("user", "x"), ("system", "y")), "system"),
            (turns(("user", "x"), system=[text | {"text": ""}]), "system"),
            (turns(("user", "x"), tools=[{"name": "a b", "input_schema": {"type": "object"}}]),
             "pattern"),
            (turns(("user", "x"), tools=[{"name": "a"}]), "input_schema"),
            (turns(("user", "x"), tools=MESSAGES_TOOLS * 2), "unique"),
            (turns(("user", "x"), tool_choice={"type": "auto"}), "tool_choice"),
            (turns(("user", "x"), stop_sequences=[" "]), "stop_sequences"),
            (turns(("user", "x"), temperature=0.5) | new, "temperature"),
            (turns(("user", "x"), thinking={"type": "enabled", "budget_tokens": 2048}),
             "max_tokens"),
            (turns(("user", "x"), thinking={"type": "enabled", "budget_tokens": 2048}) | new,
             "adaptive"),
            (turns(("user", "x"), thinking={"type": "adaptive"}), "adaptive"),
            (turns(("user", "x"), surprise=1), "surprise: Extra inputs"),
        ]
        for body, word in bad:
            with self.subTest(body=body):
                self.messages_refused(body, word)
        self.messages_refused(messages() | {"model": "no-such"}, "no-such", 404)
        self.messages_refused(messages("x" * 800001), "200001 tokens > 200000 maximum")
        self.messages_refused(messages(temperature=1), "temperature",
                              headers=ANTHROPIC | {"anthropic-version": "2026-10-21"})
        r = self.ask("/gen/v1/messages/count_tokens", messages())
        self.assertEqual(r.status, 400)
        self.assertIn("max_tokens: Extra inputs", r.json()["error"]["message"])
        good = [
            turns(("user", "x"), ("user", "y"), ("assistant", "z"), ("user", "x")),
            turns(("user", "x"), ("assistant", [use(), use("t2")]),
                  ("user", [result("t2")]), ("user", [result(), text]), **tools),
            turns(("user", "x"), ("assistant", "prefix")),
            turns(("user", "x"), ("system", "y")) | new,
            turns(("user", "x"), temperature=0.5),
            turns(("user", "x"), ("assistant", [text | {"text": " "}, use()]),
                  ("user", [result()]), **tools),
        ]
        for body in good:
            r = self.ask("/gen/n/1" + MESSAGES, body)
            self.assertEqual(r.status, 200, (body, r.body))

    def test_reasoning_replay(self):
        said = self.ask("/gen/thinking/3" + MESSAGES, messages()).json()["content"]
        again = messages() | {"messages": [
            {"role": "user", "content": "x"}, {"role": "assistant", "content": said},
            {"role": "user", "content": "y"}]}
        self.assertEqual(self.ask("/gen" + MESSAGES, again).status, 200)
        said[0]["thinking"] += "!"
        self.messages_refused(again, "signature")
        said[0]["thinking"] = said[0]["thinking"][:-1]
        self.messages_refused(again | {"model": "claude-sonnet-4-6"}, "signature")
