"""The official clients of OpenAI and Anthropic, in Python and JavaScript, against the
gateway: unchanged but for base URL and key. Both speak to models of both providers."""

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib"), str(HERE.parent / "server")]

import anthropic                                                    # noqa: E402
import openai                                                       # noqa: E402
import pydantic                                                     # noqa: E402

from base import Daemon, ServerTest                                 # noqa: E402

# Providers of the daemon by what the fake one does for them; each in both protocols, as
# oa-NAME and an-NAME.
WAYS = {
    "plain": "n/5",
    "tools": "tools/1/rounds/1/n/3",
    "thinking": "thinking/3/n/3",
    "request": "echo/request",
    "slow": "n/200/rate/50",
    "bad": "status/400",
    "broken": "status/500",
    "limited": "status/429",
    "once": "fail-first/1/status/429/retry-after-ms/30/n/2",
    "cut": "n/50/cut/3000",
}
KINDS = ("oa", "an")
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
         "AABJRU5ErkJggg==")
HELLO = [{"role": "user", "content": "Hello?"}]
SAID = "tok0 tok1 tok2 tok3 tok4 "


class Colour(pydantic.BaseModel):
    colour: str


class SdkTest(ServerTest):
    @classmethod
    def start_daemon(cls, home=None, options=None, env=None, **how):
        args = ["-o", "max_retries=0"]
        for name, path in WAYS.items():
            for kind in KINDS:
                provider = f"provider.{kind}-{name}."
                base = cls.llm.base(path + ("/v1" if kind == "oa" else ""))
                dialect = "openai-chat" if kind == "oa" else "anthropic-messages"
                for key, value in (("base_url", base), ("dialect", dialect),
                                   ("api_key", "sk-canary-0123456789")):
                    args += ["-o", f"{provider}{key}={value}"]
        return super().start_daemon(home, options, env, args=args, **how)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = f"http://127.0.0.1:{cls.daemon.port}"
        cls.openai = openai.OpenAI(base_url=cls.url + "/v1", api_key=cls.daemon.key)
        cls.anthropic = anthropic.Anthropic(base_url=cls.url, api_key=cls.daemon.key)

    def models(self, way):
        for kind in KINDS:
            with self.subTest(kind):
                yield f"{kind}-{way}/{'gpt' if kind == 'oa' else 'claude'}-fake"

    def requests(self):
        return self.llm.stats()["requests"]


