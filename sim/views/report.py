"""A run's report as text and as JUnit XML, both from the plain data of `report.json`."""

from __future__ import annotations

from typing import Any, Final
from xml.etree import ElementTree

from sim.units import format_about, format_bitrate_about
from sim.views.dns_walk import walk_lines
from sim.views.text import Line

Data = dict[str, Any]

INDENT: Final = " " * 10
WORTH_A_RATE: Final = 10_000
"""Bytes; the rate of less says how long the way is, and nothing else."""
MOST_FLOWS: Final = 16
"""Connections of a step that are listed."""


def step_lines(step: Data) -> list[Line]:
    """One step: passed or failed, what came of it, the way its first packet took, what was not as expected."""
    verdict: tuple[str, str] = ("ok  ", "good") if step["passed"] else ("FAIL", "error")
    lines: list[Line] = [[(f"{step['number']:>3} ", ""), verdict, (f"  {step['name']}", "name")]]
    indent = INDENT
    lines += walk_lines(step["dns"], indent)
    if step["summary"]:
        lines.append([(indent, ""), (step["summary"], "")])
    if len(step["path"]) > 1:
        lines.append([(indent, ""), (" > ".join(step["path"]), "address")])
    lines += [[(indent, ""), (f"conflict: {text}", "error")] for text in step["conflicts"]]
    lines += [[(indent, ""), (failure, "error")] for failure in step["failures"]]
    return lines


def flow_lines(flows: list[Data]) -> list[Line]:
    """A table of a tcp step's connections: what each got, and what it cost."""
    rows = [["connection", "received", "throughput", "retransmissions"]]
    for flow in flows[:MOST_FLOWS]:
        worth = flow["throughput"] is not None and flow["received"] >= WORTH_A_RATE
        rate = format_bitrate_about(flow["throughput"]) if worth else ""
        rows.append([flow["client"], f"{flow['received']:,} bytes", rate, f"{flow['retransmissions']:,}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[Line] = []
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append([(INDENT, ""), ("   ".join(cells), "" if number else "note")])
        error = flows[number - 1]["error"] if number else None
        if error:
            lines[-1].append((f"   {error}", "error"))
    if len(flows) > MOST_FLOWS:
        lines.append([(f"{INDENT}... and {len(flows) - MOST_FLOWS} more", "note")])
    return lines


def indented(lines: list[Line]) -> list[Line]:
    """The lines a little to the right."""
    return [[("  ", ""), *line] if line else line for line in lines]


def total_line(report: Data, frames: int) -> Line:
    """How it ended: steps passed, simulated time, frames on links, the digest; with TLS the shape's, which repeats."""
    steps = report["steps"]
    passed = sum(step["passed"] for step in steps)
    style = "good" if report["passed"] else "error"
    digest = f"shape {report['shape'][:16]}" if "shape" in report else f"digest {report['digest'][:16]}"
    return [
        (f"{passed} of {len(steps)} steps passed", style),
        (f"   {format_about(report['now'])} simulated, {frames} frames, {digest}", ""),
    ]


def junit(report: Data) -> str:
    """The report as JUnit XML, one test case per step; times are simulated seconds."""
    steps = report["steps"]
    failed = sum(not step["passed"] for step in steps)
    suite = ElementTree.Element(
        "testsuite",
        name=clean(report["topology"]),
        tests=str(len(steps)),
        failures=str(failed),
        errors="1" if report["error"] else "0",
        time=_seconds(0, report["now"]),
    )
    for step in steps:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=clean(report["topology"]),
            name=clean(f"{step['number']} {step['name']}"),
            time=_seconds(step["started"], step["ended"]),
        )
        if step["failures"]:
            failure = ElementTree.SubElement(case, "failure", message=clean(step["failures"][0]))
            failure.text = clean("\n".join(step["failures"]))
    if report["error"]:
        ElementTree.SubElement(suite, "system-err").text = clean(report["error"])
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def clean(text: str) -> str:
    """Text without the control characters that XML 1.0 cannot hold."""
    return "".join(character for character in text if character >= " " or character in "\t\n\r")


def _seconds(started: int | None, ended: int | None) -> str:
    return "0" if started is None or ended is None else f"{(ended - started) / 1e9:.9f}"
