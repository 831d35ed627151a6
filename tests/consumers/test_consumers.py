"""The ways in which other projects take the library up, each tried for real."""

import functools
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from fakellm import Fakellm

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ["AICHAT_BUILD"]
SOURCE = os.path.join(HERE, "consumer.c")
PLUGIN = os.path.join(HERE, "plugin.c")
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror"]


def call(*command, **more):
    """Standard output of a command that must succeed."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors="replace", check=False, **more)
    if run.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {run.returncode}\n{run.stdout}")
    return run.stdout


@functools.lru_cache
def staging():
    """What is installed, in a folder of its own, as if that had been the prefix."""
    folder = tempfile.mkdtemp(prefix="aichat-installed-")
    unittest.addModuleCleanup(shutil.rmtree, folder)
    call("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder)
    found = [inside for inside, _, names in os.walk(folder) if "libaichat.pc" in names]
    assert len(found) == 1, found
    with open(os.path.join(found[0], "libaichat.pc"), "r+", encoding="utf-8") as file:
        text = file.read().replace("prefix=", f"prefix={folder}", 1)
        file.seek(0)
        file.write(text)
    return folder, found[0]


@functools.lru_cache
def version():
    return json.loads(call("meson", "introspect", BUILD, "--projectinfo"))["version"]


class Consumer(unittest.TestCase):
    """Everything happens in a folder that goes away."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="aichat-consumer-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.program = os.path.join(self.folder, "consumer")

    def says_its_version(self, **environment):
        out = call(self.program, env={**os.environ, **environment})
        self.assertEqual(out, f"aichat {version()}\n")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def needed(self, file=None):
        """Names of the shared objects that a file, or the program, asks for."""
        return [line.split("[")[1].rstrip("]") for line in
                call("readelf", "-dW", file or self.program).splitlines()
                if "(NEEDED)" in line]


class InstalledConsumer(Consumer):
    """With the installed files, outside of the tree."""

    def setUp(self):
        super().setUp()
        self.staging, pkgconfig = staging()
        self.libdir = os.path.dirname(pkgconfig)
        self.environment = {**os.environ, "PKG_CONFIG_PATH": pkgconfig}

    def pkg_config(self, *arguments):
        return call("pkg-config", *arguments, env=self.environment).split()


class PkgConfig(InstalledConsumer):
    """A compiler and pkg-config, nothing else."""

    def test_shared(self):
        call("cc", "-std=c99", *STRICT, SOURCE, "-o", self.program,
             *self.pkg_config("--cflags", "--libs", "libaichat"))
        self.assertEqual([name for name in self.needed() if "aichat" in name],
                         ["libaichat.so.0"])
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)

    def test_no_curl_before_it_is_needed(self):
        library = os.path.join(self.libdir, "libaichat.so.0")
        self.assertIn("libsqlite3.so.0", self.needed(library))
        self.assertEqual([name for name in self.needed(library) if "curl" in name], [])
        self.assertNotIn("-lcurl", self.pkg_config("--static", "--libs", "libaichat"))

    def test_shared_from_cxx(self):
        call("c++", "-std=c++11", *STRICT, "-x", "c++", SOURCE, "-o", self.program,
             *self.pkg_config("--cflags", "--libs", "libaichat"))
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)

    def test_archive_with_shared_dependencies(self):
        """Ours by the archive's name, all others as --static says."""
        libraries = ["-l:libaichat.a" if word == "-laichat" else word for word in
                     self.pkg_config("--static", "--libs", "libaichat")]
        call("cc", "-std=c99", "-DAICHAT_STATIC", *STRICT, SOURCE, "-o", self.program,
             *self.pkg_config("--cflags", "libaichat"), *libraries)
        self.assertEqual([name for name in self.needed() if "aichat" in name], [])
        self.assertIn("libsqlite3.so.0", self.needed())
        self.says_its_version()

    def test_only_what_users_need_is_installed(self):
        found = {os.path.splitext(name)[1] for _, _, names in os.walk(self.staging)
                 for name in names}
        self.assertLessEqual(found, {"", ".h", ".a", ".so", ".0", ".pc", ".1", ".8", ".conf",
                                     ".service"})
        names = [name for _, _, names in os.walk(self.staging) for name in names]
        self.assertNotIn("fakellm", names)


