#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The examples' scripts, as their folders have them."""
from nightjar import ROOT


def example(name):
    """The sources of an example's scripts folder by their paths in it."""
    folder = ROOT / "examples" / name / "scripts"
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.lua"))}
