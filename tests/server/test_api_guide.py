"""The commands of docs/api.md, run as they stand there."""

import json
import pathlib
import re
import subprocess
import unittest

from base import SECONDS
from native import NativeTest

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api.md"


class GuideTest(NativeTest):
    def test_the_commands_work(self):
        text = GUIDE.read_text(encoding="utf-8")
        blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(blocks), 10)
        script = "\n".join(f"echo '--- {n}'\n{block}\necho"
                           for n, block in enumerate(blocks))
        script = script.replace("http://127.0.0.1:8020", f"http://127.0.0.1:{self.daemon.port}")
        script = script.replace("key=ack_...", f"key={self.daemon.key or 'none'}")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True,
                              capture_output=True, timeout=SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout[-2000:])
        said = dict(re.findall(r"^--- (\d+)\n(.*?)(?=^--- |\Z)", done.stdout,
                               re.MULTILINE | re.DOTALL))

        def answers(word):
            """What the block with this word in it printed."""
            found = [n for n, block in enumerate(blocks) if word in block]
            self.assertEqual(len(found), 1, word)
            return said[str(found[0])]
        self.assertEqual(json.loads(answers("sky blue"))["reply"]["state"], "complete")
        self.assertIn('"type":"done"', answers("at night"))
        self.assertIn("\nid: 3\n", answers("on Mars"))
        self.assertNotIn("\nid: 2\n", answers("on Mars"))
        self.assertEqual(json.loads(answers("/cancel"))["state"], "complete")
        self.assertEqual(answers("/edit").count('"state":"complete"'), 2)
        self.assertIn('"title":"Why is the sky blue?"', answers("text=sky"))
        self.assertEqual(json.loads(answers("If-Match"))["title"], "Skies")
        first, second = answers("Idempotency-Key").strip().replace("}{", "}\n{").split("\n")
        self.assertEqual(first, second)
        self.assertIn('"purged":true', answers("DELETE"))
        self.assertTrue(json.loads(answers("/models"))["data"])


if __name__ == "__main__":
    unittest.main()
