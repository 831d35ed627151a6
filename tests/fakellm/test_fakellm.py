"""The fake provider keeps its promises: every element of its paths, every refusal."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MODULES = ["test_generate", "test_faults", "test_refusals", "test_replay", "test_server"]

if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    # Verbose: whoever reads the log sees what was skipped, and why.
    unittest.main(module=None, argv=[sys.argv[0], *(sys.argv[1:] or MODULES)], verbosity=2)
