"""The ways in which other projects take the library up, each tried for real."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ["AICHAT_BUILD"]
SOURCE = os.path.join(HERE, "consumer.c")


def call(*command, **more):
    """Standard output of a command that must succeed."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors="replace", check=False, **more)
    if run.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {run.returncode}\n{run.stdout}")
    return run.stdout


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

    def needed(self, file=None):
        """Names of the shared objects that a file, or the program, asks for."""
        return [line.split("[")[1].rstrip("]") for line in
                call("readelf", "-dW", file or self.program).splitlines()
                if "(NEEDED)" in line]


class InstalledConsumer(Consumer):
    """The installed files, in a folder of their own."""

    def setUp(self):
        super().setUp()
        staging = os.path.join(self.folder, "staging")
        call("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", staging)
        found = [folder for folder, _, names in os.walk(staging)
                 if "libaichat.pc" in names]
        self.assertEqual(len(found), 1)
        self.libdir = os.path.dirname(found[0])
        self.environment = {**os.environ, "PKG_CONFIG_PATH": found[0]}
        self.staging = staging
        # As if the prefix had been the staging folder from the beginning.
        with open(os.path.join(found[0], "libaichat.pc"), "r+", encoding="utf-8") as file:
            text = file.read().replace("prefix=", f"prefix={staging}", 1)
            file.seek(0)
            file.write(text)

    def pkg_config(self, *arguments):
        return call("pkg-config", *arguments, env=self.environment).split()


class PkgConfig(InstalledConsumer):
    """A compiler and pkg-config, nothing else."""

    def test_shared(self):
        call("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", SOURCE,
             "-o", self.program, *self.pkg_config("--cflags", "--libs", "libaichat"))
        self.assertEqual([name for name in self.needed() if "aichat" in name],
                         ["libaichat.so.0"])
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)

    def test_no_curl_before_it_is_needed(self):
        library = os.path.join(self.libdir, "libaichat.so.0")
        self.assertIn("libsqlite3.so.0", self.needed(library))
        self.assertEqual([name for name in self.needed(library) if "curl" in name], [])
        self.assertNotIn("-lcurl", self.pkg_config("--static", "--libs", "libaichat"))

    def test_shared_from_cxx(self):
        call("c++", "-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", "c++",
             SOURCE, "-o", self.program,
             *self.pkg_config("--cflags", "--libs", "libaichat"))
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)

    def test_archive_with_shared_dependencies(self):
        call("cc", "-std=c99", SOURCE, "-o", self.program,
             *self.pkg_config("--cflags", "libaichat"),
             os.path.join(self.libdir, "libaichat.a"),
             *self.pkg_config("--libs", "json-c", "sqlite3", "libconfuse",
                              "libsodium"), "-pthread", "-lm")
        self.assertEqual([name for name in self.needed() if "aichat" in name], [])
        self.says_its_version()

    def test_only_what_users_need_is_installed(self):
        found = {os.path.splitext(name)[1] for _, _, names in os.walk(self.staging)
                 for name in names}
        self.assertLessEqual(found, {"", ".h", ".a", ".so", ".0", ".pc", ".1"})
        names = [name for _, _, names in os.walk(self.staging) for name in names]
        self.assertNotIn("fakellm", names)


class Cmake(InstalledConsumer):
    """Three lines of CMake, through its pkg-config module."""

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_shared(self):
        project = os.path.join(self.folder, "project")
        os.mkdir(project)
        shutil.copy(SOURCE, project)
        with open(os.path.join(project, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write("cmake_minimum_required(VERSION 3.16)\n"
                       "project(consumer C)\n"
                       "find_package(PkgConfig REQUIRED)\n"
                       "pkg_check_modules(aichat REQUIRED IMPORTED_TARGET libaichat)\n"
                       "add_executable(consumer consumer.c)\n"
                       "target_link_libraries(consumer PkgConfig::aichat)\n")
        call("cmake", "-S", project, "-B", self.folder, env=self.environment)
        call("cmake", "--build", self.folder, env=self.environment)
        self.says_its_version(LD_LIBRARY_PATH=self.libdir)


class Subproject(Consumer):
    """A meson project that builds the library as a part of itself."""

    def test_linked_in_and_not_installed(self):
        os.mkdir(os.path.join(self.folder, "subprojects"))
        os.symlink(ROOT, os.path.join(self.folder, "subprojects", "aichat"))
        shutil.copy(SOURCE, self.folder)
        with open(os.path.join(self.folder, "meson.build"), "w", encoding="utf-8") as file:
            file.write("project('consumer', 'c', default_options: 'buildtype=plain')\n"
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
