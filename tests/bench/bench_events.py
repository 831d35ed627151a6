"""What an event costs whoever takes it, in Python: bench_events.c does the same in C.

    bench_events.py URL

Prints the processor time of the taking thread per event, in nanoseconds: of a reply while
it streams, of one that is over, and both with `async for`.
"""

import asyncio
import sys
import time

import aichat


def per_event(reply):
    start, events, size = time.thread_time_ns(), 0, 0
    for event in reply:
        if event.type is aichat.EventType.TEXT:
            size += len(event.text)
        events += 1
    assert size and reply.state == aichat.ReplyState.COMPLETE
    return (time.thread_time_ns() - start) / events


async def per_event_async(reply):
    start, events, size = time.thread_time_ns(), 0, 0
    async for event in reply:
        if event.type is aichat.EventType.TEXT:
            size += len(event.text)
        events += 1
    assert size and reply.state == aichat.ReplyState.COMPLETE
    return (time.thread_time_ns() - start) / events


def main():
    options = {"provider.openai.base_url": sys.argv[1], "provider.openai.api_key": "test",
               "model": "openai/test"}
    with aichat.open(options) as ai:
        reply = ai.new_conversation().send("x")
        plain = [per_event(reply), per_event(ai.reply(reply.id))]
        reply = ai.new_conversation().send("x")

        async def both():
            return [await per_event_async(reply), await per_event_async(ai.reply(reply.id))]

        print("%.0f %.0f %.0f %.0f" % (*plain, *asyncio.run(both())))


if __name__ == "__main__":
    main()
