#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What is configured, and what is refused by name and place."""
import pytest
from websockets.asyncio.client import connect

from nightjar import run


@pytest.fixture
def folder(tmp_path, echo):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/echo.lua").write_text(echo["echo.lua"])
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host: 127.0.0.1\nprot: 8080\n", ["`prot`", "nightjar.yaml:2", "`port`"]),
        ("limits:\n  mesage: 1MiB\n", ["`limits.mesage`", "nightjar.yaml:2", "`message`"]),
        ("# comment\nport: eighty\n", ["`port`", "nightjar.yaml:2", "eighty"]),
        ("port: 65536\n", ["`port`", "nightjar.yaml:1", "65536"]),
        ("limits:\n  message: 3 bananas\n", ["`limits.message`", "nightjar.yaml:2", "bananas"]),
        ("port: [\n", ["nightjar.yaml"]),
    ],
    ids=["unknown-key", "unknown-nested-key", "no-number", "out-of-range", "no-size", "no-yaml"],
)
def test_bad_file_is_refused(folder, text, expected):
    (folder / "nightjar.yaml").write_text(text)
    ended = run("serve", "scripts", "--config", "nightjar.yaml", cwd=folder)
    assert ended.returncode == 78
    # Messages may quote names in any way, so the marks do not count.
    plain = (ended.stdout + ended.stderr).replace("'", "`").replace('"', "`")
    for part in expected:
        assert part.strip("`") in plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "routes:\n  ecko:\n    limits:\n      message: 1KiB\n",
            "nightjar.yaml:2: unknown route `routes.ecko`: did you mean `echo`?",
        ),
        (
            "routes:\n  echo: {}\n  nosuch: {}\n",
            "nightjar.yaml:3: unknown route `routes.nosuch`: no `nosuch.lua` is served",
        ),
        (
            "routes:\n  echo:\n    limits:\n      mesage: 1KiB\n",
            "nightjar.yaml:4: unknown key `routes.echo.limits.mesage`: did you mean `message`?",
        ),
    ],
    ids=["near", "empty-section", "key"],
)
def test_bad_route_is_refused(folder, text, expected):
    (folder / "nightjar.yaml").write_text(text)
    ended = run("serve", "scripts", "--port", 0, "--config", "nightjar.yaml", cwd=folder)
    assert ended.returncode == 78
    assert ended.stderr == f"nightjar: {expected}\n"
    assert ended.stdout == ""


def test_script_cannot_steer_the_terminal_at_start(folder):
    (folder / "scripts/echo.lua").write_text('error("\\27[2Jfirst\\nsecond")')
    ended = run("serve", "scripts", "--port", 0, cwd=folder)
    assert ended.returncode == 1
    assert "\\x1b[2Jfirst\n    second\n" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_all_mistakes_are_reported_together(folder):
    (folder / "nightjar.yaml").write_text("prot: 1\nhots: a\n")
    ended = run("serve", "scripts", "--config", "nightjar.yaml", cwd=folder)
    assert "prot" in ended.stderr
    assert "hots" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NIGHTJAR_PROT", "1", ["NIGHTJAR_PROT", "NIGHTJAR_PORT"]),
        ("NIGHTJAR_PORT", "eighty", ["NIGHTJAR_PORT", "eighty"]),
        ("NIGHTJAR_LIMITS_MESSAGE", "-1", ["NIGHTJAR_LIMITS_MESSAGE", "-1"]),
    ],
)
def test_bad_environment_is_refused(folder, name, value, expected):
    ended = run("serve", "scripts", cwd=folder, environment={name: value})
    assert ended.returncode == 78
    for part in expected:
        assert part in ended.stderr


def test_missing_file_is_named(folder):
    ended = run("serve", "scripts", "--config", "nowhere.yaml", cwd=folder)
    assert ended.returncode == 78
    assert "nowhere.yaml" in ended.stderr


def test_missing_folder_is_named(tmp_path):
    ended = run("serve", "nowhere", "--port", "0", cwd=tmp_path)
    assert ended.returncode != 0
    assert "nowhere" in ended.stdout + ended.stderr


def test_taken_port_is_named(start, echo, folder):
    server = start(echo)
    ended = run("serve", "scripts", "--port", server.port, cwd=folder)
    assert ended.returncode == 1
    assert str(server.port) in ended.stdout + ended.stderr


def test_arguments_over_environment_over_file(start, echo, tmp_path):
    """The port of each source is refused or taken: only the argument's 0 gives a free one."""
    (tmp_path / "settings.yaml").write_text("port: 1\n")
    server = start(echo, "--config", tmp_path / "settings.yaml", settings={"port": 2})
    assert server.port > 2


async def test_file_limits_one_route(start, echo, tmp_path):
    (tmp_path / "settings.yaml").write_text("routes:\n  small:\n    limits:\n      message: 16\n")
    scripts = echo | {"small.lua": echo["echo.lua"]}
    server = start(scripts, "--config", tmp_path / "settings.yaml")
    async with connect(server.url("/echo")) as client:
        await client.send("x" * 17)
        assert await client.recv() == "x" * 17
    async with connect(server.url("/small")) as client:
        await client.send("x" * 16)
        assert await client.recv() == "x" * 16
        await client.send("x" * 17)
        await client.wait_closed()
        assert client.close_code == 1009


def test_version_and_help(tmp_path):
    version = run("--version", cwd=tmp_path)
    assert (version.returncode, version.stdout.strip()) == (0, "0.1.0")
    text = run("serve", "--help", cwd=tmp_path)
    assert text.returncode == 0
    for option in ["--host", "--port", "--config", "--log-level", "--dev"]:
        assert option in text.stdout
