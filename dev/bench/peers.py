#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The servers of others: what makes each ready, its command and its version; nothing where it is not installed."""
import os
import pathlib
import re
import shutil
import sys

from servers import ROOT, WORK, compile_c, output


def lws():
    if compile_c("peers/lws.c", "lws", "-O2", "-lwebsockets"):
        return [WORK / "lws", "PORT"], "libwebsockets " + output("pkg-config", "--modversion", "libwebsockets").rstrip("-")


def node():
    modules = {"NODE_PATH": "/usr/share/nodejs"}
    version = output("node", "-p", "'ws ' + require('ws/package.json').version + ', node ' + process.versions.node",
                     env={**os.environ, **modules})
    if version:
        return ["env", "NODE_PATH=/usr/share/nodejs", "node", ROOT / "Benchmarks/peers/node.js", "PORT"], version


def gorilla():
    settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(WORK / "go"), "GOFLAGS": ""}
    environment = {**os.environ, **settings}
    output("go", "build", "-o", WORK / "gorilla", ROOT / "Benchmarks/peers/gorilla.go", env=environment)
    if (WORK / "gorilla").exists():
        version = output("dpkg-query", "-W", "-f", "${Version}", "golang-github-gorilla-websocket-dev")
        return [WORK / "gorilla", "PORT"], f"gorilla/websocket {version}, {output('go', 'env', 'GOVERSION')}"


def python():
    question = (
        "import platform, uvloop, websockets.version; print(f'websockets {websockets.version.version}, "
        "uvloop {uvloop.__version__}, Python {platform.python_version()}')"
    )
    # Debian's packages are those of Debian's Python, whichever comes first in PATH.
    for interpreter in ["/usr/bin/python3", sys.executable]:
        version = output(interpreter, "-c", question)
        if version:
            return [interpreter, ROOT / "Benchmarks/peers/python.py", "PORT"], version


def nginx():
    """For who has put lua-resty-websocket into place: Debian has only the Lua module, libnginx-mod-http-lua."""
    library = pathlib.Path("/usr/share/lua/5.1/resty/websocket/server.lua")
    module = pathlib.Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
    if not (library.exists() and module.exists() and shutil.which("nginx")):
        return None
    (WORK / "nginx").mkdir(exist_ok=True)
    version = re.search(r"_VERSION = '(.*)'", library.read_text())
    server = output("sh", "-c", "nginx -v 2>&1").split(": ")[-1]
    both = f"{server}, lua-resty-websocket {version.group(1) if version else '?'}"
    return [ROOT / "Benchmarks/peers/nginx.sh", WORK / "nginx", "PORT"], both
