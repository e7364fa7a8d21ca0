#!/usr/bin/env python3
"""Prints the digest of every topology, for one build of the core to be compared with the other."""

from __future__ import annotations

from pathlib import Path

import sim

for path in sorted((Path(__file__).parent.parent / "topologies").glob("*.yaml")):
    report = sim.run(path)
    # with TLS, OpenSSL's own random bytes are in the payload
    print(path.name, report.shape if report.network.has_authority else report.digest)
