#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What is measured: the works, their bars, and how much of a thing a message may not cost more with."""
import os
import resource

ROUNDS = int(os.environ.get("ROUNDS") or 5)
SECS = float(os.environ.get("SECS") or 2)
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

BARE, OURS, HOP = "bare loop", "Nightjar", "Nightjar, hop"
NGINX = "nginx (LuaJIT)"

# name, unit, field of wsload's line, path, options of wsload, bar of the ratio to the bare loop
ECHO = ["--mode", "echo", "--spin"]
BROADCAST = ["--mode", "broadcast", "--spin"]
CPU, EACH, DELIVERY = "srv_cpu_us_per_msg", "CPU µs a message", "CPU µs a delivery"
DEPTH_1, DEPTH_16 = "echo 64 × 32 B, depth 1", "echo 64 × 32 B, depth 16"
WORKS = [
    (DEPTH_1, EACH, CPU, "/echo", ECHO + ["--conns", "64", "--size", "32"], 1.25),
    (DEPTH_16, EACH, CPU, "/echo", ECHO + ["--conns", "64", "--size", "32", "--depth", "16"], 1.5),
    ("echo 256 × 1 KiB", EACH, CPU, "/echo", ECHO + ["--conns", "256", "--size", "1024"], 1.4),
    ("echo 8 × 64,000 B", EACH, CPU, "/echo", ECHO + ["--conns", "8", "--size", "64000"], 1.5),
    ("broadcast 1 → 500, 64 B", DELIVERY, CPU, "/bc/0", BROADCAST + ["--conns", "500", "--size", "64"], 1.1),
    ("broadcast 1 → 500, 1 KiB", DELIVERY, CPU, "/bc/0", BROADCAST + ["--conns", "500", "--size", "1024"], None),
    ("chat, 10 rooms of 50, all talking, 64 B", DELIVERY, CPU, "/bc",
     BROADCAST + ["--conns", "500", "--rooms", "10", "--depth", "500", "--size", "64"], None),
    ("handshake, one echo, close", "CPU µs each", CPU, "/echo", ["--mode", "churn", "--spin", "--conns", "32"], 1.5),
]
HANDSHAKES = "handshakes with an echo and a close"
IDLE, IDLE_CONNS, IDLE_BAR = "idle connection, at 10,000", 10_000, 5 * 1024
LATENCY = ["p50", "p99", "p99.9"]
LATENCY_FIELDS = dict(zip(LATENCY, ["p50_us", "p99_us", "p999_us"]))
LATENCY_BAR, HOP_BAR = 1.3, 1.6

# What a message may not cost more with: how much of it there is.
GROWTH_IDLE = [10, 1_000, 10_000] + ([15_000] if FILES * 9 // 10 > 15_200 else [])
# With the 64 that talk, each in a room of its own: nine others are in so many more each.
GROWTH_ROOMS = {64: None, 1_000: 103, 10_000: 1_103}
GROWTH_ROUTES = [1, 100, 1_000]
