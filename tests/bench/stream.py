"""Many streams at once: the daemon beside nginx, which proxies the same provider unbuffered;
many viewers of replies; and what an idle daemon and an open stream weigh.

One program (load.c) opens all streams of a row and says how late their tokens were. Where
the machine is busy with other things both sides are late: the ratio counts.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))

from base import Daemon                                             # noqa: E402
from fakellm import Fakellm                                         # noqa: E402
from gateway import Nginx                                           # noqa: E402

LOAD = os.path.join(os.environ["AICHAT_BUILD"], "tests", "bench", "load")
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

STREAMS, RATE, TOKENS = 1000, 20, 200
VIEWERS, VIEW_TOKENS = 10000, 40


def tree(pid):
    """A process and its children."""
    pids = [pid]
    for other in os.listdir("/proc"):
        try:
            if other.isdigit() and int(pathlib.Path(f"/proc/{other}/stat").read_text()
                                       .rsplit(")", 1)[1].split()[1]) == pid:
                pids.append(int(other))
        except OSError:
            pass
    return pids


def cpu_seconds(pid):
    used = 0
    for one in tree(pid):
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICK


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def load(port, key, requests, tokens, interval_ms, ramp_ms):
    """Whole streams, tokens that came, median and 99th percentile of lateness in us."""
    done = subprocess.run([LOAD, str(port), key or "none", str(tokens), str(interval_ms),
                           str(ramp_ms)], input="\n".join(requests) + "\n",
                          capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"bench: {done.stderr}")
    sys.stderr.write(done.stderr)  # what became of streams that were not whole
    return [int(field) for field in done.stdout.split()]


def request(daemon, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    headers = {"Authorization": f"Bearer {daemon.key or 'none'}",
               "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    data = json.loads(response.read() or b"null")
    connection.close()
    if response.status >= 300:
        sys.exit(f"bench: {method} {path}: {response.status} {data}")
    return data


class Side:
    """Who is asked for streams, and by which process they are served."""

    def __init__(self, port, pid, key, requests):
        self.port, self.pid, self.key, self.requests = port, pid, key, requests

    def run(self):
        before = cpu_seconds(self.pid)
        result = load(self.port, self.key, self.requests, TOKENS, 1000 // RATE, 1000)
        return (*result, cpu_seconds(self.pid) - before)


def compare(table, name, ours, peer):
    """The better of two runs each: what else the machine does falls on either."""
    runs = {ours: [], peer: []}
    for side in (peer, ours, ours, peer):
        runs[side].append(side.run())
    best = {}
    for side, results in runs.items():
        whole = min(result[0] for result in results)
        if whole < len(side.requests):
            sys.exit(f"bench: {name}: {len(side.requests) - whole} streams were not whole")
        best[side] = [min(result[n] for result in results) for n in range(5)]
    (_, _, _, our_late, our_cpu), (_, _, _, late, cpu) = best[ours], best[peer]
    table.row(f"{name}: p99 lateness", "%.1f ms" % (our_late / 1e3), "%.1f ms" % (late / 1e3),
              our_late / late, 2.0)
    table.row(f"{name}: CPU", "%.2f s" % our_cpu, "%.2f s" % cpu, our_cpu / cpu, 3.0)


def conversations(daemon, count, model):
    """Paths of new conversations."""
    def make(_):
        return "/api/v1/conversations/" + request(
            daemon, "POST", "/api/v1/conversations",
            {"settings": {"options": {"model": model}}})["id"]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        return list(threads.map(make, range(count)))


def viewers_that_fit():
    """Ten for each reply, as many as the daemon may have connections: two files each."""
    wanted = 2 * VIEWERS + 1000
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (ValueError, PermissionError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return min(VIEWERS, (most // 2 - 100) // 100 * 100)
    return VIEWERS


def start(folder, llm, path, **options):
    home = os.path.join(folder, "home%d" % len(os.listdir(folder)))
    os.mkdir(home)
    options = {"connections_per_ip": "0", "concurrent_replies": "0",
               "user_streams": "20000", **options}
    return Daemon(home, options, {"OPENAI_BASE_URL": llm.base(path + "/v1"),
                                  "OPENAI_API_KEY": "sk-bench"}).ready()


def bench_streams(table, folder, llm):
    path = f"n/{TOKENS}/rate/{RATE}"
    daemon = start(folder, llm, path, connections="1100", streams="1050")
    nginx = Nginx(folder, llm.port, "proxy_buffering off;")
    try:
        ask = json.dumps({"model": "gpt-fake", "stream": True,
                          "messages": [{"role": "user", "content": "Hello?"}]})
        peer = Side(nginx.port, nginx.process.pid, "sk-bench",
                    [f"POST /{path}/v1/chat/completions {ask}"] * STREAMS)
        ask = ask.replace("gpt-fake", "openai/gpt-fake")
        ours = Side(daemon.port, daemon.process.pid, daemon.key,
                    [f"POST /v1/chat/completions {ask}"] * STREAMS)
        compare(table, "1,000 streams, gateway / nginx", ours, peer)
        ours = Side(daemon.port, daemon.process.pid, daemon.key, [
            f'POST {conversation}/messages {{"text":"Hello?","stream":true}}'
            for conversation in conversations(daemon, STREAMS, "openai/gpt-fake")])
        compare(table, "1,000 streams, stored / nginx", ours, peer)
    finally:
        nginx.stop()
        daemon.stop()
        daemon.close()


def begin(daemon, paths):
    """A reply in each conversation, whose caller leaves: the ids of their messages."""
    def ask(path):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
        connection.request("POST", path + "/messages", '{"text":"Hello?","stream":true}', {
            "Authorization": f"Bearer {daemon.key or 'none'}",
            "Content-Type": "application/json"})
        response = connection.getresponse()
        while not (line := response.readline()).startswith(b"data: "):
            pass
        connection.close()
        return json.loads(line[6:])["message_id"]
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        return list(threads.map(ask, paths))


def bench_viewers(table, folder, llm):
    """Replies of one event a second, each with ten viewers."""
    viewers = viewers_that_fit()
    daemon = start(folder, llm, f"n/{VIEW_TOKENS}/rate/1", connections=str(viewers + 50),
                   streams=str(viewers + 20), detached_per_user=str(viewers))
    try:
        replies = begin(daemon, conversations(daemon, viewers // 10, "openai/gpt-fake"))
        whole, came, median, late = load(
            daemon.port, daemon.key,
            [f"GET /api/v1/replies/{reply}/events" for reply in replies
             for _ in range(10)], VIEW_TOKENS, 1000, 3000)
        if whole < viewers:
            sys.exit(f"bench: {viewers - whole} of {viewers} viewers have lost something")
        table.row(f"{viewers:,} viewers: p99 lateness", "%.1f ms" % (late / 1e3),
                  "100 ms", late / 1e5, 1.0)
        print("  (%d tokens, none lost; median %.1f ms)" % (came, median / 1e3))
    finally:
        daemon.stop()
        daemon.close()


def bench_memory(table, folder, llm):
    daemon = start(folder, llm, "n/5", connections="192", streams="190")
    try:
        time.sleep(1)
        size = resident_bytes(daemon.process.pid) / 2**20
        table.row("idle daemon, 256 workers", "%.1f MiB" % size, "24 MiB", size / 24, 1.0)
    finally:
        daemon.stop()
        daemon.close()
    daemon = start(folder, llm, "n/12/rate/1", connections="1100", streams="1050")
    try:
        paths = conversations(daemon, STREAMS, "openai/gpt-fake")
        before = resident_bytes(daemon.process.pid)
        run = threading.Thread(target=load, args=(daemon.port, daemon.key, [
            f'POST {path}/messages {{"text":"Hello?","stream":true}}' for path in paths],
            12, 1000, 1000))
        run.start()
        time.sleep(7)
        each = (resident_bytes(daemon.process.pid) - before) / STREAMS / 1024
        run.join()
        table.row("an open stream", "%.0f KiB" % each, "64 KiB", each / 64, 1.0)
    finally:
        daemon.stop()
        daemon.close()


def bench_stream(table):
    if not shutil.which("nginx") and not os.path.exists("/usr/sbin/nginx"):
        sys.exit("bench: nginx is missing; run ./dev deps bench")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Fakellm(
            max_seconds=900) as llm:
        bench_memory(table, folder, llm)
        bench_streams(table, folder, llm)
        bench_viewers(table, folder, llm)