class OpenAI(SdkTest):
    def chat(self, model, **more):
        return self.openai.chat.completions.create(model=model, messages=HELLO, **more)

    def test_chat(self):
        for model in self.models("plain"):
            reply = self.chat(model)
            self.assertEqual(reply.choices[0].message.content, SAID)
            self.assertEqual(reply.choices[0].finish_reason, "stop")
            self.assertEqual(reply.usage.completion_tokens, 5)
            self.assertTrue(reply._request_id.startswith("req_"))

    def test_stream(self):
        for model in self.models("plain"):
            chunks = list(self.chat(model, stream=True,
                                    stream_options={"include_usage": True}))
            said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
            self.assertEqual(said, SAID)
            self.assertEqual(chunks[-1].usage.completion_tokens, 5)
            with self.openai.chat.completions.stream(model=model, messages=HELLO) as stream:
                for _ in stream:
                    pass
                final = stream.get_final_completion()
            self.assertEqual(final.choices[0].message.content, SAID)

    def test_async(self):
        async def ask(model):
            async with openai.AsyncOpenAI(base_url=self.url + "/v1",
                                          api_key=self.daemon.key) as client:
                stream = await client.chat.completions.create(
                    model=model, messages=HELLO, stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream
                                if c.choices])
        for model in self.models("plain"):
            self.assertEqual(asyncio.run(ask(model)), SAID)

    def test_tools(self):
        tool = {"type": "function", "function": {"name": "look", "parameters": {
            "type": "object", "properties": {"where": {"type": "string"}},
            "required": ["where"], "additionalProperties": False}}}
        for model in self.models("tools"):
            first = self.chat(model, tools=[tool]).choices[0]
            self.assertEqual(first.finish_reason, "tool_calls")
            call = first.message.tool_calls[0]
            self.assertEqual(json.loads(call.function.arguments), {"where": "where-0"})
            second = self.openai.chat.completions.create(model=model, tools=[tool], messages=[
                *HELLO, first.message,
                {"role": "tool", "tool_call_id": call.id, "content": "a cat"}])
            self.assertEqual(second.choices[0].message.content, "tok0 tok1 tok2 ")

    def test_structured_output(self):
        for model in self.models("plain"):
            reply = self.openai.chat.completions.parse(model=model, messages=HELLO,
                                                       response_format=Colour)
            self.assertIsInstance(reply.choices[0].message.parsed, Colour)

    def test_vision(self):
        for model in self.models("request"):
            reply = self.openai.chat.completions.create(model=model, messages=[
                {"role": "user", "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url",
                     "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]}])
            self.assertIn(PIXEL, reply.choices[0].message.content)

    def test_errors(self):
        for model in self.models("bad"):
            with self.assertRaises(openai.BadRequestError):
                self.chat(model)
        with self.assertRaises(openai.NotFoundError) as caught:
            self.chat("no-such-model")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.AuthenticationError):
            self.openai.with_options(api_key="ack_wrong").chat.completions.create(
                model="echo", messages=HELLO)
        for model in self.models("cut"):
            with self.assertRaises(openai.APIError):
                list(self.chat(model, stream=True))

    def test_retries(self):
        """The gateway has tried; only what is worth it is tried again by the client."""
        for way, error in (("broken", openai.InternalServerError),
                           ("limited", openai.RateLimitError)):
            for model in self.models(way):
                before = self.requests()
                with self.assertRaises(error):
                    self.chat(model)
                self.assertEqual(self.requests(), before + 1)
        self.llm.reset()
        for model in self.models("once"):
            self.assertEqual(self.chat(model).choices[0].message.content, "tok0 tok1 ")

    def test_models(self):
        names = [m.id for m in self.openai.models.list()]
        self.assertIn("gpt-5.6", names)
        self.assertEqual(self.openai.models.retrieve("gpt-5.6").owned_by, "openai")

    def test_embeddings(self):
        reply = self.openai.embeddings.create(model="oa-plain/text-embedding-fake",
                                              input=["one", "two"])
        self.assertEqual(len(reply.data), 2)
        self.assertIsInstance(reply.data[0].embedding[0], float)

    def test_leaving(self):
        before = self.llm.stats()["aborted"]
        for model in self.models("slow"):
            stream = self.chat(model, stream=True)
            next(iter(stream))
            stream.close()
        self.llm.wait_for(lambda llm: llm.stats()["aborted"] == before + 2)


class Anthropic(SdkTest):
    def ask(self, model, **more):
        return self.anthropic.messages.create(model=model, max_tokens=1000, messages=HELLO,
                                              **more)

    def test_message(self):
        for model in self.models("plain"):
            reply = self.ask(model)
            self.assertEqual(reply.content[0].text, SAID)
            self.assertEqual(reply.stop_reason, "end_turn")
            self.assertEqual(reply.usage.output_tokens, 5)
            self.assertTrue(reply._request_id.startswith("req_"))

    def test_stream(self):
        for model in self.models("plain"):
            with self.anthropic.messages.stream(model=model, max_tokens=1000,
                                                messages=HELLO) as stream:
                self.assertEqual("".join(stream.text_stream), SAID)
                final = stream.get_final_message()
            self.assertEqual(final.usage.output_tokens, 5)

    def test_async(self):
        async def ask(model):
            async with anthropic.AsyncAnthropic(base_url=self.url,
                                                api_key=self.daemon.key) as client:
                async with client.messages.stream(model=model, max_tokens=1000,
                                                  messages=HELLO) as stream:
                    return "".join([text async for text in stream.text_stream])
        for model in self.models("plain"):
            self.assertEqual(asyncio.run(ask(model)), SAID)

    def test_thinking(self):
        """It comes back in the next turn, signed by whom it came from or not at all."""
        for model in self.models("thinking"):
            reply = self.ask(model, thinking={"type": "adaptive"})
            self.assertEqual(reply.content[0].thinking, "th0 th1 th2 ")
            again = self.anthropic.messages.create(
                model=model, max_tokens=1000, thinking={"type": "adaptive"}, messages=[
                    *HELLO, {"role": "assistant", "content": reply.content},
                    {"role": "user", "content": "And?"}])
            self.assertEqual(again.content[-1].text, "tok0 tok1 tok2 ")

    def test_tools(self):
        looked = []

        @anthropic.beta_tool
        def look(where: str) -> str:
            """Look somewhere."""
            looked.append(where)
            return "a cat"
        for model in self.models("tools"):
            runner = self.anthropic.beta.messages.tool_runner(
                model=model, max_tokens=1000, tools=[look], messages=HELLO)
            self.assertEqual(runner.until_done().content[0].text, "tok0 tok1 tok2 ")
        self.assertEqual(looked, ["where-0", "where-0"])

    def test_structured_output(self):
        for model in self.models("plain"):
            reply = self.anthropic.messages.parse(model=model, max_tokens=1000, messages=HELLO,
                                                  output_format=Colour)
            self.assertIsInstance(reply.parsed_output, Colour)

    def test_vision(self):
        for model in self.models("request"):
            reply = self.anthropic.messages.create(
                model=model, max_tokens=1000, messages=[{"role": "user", "content": [
                    {"type": "image", "source": {"type": "base64", "data": PIXEL,
                                                 "media_type": "image/png"}},
                    {"type": "text", "text": "What is it?"}]}])
            self.assertIn(PIXEL, reply.content[0].text)

    def test_errors(self):
        for model in self.models("bad"):
            with self.assertRaises(anthropic.BadRequestError):
                self.ask(model)
        with self.assertRaises(anthropic.NotFoundError) as caught:
            self.ask("no-such-model")
        self.assertEqual(caught.exception.body["error"]["type"], "not_found_error")
        with self.assertRaises(anthropic.AuthenticationError):
            self.anthropic.with_options(api_key="ack_wrong").messages.create(
                model="echo", max_tokens=10, messages=HELLO)
        for model in self.models("cut"):
            with self.assertRaises(anthropic.APIError):
                for _ in self.ask(model, stream=True):
                    pass

    def test_retries(self):
        for way, error in (("broken", anthropic.InternalServerError),
                           ("limited", anthropic.RateLimitError)):
            for model in self.models(way):
                before = self.requests()
                with self.assertRaises(error):
                    self.ask(model)
                self.assertEqual(self.requests(), before + 1)
        self.llm.reset()
        for model in self.models("once"):
            self.assertEqual(self.ask(model).content[0].text, "tok0 tok1 ")

    def test_models(self):
        page = self.anthropic.models.list(limit=3)
        self.assertEqual(len(page.data), 3)
        names = [m.id for m in self.anthropic.models.list(limit=5)]  # all of the pages
        self.assertIn("gpt-5.6", names)
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(self.anthropic.models.retrieve("gpt-5.6").id, "gpt-5.6")

    def test_count_tokens(self):
        for model in self.models("plain"):
            count = self.anthropic.messages.count_tokens(model=model, messages=HELLO)
            self.assertGreater(count.input_tokens, 0)


class JavaScript(SdkTest):
    def run_script(self, name):
        env = {**os.environ, "URL": self.url, "KEY": self.daemon.key,
               "NODE_PATH": os.path.join(os.environ["SDK_FOLDER"], "node_modules"),
               "PIXEL": PIXEL}
        script = pathlib.Path(os.environ["SDK_FOLDER"]) / name
        script.write_text((HERE / name).read_text())  # imports look beside the script
        done = subprocess.run([os.environ["NODE"], "--test", str(script)], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout.decode())
        self.assertIn(b"# fail 0", done.stdout.replace(b"\xe2\x84\xb9", b"#"))

    def test_openai(self):
        self.run_script("openai.mjs")

    def test_anthropic(self):
        self.run_script("anthropic.mjs")


if __name__ == "__main__":
    unittest.main(verbosity=2)
