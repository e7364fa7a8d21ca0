"""The page in a browser: it opens from a disk, and everything in it does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from sim.wire.decode import decode
from tests.views.page.pages import filmed

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Page

    from tests.views.page.conftest import Show

pytestmark = pytest.mark.slow


def clock(page: Page) -> int:
    """The time on the clock in ns."""
    return int(page.inner_text(".clock").replace("\u2009", "").replace(".", ""))


def opened(page: Page) -> int:
    """The number of the opened frame, as the list counts; 0 for none."""
    found = page.query_selector("#panel-frame .opened .number")
    return int(found.inner_text().removeprefix("#")) if found else 0


def starts(data: dict[str, Any]) -> list[int]:
    return sorted(data["frames"]["start"])


@pytest.mark.parametrize("name", ["home_nat", "dhcp_office", "dns_office", "fat_tree", "fragments"])
def test_it_opens_from_disk_without_a_network(show: Show, name: str) -> None:
    page = show(name)
    _, data = filmed(name)
    assert page.title().startswith(data["name"])
    assert page.inner_text("#verdict").endswith("passed")
    assert page.locator("#map [data-device]").count() == len(data["nodes"])
    for panel in "23451":
        page.keyboard.press(panel)
    page.keyboard.press("ArrowRight")
    assert opened(page) == 1


def test_frames_forward_and_back(show: Show) -> None:
    page = show("two_subnets")
    times = starts(filmed("two_subnets")[1])
    for number in (1, 2, 3, 4):
        page.keyboard.press("ArrowRight")
        assert (opened(page), clock(page)) == (number, times[number - 1])
    page.click("#do-back")
    assert (opened(page), clock(page)) == (3, times[2])
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert opened(page) == len(times)
    page.keyboard.press("Home")
    assert clock(page) == 0


def test_events_forward_and_back(show: Show) -> None:
    page = show("two_subnets")
    frames = filmed("two_subnets")[1]["frames"]
    instants = sorted({*frames["start"], *(time for time in frames["arrival"] if time >= 0)} - {0})
    for instant in instants[:5]:
        page.keyboard.press("Shift+ArrowRight")
        assert clock(page) == instant
    page.click("#do-eventBack")
    assert clock(page) == instants[3]


def test_dots_are_where_the_frames_are(show: Show) -> None:
    page = show("two_subnets")
    page.keyboard.press("ArrowRight")
    start = dot(page, 0)
    page.keyboard.press("Shift+ArrowRight")
    end = dot(page, 0)
    pc1, sw1 = box(page, "pc1"), box(page, "sw1")
    assert pc1["x"] <= start[0] <= pc1["x"] + pc1["width"]
    assert abs(start[1] - pc1["y"]) < 15
    assert sw1["x"] <= end[0] <= sw1["x"] + sw1["width"]
    assert abs(end[1] - sw1["y"] - sw1["height"]) < 15
    assert page.locator(".over .route").count() == 1


def dot(page: Page, row: int) -> tuple[float, float]:
    found = page.locator(f".over .dot[data-row='{row}']:not([display])").bounding_box()
    assert found is not None
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def box(page: Page, device: str) -> FloatRect:
    found = page.locator(f"#map [data-device='{device}'] .shape").bounding_box()
    assert found is not None
    return found


def test_play_runs_to_the_end_and_pauses(show: Show) -> None:
    page = show("two_subnets")
    page.locator(".pace input[type=range]").evaluate("box => { box.value = 1; box.dispatchEvent(new Event('input')); }")
    page.keyboard.press("Space")
    page.wait_for_selector("#do-play[aria-pressed=false]")
    assert clock(page) == filmed("two_subnets")[1]["end"]
    page.click("#do-play")  # it begins again
    page.wait_for_selector("#do-play[aria-pressed=true]")
    page.keyboard.press("Space")
    page.wait_for_selector("#do-play[aria-pressed=false]")


def test_the_scrubber_is_dragged(show: Show) -> None:
    page = show("tcp_handshake")
    canvas = page.locator("#scrubber").bounding_box()
    assert canvas is not None
    page.mouse.move(canvas["x"] + 2, canvas["y"] + 40)
    page.mouse.down()
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + 40)
    page.mouse.up()
    end = filmed("tcp_handshake")[1]["end"]
    assert clock(page) == pytest.approx(end / 2, rel=0.02)
    assert int(page.get_attribute("#scrubber", "aria-valuenow") or 0) == clock(page)


FILTERS: list[tuple[str, Callable[[set[str], bytes], bool]]] = [
    ("arp", lambda titles, frame: "ARP" in titles),
    ("arp or icmp", lambda titles, frame: "ARP" in titles or "ICMP" in titles),
    ("not arp && !(icmp)", lambda titles, frame: "ARP" not in titles and "ICMP" not in titles),
    ("ip.ttl == 63", lambda titles, frame: "ARP" not in titles and 63 in (frame[22], quoted(frame, 8))),
    ("eth.dst == ff:ff:ff:ff:ff:ff", lambda titles, frame: frame[:6] == b"\xff" * 6),
    ("ip.src == 10.0.2.0/24", lambda titles, frame: "ARP" not in titles and frame[26:29] == b"\x0a\0\2"),
    ('frame contains "\\x"', lambda titles, frame: b"x" in frame),
    ("frame contains 08:06:00", lambda titles, frame: b"\x08\x06\x00" in frame),
    ("frame.len > 90", lambda titles, frame: len(frame) > 90),
    ("icmp.type != 8", lambda titles, frame: "ICMP" in titles and 8 not in (frame[34], quoted(frame, 20))),
    ("udp || icmp.code == 3", lambda titles, frame: "UDP" in titles or quoted(frame, 9) == 17),
]


def quoted(frame: bytes, at: int) -> int:
    """A byte of the packet that an ICMP error quotes, -1 if it quotes none or none of ICMP's own header."""
    if frame[12:14] != b"\x08\0" or frame[23] != 1 or frame[34] not in (3, 11):
        return -1
    return -1 if at >= 20 and frame[51] != 1 else frame[42 + at]


