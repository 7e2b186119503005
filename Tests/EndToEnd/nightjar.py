#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The built binary as a process: started on a free port, its output read as it comes, stopped by signal."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("NIGHTJAR_BIN", ".build/release/nightjar")).resolve()

# How long anything may take that should take no time, on a machine that others use too.
PATIENCE = 30


class AdminConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Output:
    """What a process writes to one of its streams, line by line; a thread reads it as it comes."""

    def __init__(self, stream):
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, matches):
        """The first line that `matches` accepts, also of those to come; None if the stream ends without one."""

        def found():
            return next((line for line in self.lines if matches(line)), None)

        with self.changed:
            self.changed.wait_for(lambda: self.ended or found() is not None, PATIENCE)
            return found()

    @property
    def text(self):
        with self.changed:
            return "\n".join(self.lines)


def run(*arguments, cwd, environment=None):
    """Runs the binary to its end."""
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        cwd=cwd,
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def clean_environment(additions=None):
    """The environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTJAR_")}
    return kept | (additions or {})


def scripts_of(*folders):
    """The sources of these folders' scripts by name."""
    return {path.name: path.read_text() for folder in folders for path in sorted((ROOT / folder).glob("*.lua"))}


class Nightjar:
    """A running server on a free port of 127.0.0.1.

    `scripts` maps file names to sources. Configuration goes through the environment, by key: {"threads.io": 2};
    `environment` has other variables.
    """

    def __init__(
        self, folder, scripts, *arguments, settings=None, environment=None, reads_log=True, file_limit=None,
        unprivileged=False
    ):
        self.folder = Path(folder)
        for name, source in scripts.items():
            path = self.folder / "scripts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        # Shutdown spreads its closes over ten seconds, which tests need not wait for.
        settings = {"drain.window": "100ms"} | (settings or {})
        given = {"NIGHTJAR_" + key.upper().replace(".", "_"): str(value) for key, value in settings.items()}
        command = [BINARY, "serve", "scripts", *arguments]
        if "listen" not in settings:
            command += ["--host", "127.0.0.1", "--port", "0"]
        if unprivileged and os.geteuid() == 0:
            command = [shutil.which("setpriv"), "--inh-caps=-all", "--bounding-set=-all", *command]
        if file_limit:
            command = [shutil.which("prlimit"), f"--nofile={file_limit}", *command]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=clean_environment(given | (environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.output = Output(self.process.stdout)
        self.log = Output(self.process.stderr) if reads_log else None
        # The start text names each route with its URL.
        url = self.output.wait_for(re.compile(r"ws://127\.0\.0\.1:\d+").search)
        if url is None:
            self.process.kill()
            raise AssertionError(f"the server did not start:\n{self.output.text}\n{self.log and self.log.text}")
        self.port = int(re.search(r"ws://127\.0\.0\.1:(\d+)", url)[1])

    def url(self, path):
        return f"ws://127.0.0.1:{self.port}{path}"

    def logged(self, *texts):
        """The first entry of the log that has all these texts, as the JSON object that every line has to be."""
        line = self.log.wait_for(lambda line: all(text in line for text in texts))
        assert line is not None, f"nothing logged with {texts}:\n{self.log.text}"
        return json.loads(line)

    @property
    def admin_socket(self):
        """The path that `admin: auto` stands for."""
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        folder = f"{runtime}/nightjar" if runtime and os.path.exists(runtime) else f"/tmp/nightjar-{os.getuid()}"
        return f"{folder}/admin-{self.port}.sock"

    def ask(self, path, method="GET", headers=None):
        """Status, headers and text of an answer of the admin listener."""
        connection = AdminConnection(self.admin_socket)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        """Every value of /metrics by its name and labels, as they are written there."""
        status, _, text = self.ask("/metrics")
        assert status == 200, text
        pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def wait_for_metric(self, name, least):
        """The value of a metric once it is at least `least`."""
        end = time.monotonic() + PATIENCE
        while (value := self.metrics()[name]) < least:
            assert time.monotonic() < end, f"{name} is {value}, not {least}"
            time.sleep(0.02)
        return value

    def cpu_seconds(self):
        """CPU time that the process has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        """Ends a process that cannot drain, for one because a script holds up its event loop."""
        self.process.kill()
        self.wait()

    def wait(self):
        """The exit code, once the process has ended."""
        return self.process.wait(PATIENCE)

    def stop(self):
        """Ends the process, and holds that it still ran and drained well."""
        running = self.process.poll() is None
        if running:
            self.terminate()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"SIGTERM did not end the server in {PATIENCE} s") from None
        assert running and code == 0, f"the server ended with {code}:\n{self.log and self.log.text[-4000:]}"
