"""What stands between the sentences of an explained journey, by language."""

from __future__ import annotations

from typing import Final

TREE: Final[dict[str, dict[str, str]]] = {
    "en": {
        "same frame": "the same frame",
        "same packet": "the same packet, new header",
        "later": "{} later: {}",
        "lost": "lost: {}",
        "nowhere": "nowhere",
        "more": "... and more: only the first {} hops are shown",
        "delivered": "delivered",
        "not delivered": "not delivered",
        "from": "where it comes from",
        "this": "this frame",
        "after": "what became of it",
        "nothing": "nobody noted anything about it",
        "end": "the recording ends before it arrives",
        "unknown cause": "it was sent because of {}, which is not in the trace",
        "no cause": "nothing on the wire has caused it",
        "alone": "nothing was sent because of it",
    },
    "zh": {
        "same frame": "同一帧",
        "same packet": "同一个数据包，换了首部",
        "later": "（{} 后）{}",
        "lost": "丢失：{}",
        "nowhere": "没有对端",
        "more": "……还有更多：只显示前 {} 跳",
        "delivered": "已送达",
        "not delivered": "未送达",
        "from": "从何而来",
        "this": "这一帧",
        "after": "后来怎样",
        "nothing": "没有设备对它作过记录",
        "end": "它还没有到达，记录就结束了",
        "unknown cause": "它因 {} 而发，但那一帧不在这份记录里",
        "no cause": "它不是由线路上的任何东西引起的",
        "alone": "没有因它而发出别的帧",
    },
}
