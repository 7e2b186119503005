#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""`nightjar check`: what it says, where, and its exit status; and that a start says the same."""
import re
import urllib.error
import urllib.request

import pytest

from nightjar import PATIENCE, ROOT, run

GOOD = """local names = require "lib.names"
local echo = { limits = { message = "16KiB" } }
function echo.load() error("a check does not run this") end
function echo.message(conn, data) conn:send(names.of(data)) end
print("said while loading")
return echo
"""
NAMES = "return { of = function(data) return data end }\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with scripts that are all right; a test writes what is not."""
    write(tmp_path, {"scripts/echo.lua": GOOD, "scripts/lib/names.lua": NAMES})
    return tmp_path


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_good_scripts(folder):
    ended = run("check", cwd=folder)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1 script, 1 route: no errors\n", "")


@pytest.mark.parametrize("scripts", ["scripts", *(f"examples/{name}/scripts" for name in ("chat", "cursors", "device"))])
def test_the_projects_own_scripts(scripts):
    ended = run("check", scripts, cwd=ROOT)
    assert ended.returncode == 0 and ended.stderr == ""
    assert re.fullmatch(r"\d+ scripts?, \d+ routes?: no errors\n", ended.stdout)


def test_all_errors_of_all_scripts(folder):
    write(
        folder,
        {
            "scripts/broken.lua": "local b = {}\nfunction b.message(conn)\n  conn:send('ä' x)\nend\nreturn b\n",
            "scripts/chat.lua": "return {\n  mesage = print,\n  clos = print,\n  limits = { wal = 1 },\n}\n",
            "scripts/one.lua": 'require "lib.bad"\n',
            "scripts/two.lua": 'local bad = require "lib.bad"\n',
            "scripts/lib/bad.lua": "local function f(x)\n\treturn x.y\nend\nreturn f(nil)\n",
            "scripts/a.lua": 'return { path = "/same" }\n',
            "scripts/b.lua": 'return {\n  path = "/same",\n}\n',
            "scripts/not a route.lua": "return {}\n",
            "nightjar.yaml": "routes:\n  ehco: {}\n  a:\n    limits: {buffered: 1}\n",
        },
    )
    ended = run("check", "--config", "nightjar.yaml", cwd=folder)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr == """\
scripts/broken.lua:3:17: error: ')' expected near 'x'
    3 |   conn:send('ä' x)
      |                 ^
scripts/chat.lua:2:3: error: unknown key of the returned table: "mesage": did you mean "message"?
    2 |   mesage = print,
      |   ^~~~~~
scripts/chat.lua:3:3: error: unknown key of the returned table: "clos": did you mean "close"?
    3 |   clos = print,
      |   ^~~~
scripts/chat.lua:4:14: error: limits.wal: unknown setting: did you mean limits.wall?
    4 |   limits = { wal = 1 },
      |              ^~~
scripts/lib/bad.lua:2:9: error: attempt to index a nil value (local 'x')
    2 |     return x.y
      |            ^
in:
    scripts/lib/bad.lua:2: in function <lib/bad.lua:1>
    scripts/one.lua:1: in the top level
scripts/not a route.lua: error: its name makes no path (letters, digits and any of ._- do): rename it, or give it a `path`
nightjar.yaml:2: error: unknown route `routes.ehco`: did you mean `echo`?
nightjar.yaml:4: error: `limits.buffered_soft` is 64KiB (by default), more than `limits.buffered`, which is 1 \
(nightjar.yaml:4): reading pauses at the first and the connection is closed at the second
8 errors in 8 scripts
"""


def test_copies_of_a_script(folder):
    write(folder, {"scripts/echo.lua": "if ws.instance == 2 then error('no second') end\nreturn { instances = 'per-core' }"})
    ended = run("check", cwd=folder)
    assert ended.returncode == 1
    assert ended.stderr.startswith("scripts/echo.lua:1: error: no second\n")


def test_paths_that_are_served_twice(folder):
    write(folder, {"scripts/a.lua": 'return { path = "/same" }\n', "scripts/b.lua": 'return {\n  path = "/same",\n}\n'})
    ended = run("check", "./scripts/", cwd=folder)
    assert ended.returncode == 1
    assert ended.stderr == """\
scripts/b.lua:2:3: error: path: `/same` is served by a.lua too: give one of them another `path`
    2 |   path = "/same",
      |   ^~~~
1 error in 3 scripts
"""


def test_places_are_seen_from_the_current_folder(folder):
    write(folder, {"scripts/echo.lua": "retrun {}\n"})
    for arguments, cwd, prefix in [
        (["scripts"], folder, "scripts/"),
        ([folder / "scripts"], folder, "scripts/"),
        (["."], folder / "scripts", ""),
        (["../scripts"], folder / "scripts", "../scripts/"),
    ]:
        ended = run("check", *arguments, cwd=cwd)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"{prefix}echo.lua:1:1: error: attempt to call a nil value (global 'retrun')\n")


def test_limits_of_loading_hold(folder):
    write(folder, {"scripts/echo.lua": "while true do end\n"})
    ended = run("check", cwd=folder, environment={"NIGHTJAR_LIMITS_LOAD": "50ms"})
    assert ended.returncode == 1
    assert ended.stderr.startswith("scripts/echo.lua:1: error: loading ran longer than 50 ms of CPU time\n")
    assert "raise `limits.load` in the configuration" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["nowhere"], 1, "error: the scripts folder 'nowhere' cannot be read (No such file or directory)"),
        (["--port", "1"], 64, "--port"),
        (["a", "b"], 64, "b"),
        (["--config", "nowhere.yaml"], 78, "nowhere.yaml: error: cannot be read"),
        (["--config", "bad.yaml"], 78, "bad.yaml:1: error: unknown key `prot`: did you mean `port`?"),
    ],
    ids=["folder", "option", "argument", "no-file", "bad-file"],
)
def test_other_ends(folder, arguments, status, text):
    write(folder, {"bad.yaml": "prot: 1\n"})
    ended = run("check", *arguments, cwd=folder)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert text in ended.stderr


def test_a_start_shows_the_same_place(folder):
    write(folder, {"scripts/echo.lua": "local e = {}\nfunction e.mesage() end\nreturn e\n"})
    ended = run("serve", "scripts", "--port", "0", cwd=folder)
    assert ended.returncode == 1
    assert ended.stderr == """\
nightjar: echo.lua:2:12: unknown key of the returned table: "mesage": did you mean "message"?
    2 | function e.mesage() end
      |            ^~~~~~
"""


def test_the_log_shows_the_place_under_dev(start):
    """In one line of JSON, however many lines the excerpt has."""
    script = "return {\n  request = function(req)\n    return 200, tostirng(req.path)\n  end,\n}\n"
    for arguments, source in [(["--dev"], "    3 |     return 200, tostirng(req.path)\n      |                 ^~~~~~~~"), ([], None)]:
        server = start({"bad.lua": script}, *arguments)
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/bad", timeout=PATIENCE)
        entry = server.logged("script error")
        assert entry["source"] == (source or "    return 200, tostirng(req.path)")
        assert entry.get("help") == (source and "did you mean `tostring`?")