def test_filters(show: Show) -> None:
    page = show("two_subnets")
    frames = filmed("two_subnets")[0].frames
    page.keyboard.press("/")
    for text, keeps in FILTERS:
        page.fill("#filter", text)
        page.keyboard.press("Enter")
        wanted = sum(keeps({layer.title() for layer in decode(frame)}, frame) for frame in frames)
        assert (text, page.inner_text("#filter-count")) == (text, f"{wanted} of {len(frames)}")
        assert page.inner_text("#filter-problem") == ""


WRONG = [
    ("tpc.port == 80", "There is no field “tpc.port”. Did you mean “tcp.port”?"),
    ("tcp.port = 80", "Write == to compare."),
    ("tcp.port ==", "A value is missing after “tcp.port ==”."),
    ("(arp", "A parenthesis is not closed."),
    ("arp icmp", "What should “icmp” do here? Join tests with “and” or “or”."),
    ('frame contains "GET', 'A quotation mark is not closed: "GET'),
    ("arp and", "Something is missing at the end."),
    ("data.text matches [", "“[” is no regular expression."),
    ("ip.src > 10.0.0.0/8", "A network such as 10.0.0.0/8 can be compared with == or != only."),
]


def test_wrong_filters_are_explained(show: Show) -> None:
    page = show("hub_versus_switch")
    for text, says in WRONG:
        page.fill("#filter", text)
        page.press("#filter", "Enter")
        assert page.inner_text("#filter-problem") == says
    page.press("#filter", "Escape")
    assert page.inner_text("#filter-problem") == ""
    assert page.inner_text("#filter-count").endswith("frames")


def test_one_journey_is_followed(show: Show) -> None:
    page = show("two_subnets")
    recorder, data = filmed("two_subnets")
    root = next(step for step in data["steps"] if step["journeys"])["journeys"][0]
    count = 0
    known = {root}
    for number, cause in zip(recorder.ids, recorder.causes, strict=True):
        if cause in known or number in known:
            known.add(number)
            count += 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("f")
    assert page.inner_text("#filter-count").startswith(f"{count} of ")
    assert f"journey {root}" in page.inner_text("#chips")
    page.click("#chips .chip")
    assert page.inner_text("#filter-count") == f"{len(recorder.ids)} frames"


def test_the_opened_frame_tells_its_way_and_why(show: Show) -> None:
    page = show("two_subnets")
    page.fill("#filter", "icmp and ip.dst == 10.0.2.20 and ip.ttl == 63")
    page.press("#filter", "Enter")
    page.locator("#frames .row[data-row]").first.click()
    changes = page.locator("#panel-frame .changes").first.inner_text()
    assert re.search(r"IPv4 Time to Live\s+64\s+→\s+63", changes)
    assert "Ethernet Source" in changes
    assert "IPv4 Header Checksum" in changes
    way = page.inner_text("#panel-frame .hops")
    assert re.search(r"sw1.*02:00:00", way)
    assert re.search(r"\br1\b", way)
    page.click("#language")
    assert re.search(r"[\u4e00-\u9fff]", page.inner_text("#panel-frame .hops .note"))


