"""Generated and echoed replies, in both dialects."""

import base64
import json
import struct
import time

from provider import (ANTHROPIC, BEARER, CHAT, CHAT_TOOLS, MESSAGES, MESSAGES_TOOLS,
                      Base, Client, chat, messages)


class Generate(Base):
    def test_chat_stream(self):
        r = self.stream("/gen/n/3" + CHAT)
        events = r.events()
        self.assertEqual((r.status, r.end), (200, "complete"))
        self.assertEqual(r.headers["content-type"], "text/event-stream")
        self.assertEqual(r.text(), "tok0 tok1 tok2 ")
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual(events[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(events[-2]["choices"][0]["finish_reason"], "stop")
        self.assertFalse(any("usage" in e for e in events[:-1]))
        self.assertEqual(len({e["id"] for e in events[:-1]}), 1)

    def test_chat_usage_asked(self):
        r = self.stream("/gen/n/3" + CHAT, content="x" * 41,
                        stream_options={"include_usage": True})
        events = r.events()
        self.assertEqual(events[-2]["choices"], [])
        usage = events[-2]["usage"]
        self.assertEqual((usage["prompt_tokens"], usage["completion_tokens"],
                          usage["total_tokens"]), (11, 3, 14))
        self.assertTrue(all(e["usage"] is None for e in events[:-2]))

    def test_chat_whole_reply(self):
        r = self.ask("/gen/n/2/thinking/1" + CHAT, chat())
        message = r.json()["choices"][0]["message"]
        self.assertEqual(message["content"], "tok0 tok1 ")
        self.assertEqual(message["reasoning_content"], "th0 ")
        self.assertEqual(r.json()["usage"]["completion_tokens"], 3)
        self.assertEqual(r.json()["usage"]["completion_tokens_details"]["reasoning_tokens"], 1)

    def test_default_is_twenty_tokens_and_no_mode_is_gen(self):
        want = "".join(f"tok{i} " for i in range(20))
        self.assertEqual(self.stream("/gen" + CHAT).text(), want)
        self.assertEqual(self.stream(CHAT).text(), want)
        self.assertEqual(self.stream("/gen" + MESSAGES).text(), want)

    def test_bytes(self):
        r = self.stream("/gen/n/11/bytes/9" + CHAT)
        self.assertEqual(r.text(), "".join(f"tok{i}"[:8].ljust(8, "x") + " " for i in range(11)))
        self.assertEqual(self.stream("/gen/n/2/bytes/3" + CHAT).text(), "to to ")
        self.assertEqual(len(self.stream("/gen/n/1/bytes/300000" + MESSAGES).text()), 300000)

    def test_messages_stream(self):
        r = self.stream("/gen/n/3/thinking/2" + MESSAGES)
        events = r.events()
        self.assertEqual([e["type"] for e in events], [
            "message_start", "ping",
            "content_block_start", "content_block_delta", "content_block_delta",
            "content_block_delta", "content_block_stop",
            "content_block_start", "content_block_delta", "content_block_delta",
            "content_block_delta", "content_block_stop", "message_delta", "message_stop"])
        for line, event in zip([x for x in r.body.decode().split("\n") if x[:6] == "event:"],
                               events):
            self.assertEqual(line, "event: " + event["type"])
        self.assertEqual(r.text(), "tok0 tok1 tok2 ")
        self.assertEqual("".join(e["delta"].get("thinking", "") for e in events
                                 if e["type"] == "content_block_delta"), "th0 th1 ")
        self.assertTrue(events[5]["delta"]["signature"])
        self.assertEqual(events[-2]["delta"]["stop_reason"], "end_turn")
        self.assertEqual(events[-2]["usage"]["output_tokens"], 5)
        self.assertEqual(events[-2]["usage"]["output_tokens_details"]["thinking_tokens"], 2)
        self.assertEqual(events[0]["message"]["usage"]["input_tokens"], 2)

    def test_messages_whole_reply(self):
        reply = self.ask("/gen/n/2/thinking/1" + MESSAGES, messages()).json()
        self.assertEqual([b["type"] for b in reply["content"]], ["thinking", "text"])
        self.assertEqual(reply["content"][1]["text"], "tok0 tok1 ")
        self.assertEqual(reply["usage"]["output_tokens"], 3)

    def test_token_limit(self):
        r = self.stream("/gen/n/9/thinking/3" + CHAT, max_completion_tokens=5)
        self.assertEqual(r.text(), "tok0 tok1 ")
        self.assertEqual(r.events()[-2]["choices"][0]["finish_reason"], "length")
        reply = self.ask("/gen/n/9" + MESSAGES, messages(max_tokens=4)).json()
        self.assertEqual(reply["stop_reason"], "max_tokens")
        self.assertEqual(reply["usage"]["output_tokens"], 4)

    def test_rate(self):
        start = time.monotonic()
        self.assertEqual(len(self.stream("/gen/n/10/rate/50" + CHAT).text().split()), 10)
        self.assertGreater(time.monotonic() - start, 0.15)
        start = time.monotonic()
        self.ask("/gen/n/10/rate/50" + CHAT, chat())
        self.assertGreater(time.monotonic() - start, 0.15)

    def test_first_token_does_not_wait_for_the_last(self):
        client = Client(self.llm.port, 5)
        self.addCleanup(client.close)
        client.send("POST", "/gen/n/100/rate/1" + CHAT, chat(stream=True), BEARER)
        got = b""
        while b"tok0 " not in got:
            got += client.sock.recv(4096)
        self.assertNotIn(b"tok9 ", got)

    def test_chat_tools(self):
        r = self.stream("/gen/tools/2" + CHAT, tools=CHAT_TOOLS)
        calls = {}
        for e in r.events()[:-1]:
            for part in e["choices"][0]["delta"].get("tool_calls", []):
                call = calls.setdefault(part["index"], {"arguments": ""})
                call["arguments"] += part["function"]["arguments"]
                if "id" in part:
                    call.update(id=part["id"], name=part["function"]["name"])
        self.assertEqual([json.loads(calls[i]["arguments"]) for i in (0, 1)],
                         [{"city": "city-0", "days": 0}, {"city": "city-1", "days": 1}])
        self.assertEqual({c["name"] for c in calls.values()}, {"get_weather"})
        self.assertEqual([calls[i]["id"] for i in (0, 1)], ["call_fake_1_0", "call_fake_1_1"])
        self.assertEqual(r.events()[-2]["choices"][0]["finish_reason"], "tool_calls")

        first = self.ask("/gen/tools/2" + CHAT, chat(tools=CHAT_TOOLS)).json()
        said = first["choices"][0]["message"]
        self.assertIsNone(said["content"])
        history = chat()["messages"] + [
            {"role": "assistant", "content": None, "tool_calls": said["tool_calls"]}] + [
            {"role": "tool", "tool_call_id": c["id"], "content": "fine"}
            for c in said["tool_calls"]]
        for path, reason in (("/gen/tools/2", "stop"), ("/gen/tools/2/rounds/2", "tool_calls")):
            r = self.ask(path + CHAT, chat(tools=CHAT_TOOLS) | {"messages": history})
            self.assertEqual(r.json()["choices"][0]["finish_reason"], reason)

    def test_messages_tools(self):
        r = self.stream("/gen/tools/2/thinking" + MESSAGES, tools=MESSAGES_TOOLS)
        args, uses = {}, []
        for e in r.events():
            if e["type"] == "content_block_start" and e["content_block"]["type"] == "tool_use":
                uses.append(e["content_block"])
            if e.get("delta", {}).get("type") == "input_json_delta":
                args[e["index"]] = args.get(e["index"], "") + e["delta"]["partial_json"]
        self.assertEqual([json.loads(args[i]) for i in (1, 2)],
                         [{"city": "city-0", "days": 0}, {"city": "city-1", "days": 1}])
        self.assertEqual([u["id"] for u in uses], ["toolu_fake_1_0", "toolu_fake_1_1"])
        self.assertEqual(r.events()[-2]["delta"]["stop_reason"], "tool_use")

        said = self.ask("/gen/tools/1/thinking" + MESSAGES,
                        messages(tools=MESSAGES_TOOLS)).json()
        history = messages()["messages"] + [
            {"role": "assistant", "content": said["content"]},
            {"role": "user", "content": [{"type": "tool_result", "content": "fine",
                                          "tool_use_id": said["content"][1]["id"]}]}]
        r = self.ask("/gen/tools/1" + MESSAGES,
                     messages(tools=MESSAGES_TOOLS) | {"messages": history})
        self.assertEqual((r.status, r.json()["stop_reason"]), (200, "end_turn"))

    def test_tool_choice(self):
        def calls(path="/gen/tools/3", **more):
            body = chat(tools=CHAT_TOOLS, **more)
            message = self.ask(path + CHAT, body).json()["choices"][0]["message"]
            return len(message.get("tool_calls", []))
        self.assertEqual(calls(), 3)
        self.assertEqual(calls(parallel_tool_calls=False), 1)
        self.assertEqual(calls(tool_choice="none"), 0)
        self.assertEqual(calls("/gen", tool_choice="required"), 1)
        self.assertEqual(calls("/gen"), 0)

    def test_schema(self):
        schema = {"type": "object", "properties": {
            "name": {"type": "string"}, "kind": {"enum": ["b", "c"]},
            "list": {"type": "array", "items": {"type": "integer"}}}}
        r = self.stream("/gen" + CHAT, response_format={
            "type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
        want = {"name": "name-0", "kind": "b", "list": [0]}
        self.assertEqual(json.loads(r.text()), want)
        r = self.stream("/gen" + MESSAGES, output_config={
            "format": {"type": "json_schema", "schema": schema}})
        self.assertEqual(json.loads(r.text()), want)

    def test_error_in_stream(self):
        r = self.stream("/gen/error-after/2" + CHAT)
        self.assertEqual(r.text(), "tok0 tok1 ")
        self.assertEqual(r.events()[-1]["error"]["type"], "server_error")
        r = self.stream("/gen/error-after/2" + MESSAGES)
        self.assertEqual(r.text(), "tok0 tok1 ")
        self.assertIn(b"event: error\n", r.body)
        self.assertEqual(r.events()[-1]["error"]["type"], "overloaded_error")
        self.assertEqual(self.ask("/gen/error-after/2" + MESSAGES, messages()).status, 529)

    def test_models(self):
        ids = [m["id"] for m in self.ask("/gen/v1/models").json()["data"]]
        self.assertIn("gpt-4o", ids)
        self.assertEqual(self.ask("/gen/v1/models/gpt-4o").json()["object"], "model")
        self.assertEqual(self.ask("/gen/v1/models/none").json()["error"]["code"],
                         "model_not_found")
        found, after = [], ""
        while True:
            page = self.ask("/gen/v1/models?limit=2" + after, headers=ANTHROPIC).json()
            found += [m["id"] for m in page["data"]]
            if not page["has_more"]:
                break
            after = "&after_id=" + page["last_id"]
        self.assertEqual(len(found), len(set(found)))
        self.assertIn("claude-sonnet-5", found)

    def test_count_tokens(self):
        body = messages("x" * 10, system="y" * 10)
        del body["max_tokens"]
        self.assertEqual(self.ask("/gen/v1/messages/count_tokens", body).json(),
                         {"input_tokens": 5})

    def test_embeddings(self):
        body = {"model": "e", "input": ["a", "b"], "dimensions": 3}
        r = self.ask("/gen/v1/embeddings", body).json()
        b64 = self.ask("/gen/v1/embeddings", body | {"encoding_format": "base64"}).json()
        for plain, packed in zip(r["data"], b64["data"]):
            self.assertEqual(plain["embedding"], list(
                struct.unpack("<3f", base64.b64decode(packed["embedding"]))))
        self.assertNotEqual(r["data"][0]["embedding"], r["data"][1]["embedding"])

    def test_json_although_stream_asked(self):
        r = self.stream("/json/gen/n/1" + CHAT)
        self.assertEqual(r.headers["content-type"], "application/json")
        self.assertEqual(r.json()["choices"][0]["message"]["content"], "tok0 ")


class Echo(Base):
    TEXT = "Grüße, 世界! 👋🏽 \"quoted\"\n\ttab \\ end"

    def test_echo(self):
        for path in ("/echo" + CHAT, "/echo" + MESSAGES):
            self.assertEqual(self.stream(path, content=self.TEXT).text(), self.TEXT)
        parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        self.assertEqual(self.stream("/echo" + MESSAGES, content=parts).text(), "ab")

    def test_request(self):
        body = chat(self.TEXT, stream=True, temperature=1.0, top_p=0.25, seed=-3)
        want = json.dumps(body | {"temperature": 1}, sort_keys=True, separators=(",", ":"),
                          ensure_ascii=False)
        self.assertEqual(self.ask("/echo/request" + CHAT, body).text(), want)

    def test_chunked_request_and_log(self):
        r = self.ask("/echo" + CHAT, chat("by chunks", stream=True),
                     BEARER | {"X-Canary": "bird"}, chunked=True)
        self.assertEqual(r.text(), "by chunks")
        entry = [e for e in self.llm.log() if e["headers"].get("x-canary") == "bird"][-1]
        self.assertEqual(entry["path"], "/echo" + CHAT)
        self.assertEqual(entry["headers"]["authorization"], "Bearer test-key")
        self.assertEqual(json.loads(entry["body"])["messages"][0]["content"], "by chunks")
        self.assertEqual((entry["status"], entry["end"], entry["sent"]),
                         (200, "sent", len(r.body)))
