"""The package as a whole: found, installed, typed, and as its README says."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import support
from fakellm import Fakellm

HELLO = ("import aichat\n"
         "with aichat.open(model='echo') as ai:\n"
         "    print(ai.complete('Hello').wait().text)\n")


def run(*command, **environment):
    """A command with nothing of ours in its environment but what is given."""
    kept = {name: value for name, value in os.environ.items()
            if name in ("PATH", "LD_PRELOAD", "CC") or name.endswith("SAN_OPTIONS")}
    return subprocess.run(command, env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, check=False)


def plain(*command, **environment):
    """The same for programs that are no part of the test: without the sanitizer."""
    return run(*command, **{"LD_PRELOAD": "", **environment})


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aichat-python-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def python(self, code, **environment):
        return run(sys.executable, "-c", code, **{"PYTHONPATH": support.PACKAGE, **environment})

    def says_hello(self, **environment):
        done = self.python(HELLO, **environment)
        self.assertEqual((done.stdout, done.stderr), ("Hello\n", ""))


class Finding(FolderTest):
    def copied_package(self):
        target = os.path.join(self.folder, "site")
        shutil.copytree(os.path.join(support.PACKAGE, "aichat"),
                        os.path.join(target, "aichat"))
        return target

    def test_environment(self):
        self.says_hello(AICHAT_LIBRARY=support.LIBRARY)

    def test_bundled(self):
        site = self.copied_package()
        shutil.copy(support.LIBRARY, os.path.join(site, "aichat", "libaichat.so.0"))
        self.says_hello(PYTHONPATH=site, LD_LIBRARY_PATH="/nonexistent")

    def test_soname(self):
        self.says_hello(LD_LIBRARY_PATH=os.path.dirname(support.LIBRARY))

    def fails(self, pattern, **environment):
        done = self.python("import aichat", **environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr.splitlines()[-1], "^ImportError: .*" + pattern)

    def test_absent(self):
        self.fails("AICHAT_LIBRARY", AICHAT_LIBRARY="/nonexistent/libaichat.so")

    def library(self, code):
        source = self.write("fake.c", code)
        target = os.path.join(self.folder, "fake.so")
        subprocess.run([*os.environ["CC"].split(), "-shared", "-fPIC", source, "-o", target],
                       check=True)
        return target

    def test_other_abi(self):
        fake = self.library("int aichat_abi_version(void);"
                            "int aichat_abi_version(void) { return 7; }")
        self.fails("interface 7, this package needs 0", AICHAT_LIBRARY=fake)

    def test_older(self):
        fake = self.library("int aichat_abi_version(void);"
                            "int aichat_abi_version(void) { return 0; }")
        self.fails("has no aichat_.*older", AICHAT_LIBRARY=fake)

    def test_another_library(self):
        self.fails("is not libaichat", AICHAT_LIBRARY=self.library("int x;"))


class Installing(FolderTest):
    """By pip, without the network: what Debian packages for it is enough."""

    def pip(self, source, target):
        done = plain(sys.executable, "-m", "pip", "install", "--no-deps",
                     "--no-build-isolation", "--no-index", "--no-compile", "--target", target,
                     source, HOME=self.folder, PIP_ROOT_USER_ACTION="ignore",
                     PIP_DISABLE_PIP_VERSION_CHECK="1")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def setUp(self):
        super().setUp()
        for name in ("pip", "setuptools", "wheel"):
            if importlib.util.find_spec(name) is None:
                self.skipTest(f"{name} is not installed")
        # pip builds in the source folder: not in ours.
        self.source = os.path.join(self.folder, "source")
        shutil.copytree(support.PACKAGE, self.source)
        self.target = os.path.join(self.folder, "site")

    def test_beside_an_installed_library(self):
        self.pip(self.source, self.target)
        self.assertTrue(os.path.exists(os.path.join(self.target, "aichat", "py.typed")))
        self.says_hello(PYTHONPATH=self.target,
                        LD_LIBRARY_PATH=os.path.dirname(support.LIBRARY))

    def test_with_a_bundled_library(self):
        shutil.copy(support.LIBRARY, os.path.join(self.source, "aichat", "libaichat.so.0"))
        self.pip(self.source, self.target)
        self.says_hello(PYTHONPATH=self.target)

    def test_version(self):
        with open(os.path.join(support.PACKAGE, "pyproject.toml"), encoding="utf-8") as file:
            package = re.search(r'^version = "(.*)"', file.read(), re.M).group(1)
        with open(os.path.join(support.ROOT, "meson.build"), encoding="utf-8") as file:
            self.assertIn(f"version: '{package}'", file.read())


USER = '''
import asyncio
import aichat

@aichat.tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b

def use(ai: aichat.Context) -> None:
    chat = ai.new_conversation(tools=[add], temperature=0.5)
    for text in chat.send("x").text():
        reveal_type(text)
    for event in chat.send("x"):
        reveal_type(event.message)
    reveal_type(add(1, 2))
    reveal_type(chat.path())

async def use_async(ai: aichat.Context) -> None:
    async for text in ai.complete("x").text():
        reveal_type(text)
    reveal_type(await ai.complete("x"))
'''


@unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
class Types(FolderTest):
    @classmethod
    def setUpClass(cls):
        cls.cache = tempfile.mkdtemp(prefix="aichat-mypy-")
        cls.addClassCleanup(shutil.rmtree, cls.cache)

    def mypy(self, *arguments):
        return plain("mypy", "--strict", "--python-version", "3.9", "--cache-dir", self.cache,
                     *arguments, MYPYPATH=support.PACKAGE)

    def test_package(self):
        done = self.mypy(os.path.join(support.PACKAGE, "aichat"))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_user(self):
        done = self.mypy(self.write("user.py", USER))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(re.findall(r'Revealed type is "(.*)"', done.stdout), [
            "builtins.str", "Union[aichat._message.Message, None]", "builtins.int",
            "builtins.list[aichat._message.Message]", "builtins.str",
            "aichat._message.Message"])

    def test_mistakes(self):
        done = self.mypy(self.write("user.py", "import aichat\naichat.open().page('a', 'b')\n"
                                               "aichat.Reply.text(1)\n"))
        self.assertEqual(done.stdout.count("error:"), 2, done.stdout)


class Readme(FolderTest):
    """Every program in it runs, and does what it is there to show."""

    def test_programs(self):
        programs = []
        for folder in (support.ROOT, support.PACKAGE):
            with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
                programs += re.findall(r"```python\n(.*?)```", file.read(), re.S)
        shown = ["Hello!", "Why is the sky blue?", "Name a river.", "Name a hill.", "tok0 tok1",
                 "Name a warm colour.", "EKEY"]
        self.assertEqual(len(programs), len(shown))
        with Fakellm() as provider:
            for program, expected in zip(programs, shown):
                # The loaded configuration is that of the environment.
                path = "gen/tools/1/n/2" if "tools=" in program else "echo"
                done = self.python(program, HOME=self.folder, OPENAI_API_KEY="test",
                                   OPENAI_BASE_URL=provider.base(path) + "/v1",
                                   AICHAT_LIBRARY=support.LIBRARY)
                self.assertEqual((done.returncode, done.stderr), (0, ""), program)
                self.assertIn(expected, done.stdout)

    def test_families(self):
        import aichat
        with open(os.path.join(support.PACKAGE, "README.md"), encoding="utf-8") as file:
            text = file.read()
        for name in aichat.__all__:
            kind = getattr(aichat, name)
            if isinstance(kind, type) and issubclass(kind, aichat.Error):
                self.assertIn(f"`{name}`" if name != "Error" else "`aichat.Error`", text)


class Docstrings(unittest.TestCase):
    def test_all_have_one(self):
        folder = os.path.join(support.PACKAGE, "aichat")
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".py"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                tree = ast.parse(file.read())
            self.assertTrue(ast.get_docstring(tree), name)
            if name in ("_support.py", "_library.py"):
                continue
            for node in tree.body:
                public = not getattr(node, "name", "_").startswith("_")
                if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and public:
                    self.assertTrue(ast.get_docstring(node) or name in INTERNAL,
                                    f"{name}: {node.name}")
                if isinstance(node, ast.ClassDef) and public:
                    for method in node.body:
                        if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and \
                                not method.name.startswith("_"):
                            self.assertTrue(ast.get_docstring(method) or
                                            any(isinstance(d, ast.Attribute)
                                                for d in method.decorator_list),
                                            f"{name}: {node.name}.{method.name}")


# Modules with helpers that users do not see.
INTERNAL = {"_message.py", "_options.py", "_tools.py", "_errors.py"}


if __name__ == "__main__":
    unittest.main()