class Make(InstalledConsumer):
    """The oldest of build systems, by its own rules."""

    @unittest.skipUnless(shutil.which("make"), "make is not installed")
    def test_shared(self):
        shutil.copy(SOURCE, self.folder)
        self.write("Makefile", "CFLAGS = -O2 $(shell pkg-config --cflags libaichat)\n"
                               "LDLIBS = $(shell pkg-config --libs libaichat)\n"
                               "consumer:\n")
        call("make", "-C", self.folder, env=self.environment)
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)


class Cmake(InstalledConsumer):
    """Three lines of CMake, through its pkg-config module."""

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_shared(self):
        project = os.path.join(self.folder, "project")
        os.mkdir(project)
        shutil.copy(SOURCE, project)
        self.write("project/CMakeLists.txt",
                   "cmake_minimum_required(VERSION 3.16)\n"
                   "project(consumer C)\n"
                   "find_package(PkgConfig REQUIRED)\n"
                   "pkg_check_modules(aichat REQUIRED IMPORTED_TARGET libaichat)\n"
                   "add_executable(consumer consumer.c)\n"
                   "target_link_libraries(consumer PkgConfig::aichat)\n")
        call("cmake", "-S", project, "-B", self.folder, env=self.environment)
        call("cmake", "--build", self.folder, env=self.environment)
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)


class Plugin(InstalledConsumer):
    """dlopen() and dlclose(), again and again."""

    TIMES = "60"

    def setUp(self):
        super().setUp()
        call("cc", "-std=c11", *STRICT, PLUGIN, "-o", self.program,
             *self.pkg_config("--cflags", "libaichat"))
        self.assertEqual([name for name in self.needed() if "aichat" in name], [])

    def leaves_nothing(self, *arguments):
        # Without malloc's own caches, whose contents are no leaks.
        env = {**os.environ, "GLIBC_TUNABLES":
               "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1"}
        env.pop("MALLOC_PERTURB_", None)
        out = call(self.program, os.path.join(self.libdir, "libaichat.so.0"), *arguments,
                   env=env)
        for line in out.splitlines():
            what, first, last = line.split()
            self.assertEqual(first, last, what)
        self.assertIn("mappings 0 0\n", out)

    def test_in_memory(self):
        self.leaves_nothing("memory:", self.TIMES)

    def test_on_disk(self):
        self.leaves_nothing(os.path.join(self.folder, "store.db"), self.TIMES)

    def test_with_a_provider(self):
        """libcurl stays when it was needed, but only once."""
        with Fakellm() as provider:
            self.leaves_nothing("memory:", self.TIMES, provider.base("n/5") + "/v1")


class Subproject(Consumer):
    """A meson project that builds the library as a part of itself."""

    def test_linked_in_and_not_installed(self):
        os.mkdir(os.path.join(self.folder, "subprojects"))
        os.symlink(ROOT, os.path.join(self.folder, "subprojects", "aichat"))
        shutil.copy(SOURCE, self.folder)
        self.write("meson.build",
                   "project('consumer', 'c', default_options: 'buildtype=plain')\n"
                   "aichat = dependency('libaichat', version: '>=0.1',\n"
                   "  fallback: 'aichat', default_options: 'buildtype=plain')\n"
                   "executable('consumer', 'consumer.c', dependencies: aichat,\n"
                   "  install: true)\n")
        build = os.path.join(self.folder, "b")
        call("meson", "setup", build, self.folder, "--force-fallback-for=libaichat")
        call("ninja", "-C", build, "-j2", "consumer")
        tests = json.loads(call("meson", "introspect", build, "--tests"))
        self.assertEqual(tests, [])
        installed = json.loads(call("meson", "introspect", build, "--installed"))
        self.assertEqual([os.path.basename(path) for path in installed], ["consumer"])
        self.program = os.path.join(build, "consumer")
        self.assertEqual([name for name in self.needed() if "aichat" in name], [])
        self.says_its_version()


if __name__ == "__main__":
    unittest.main()