def test_fields_and_bytes_light_each_other_up(show: Show) -> None:
    page = show("two_subnets")
    page.fill("#filter", "icmp")
    page.press("#filter", "Enter")
    page.locator("#frames .row[data-row]").first.click()
    page.hover("#panel-frame .field[data-key='ip.ttl']")
    assert page.locator(".dump .codes .lit").evaluate_all("cells => cells.map(cell => cell.dataset.at)") == ["22"]
    page.hover("#panel-frame .field[data-key='ip.src']")
    assert page.locator(".dump .codes .lit").count() == 4
    page.hover(".dump .codes [data-at='30']")
    assert page.get_attribute("#panel-frame .layers .lit", "data-key") == "ip.dst"
    page.focus(".dump")
    page.keyboard.press("ArrowDown")
    assert page.locator(".dump .codes .lit").count() > 0


def test_a_drop_is_a_cross_where_it_happened(show: Show) -> None:
    page = show("ttl_death")
    page.fill("#filter", "drop")
    page.press("#filter", "Enter")
    page.locator("#frames .row[data-row]").first.click()
    page.wait_for_selector(".over .cross")
    assert page.locator("#panel-frame .bad").count() > 0


def test_the_address_holds_the_view(show: Show) -> None:
    page = show("two_subnets")
    page.fill("#filter", "icmp")
    page.press("#filter", "Enter")
    page.locator("#frames .row[data-row]").nth(2).click()
    page.keyboard.press("3")
    page.wait_for_url(re.compile("panel=ladder"))
    where, number, time = page.evaluate("location.hash"), opened_in_list(page), clock(page)
    again = show("two_subnets", where)
    assert opened_in_list(again) == number
    assert clock(again) == time
    assert again.input_value("#filter") == "icmp"
    assert again.get_attribute("#tab-ladder", "aria-selected") == "true"


def opened_in_list(page: Page) -> str:
    return page.inner_text("#frames .row.chosen .number")


def test_help_language_and_theme(show: Show) -> None:
    page = show("hub_versus_switch")
    page.keyboard.press("?")
    assert "frame back, frame forward" in page.inner_text("#keys")
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("l")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.inner_text("#tab-tables") == "表"


def test_every_text_is_there_in_both_languages(show: Show) -> None:
    from tests.views.page.pages import module

    page = show(html=module("words", "EN", "ZH"))
    assert page.evaluate("Object.keys(EN).filter(key => !(key in ZH))") == []
    assert page.evaluate("Object.keys(ZH).filter(key => !(key in EN))") == []
    holes = "texts => JSON.stringify(Object.keys(EN).filter(key => hole(EN[key]) !== hole(ZH[key])))"
    taken = "text => [...new Set([...text.matchAll(/\\{(\\w+)/g)].map(found => found[1]))].sort().join()"
    assert page.evaluate(f"(() => {{ const hole = {taken}; return ({holes})(); }})()") == "[]"


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_it_fits_a_telephone(show: Show, scheme: str, dark: bool) -> None:
    page = show("home_nat", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert (page.evaluate("document.documentElement.dataset.theme") == "dark") == dark
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#tab-frames")
    page.locator("#frames .row[data-row]").nth(3).click()
    assert opened(page) == 4
    for name in ("tables", "ladder", "charts", "steps", "frame"):
        page.click(f"#tab-{name}")
        assert page.locator(f"#panel-{name}").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_everything_can_be_reached_with_tab(show: Show) -> None:
    page = show("hub_versus_switch")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.device || ''"))
    assert {"filter", "theme", "help", "map", "h1", "do-play", "scrubber", "frames", "split", "tab-frame"} <= reached


def test_filters_that_are_a_click_away(show: Show) -> None:
    page = show("two_subnets")
    frames = filmed("two_subnets")[0].frames
    arp = sum(frame[12:14] == b"\x08\x06" for frame in frames)
    page.click("#map .legend button >> text=ARP")
    assert page.inner_text("#filter-count") == f"{arp} of {len(frames)}"
    page.click("#map .legend button >> text=ARP")
    assert page.inner_text("#filter-count") == f"{len(frames)} frames"
    page.click("#map [data-device=pc2] .name")
    page.click("#only-host")
    assert page.input_value("#filter") == "host == pc2"
    page.fill("#filter", "udp")
    page.press("#filter", "Enter")
    page.locator("#frames .row[data-row]").first.click()
    page.click("#only-flow")
    assert page.input_value("#filter").startswith("ip.addr == 10.0.1.10 and ip.addr == ")
    assert page.inner_text("#filter-problem") == ""
    assert re.match(r"[1-9]\d* of 56", page.inner_text("#filter-count"))
