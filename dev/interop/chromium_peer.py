#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Headless Chromium: chromium_peer.py URL CERTIFICATE PAGE_PORT

Serves page.html over loopback, has the browser open it, and prints what the page sends back.
"""
import json
import os
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

URL, _, PORT = sys.argv[1:4]
PAGE = Path(__file__).with_name("page.html").read_bytes()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        is_page = self.path.startswith("/?")
        self.send_response(200 if is_page else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if is_page:
            self.wfile.write(PAGE)

    def do_POST(self):
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """The requests are no news."""


def main():
    version = subprocess.run(["chromium", "--version"], capture_output=True, text=True, check=True).stdout
    server = HTTPServer(("127.0.0.1", int(PORT)), Handler)
    server.timeout, server.result = 1, None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromium", "--headless=new", "--disable-gpu", "--ignore-certificate-errors", "--no-proxy-server"]
        command += ["--disable-background-networking", f"--user-data-dir={profile}"]
        # Chromium's sandbox does not work for root, and the only page is our own.
        command += ["--no-sandbox"] if os.getuid() == 0 else []
        command += [f"http://127.0.0.1:{PORT}/?{quote(URL)}"]
        with open(Path(profile) / "log", "wb") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                while server.result is None and browser.poll() is None:
                    server.handle_request()
            finally:
                browser.terminate()
                browser.wait()
        if server.result is None:
            sys.exit((Path(profile) / "log").read_text(errors="replace")[-500:])
    name = " ".join(version.split()[:2])
    print(json.dumps({"version": name, "checks": server.result}))


main()
