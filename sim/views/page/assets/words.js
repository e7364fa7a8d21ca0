// What the page says, in English and Chinese. Sentences about devices come with the recording (sentences.js).

const EN = {
  filter: "Filter", filterHint: "Filter: tcp.port == 80, arp or icmp, host == pc1 …", filterClear: "Clear the filter (Escape)",
  filterCount: "{count} of {all}", filterAll: "{all} frames",
  filterSign: "“{text}” cannot be read here.", filterQuote: "A quotation mark is not closed: {text}",
  filterParenthesis: "A parenthesis is not closed.", filterEnd: "Something is missing at the end.",
  filterName: "A field or protocol should stand where “{text}” is.", filterRest: "What should “{text}” do here? Join tests with “and” or “or”.",
  filterEquals: "Write == to compare.", filterValue: "A value is missing after “{text}”.",
  filterUnknown: "There is no field “{text}”.", filterUnknownNear: "There is no field “{text}”. Did you mean “{near}”?",
  filterNetwork: "A network such as 10.0.0.0/8 can be compared with == or != only.", filterPattern: "“{text}” is no regular expression.",
  language: "Language", theme: "Light or dark (T)", help: "Keyboard and help (?)", map: "Map of the network", time: "Time", frames: "Frames", split: "Width of the panels",
  panels: "Panels", frame: "Frame", tables: "Tables", ladder: "Ladder", charts: "Charts", steps: "Steps",
  passed: "passed", failed: "failed", seed: "seed {seed}",
  sampled: "{all} frames were recorded. This page holds {n} of them, so that it stays quick.",
  play: "Play", pause: "Pause", back: "Frame back", forward: "Frame forward", eventBack: "Event back", eventForward: "Event forward",
  toStart: "To the start", toEnd: "To the end", speed: "Speed", auto: "auto", autoTitle: "Choose the speed so that frames can be followed",
  perSecond: "{time}/s", realTime: "real time", times: "{n}× real time", skip: "skip quiet", skipTitle: "Pass over times in which nothing happens", zoomIn: "Zoom in", zoomOut: "Zoom out", zoomAll: "The whole run", fit: "Fit",
  scrubber: "Time", more: "+{n} more in flight",
  drop: "dropped", lost: "lost", up: "up", down: "down", on: "on", off: "off", linkChange: "{link} goes {state}", powerChange: "{node} is switched {state}",
  number: "No.", timeColumn: "Time", ends: "Source → Destination", protocol: "Protocol", length: "Length", hop: "Link", info: "Info",
  noFrames: "No frame passes the filter.", devices: "{n:# device|# devices}", noFrame: "Choose a frame in the list or on the map, or step with ← and →. Space plays. All keys:", emptyFilm: "Nothing has been sent yet.",
  follow: "Follow this journey", followStop: "Show all frames", journeyChip: "journey {id}", flowLadder: "Ladder", filterFlow: "Only this flow", filterHost: "Only its frames", filterProtocol: "Only {name}",
  bytes: "{n:# byte|# bytes}", sentAt: "sent {time}", arrives: "arrives after {time}", lostFrame: "lost: {reason}", neverSent: "never got onto the link: {reason}", changedOnTheWay: "bytes changed on the way", copy: "a copy made by the link",
  allBytes: "Show all {n} bytes", notKept: "The last {n:# byte was|# bytes were} not kept in this page.",
  layers: "Fields", hexdump: "Bytes", path: "The way of this packet", because: "because of", leadsTo: "leads to",
  hopsCut: "The packet takes many ways: only this one is shown.", to: "to", nowhere: "nowhere", at: "at",
  device: "Device", noTables: "{node} keeps no table so far.", noTablesAtAll: "This recording holds no tables.", rows: "{n:# row|# rows}", lastChange: "last change {time} ago", noChange: "no change yet", previousChange: "Previous change", nextChange: "Next change", gone: "gone", empty: "empty",
  flow: "Flow", noFlows: "There is no TCP, UDP or echo flow here.", compact: "compact", toScale: "to scale", retransmission: "retransmission", duplicateAck: "duplicate ACK {n}", sack: "SACK {blocks}", zeroWindow: "zero window", reset: "reset", segments: "{n:# message|# messages}", messagesPart: "Messages {from}–{to} of {all} around the time shown",
  subject: "Of", throughput: "Throughput", timeSequence: "Time-sequence", drops: "Drops", allLinks: "all links together", other: "other", acknowledged: "acknowledged", sent: "sent", again: "sent again", noCharts: "Nothing to draw: the network has moved nothing.",
  cwnd: "Congestion window", ssthresh: "Slow-start threshold", in_flight: "In flight", srtt: "Round trip (smoothed)", rto: "Retransmission timeout", queue: "Queue", pacing_rate: "Pacing rate", window: "Window", roundTrip: "Round-trip time",
  noSteps: "The file has no scenario.", notStarted: "did not begin", gotoStep: "Go to this step", showJourney: "journey",
  keysTitle: "Keyboard", close: "Close", legendTitle: "Colours", copyLink: "The address bar holds this view: copy it to share the moment.",
  keyPlay: "play, pause", keyFrame: "frame back, frame forward", keyEvent: "event back, event forward", keyEnds: "start, end", keySpeed: "slower, faster", keyAuto: "speed as it suits", keyZoom: "zoom the time in, out; 0 the whole run", keyFilter: "to the filter; Enter applies, Escape clears", keyFollow: "follow the journey of the opened frame, or stop", keyPanels: "frame, tables, ladder, charts, steps, frames", keyList: "in the list: move through the frames", keyMap: "on the map: move and zoom it, Home fits it", keyDevice: "Tab to a device on the map, Enter shows its tables", keyLanguage: "language", keyTheme: "light, dark", keyHelp: "this help",
};

const ZH = {
  filter: "过滤", filterHint: "过滤：tcp.port == 80，arp or icmp，host == pc1 …", filterClear: "清除过滤（Escape）",
  filterCount: "{count} / {all}", filterAll: "{all} 帧",
  filterSign: "这里看不懂“{text}”。", filterQuote: "引号没有闭合：{text}",
  filterParenthesis: "括号没有闭合。", filterEnd: "末尾缺少内容。",
  filterName: "“{text}”的位置应该是字段或协议。", filterRest: "“{text}”在这里做什么？请用 and 或 or 连接条件。",
  filterEquals: "比较请写 ==。", filterValue: "“{text}”后面缺少值。",
  filterUnknown: "没有字段“{text}”。", filterUnknownNear: "没有字段“{text}”。是不是“{near}”？",
  filterNetwork: "10.0.0.0/8 这样的网段只能用 == 或 != 比较。", filterPattern: "“{text}”不是正则表达式。",
  language: "语言", theme: "浅色或深色（T）", help: "键盘与帮助（?）", map: "网络图", time: "时间", frames: "帧列表", split: "面板宽度",
  panels: "面板", frame: "帧", tables: "表", ladder: "时序图", charts: "曲线", steps: "步骤",
  passed: "通过", failed: "未通过", seed: "种子 {seed}",
  sampled: "共记录 {all} 帧；为保持流畅，本页只含其中 {n} 帧。",
  play: "播放", pause: "暂停", back: "上一帧", forward: "下一帧", eventBack: "上一事件", eventForward: "下一事件",
  toStart: "到开头", toEnd: "到结尾", speed: "速度", auto: "自动", autoTitle: "自动选择看得清的速度",
  perSecond: "每秒 {time}", realTime: "实时", times: "{n} 倍实时", skip: "跳过空闲", skipTitle: "跳过没有事件的时间", zoomIn: "放大", zoomOut: "缩小", zoomAll: "整个过程", fit: "适应",
  scrubber: "时间", more: "另有 {n} 帧在途",
  drop: "丢弃", lost: "丢失", up: "接通", down: "断开", on: "开机", off: "关机", linkChange: "{link} {state}", powerChange: "{node} {state}",
  number: "序号", timeColumn: "时间", ends: "源 → 目的", protocol: "协议", length: "长度", hop: "链路", info: "信息",
  noFrames: "没有帧符合过滤条件。", devices: "{n} 台设备", noFrame: "在列表或网络图上选一帧，或按 ← 与 → 逐帧移动；空格播放。全部按键：", emptyFilm: "还没有发送任何帧。",
  follow: "跟踪这次旅程", followStop: "显示全部帧", journeyChip: "旅程 {id}", flowLadder: "时序图", filterFlow: "只看这条流", filterHost: "只看它的帧", filterProtocol: "只看 {name}",
  bytes: "{n} 字节", sentAt: "{time} 发出", arrives: "{time} 后到达", lostFrame: "丢失：{reason}", neverSent: "没有上链路：{reason}", changedOnTheWay: "途中字节被改动", copy: "链路产生的副本",
  allBytes: "显示全部 {n} 字节", notKept: "最后 {n} 字节没有保存在本页中。",
  layers: "字段", hexdump: "字节", path: "这个包走过的路", because: "起因", leadsTo: "引出",
  hopsCut: "这个包走了许多条路：这里只显示这一条。", to: "到", nowhere: "无处", at: "在",
  device: "设备", noTables: "{node} 目前没有任何表项。", noTablesAtAll: "这份记录不含表。", rows: "{n} 行", lastChange: "{time} 前变化", noChange: "尚无变化", previousChange: "上一次变化", nextChange: "下一次变化", gone: "已删除", empty: "空",
  flow: "流", noFlows: "这里没有 TCP、UDP 或回显流。", compact: "紧凑", toScale: "按比例", retransmission: "重传", duplicateAck: "重复 ACK {n}", sack: "SACK {blocks}", zeroWindow: "零窗口", reset: "复位", segments: "{n} 条消息", messagesPart: "所示时刻附近的消息 {from}–{to}，共 {all}",
  subject: "对象", throughput: "吞吐量", timeSequence: "时间-序号", drops: "丢包", allLinks: "所有链路合计", other: "其他", acknowledged: "已确认", sent: "已发送", again: "重发", noCharts: "没有可画的内容：网络没有传送任何东西。",
  cwnd: "拥塞窗口", ssthresh: "慢启动阈值", in_flight: "在途", srtt: "平滑往返时间", rto: "重传超时", queue: "队列", pacing_rate: "发送节奏", window: "窗口", roundTrip: "往返时间",
  noSteps: "这个文件没有场景。", notStarted: "没有开始", gotoStep: "跳到这一步", showJourney: "旅程",
  keysTitle: "键盘", close: "关闭", legendTitle: "颜色", copyLink: "地址栏记录了当前画面：复制即可分享这一刻。",
  keyPlay: "播放、暂停", keyFrame: "上一帧、下一帧", keyEvent: "上一事件、下一事件", keyEnds: "开头、结尾", keySpeed: "更慢、更快", keyAuto: "自动速度", keyZoom: "放大、缩小时间；0 为整个过程", keyFilter: "转到过滤；Enter 应用，Escape 清除", keyFollow: "跟踪或停止跟踪所选帧的旅程", keyPanels: "帧、表、时序图、曲线、步骤、帧列表", keyList: "在列表中：逐帧移动", keyMap: "在网络图上：移动与缩放，Home 适应", keyDevice: "用 Tab 选设备，Enter 看它的表", keyLanguage: "语言", keyTheme: "浅色、深色", keyHelp: "本帮助",
};

const WORDS = { en: EN, zh: ZH };

/** A text by its name; `{x}` are values, `{n:# one|# many}` chooses by the number. */
export function word(language, name, values = {}) {
  const text = WORDS[language][name] || EN[name] || name;
  return text.replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (_, key, one, many) => {
    const value = String(values[key]);
    if (one === undefined) return value;
    return (values[key] === 1 ? one : many).replace("#", value);
  });
}

/** The words of every element that names one by `data-word`, `data-title` or `data-label`. */
export function putWords(root, language) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = word(language, node.dataset.word);
  for (const node of root.querySelectorAll("[data-title]")) {
    node.title = word(language, node.dataset.title);
    node.setAttribute("aria-label", node.title);
  }
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(language, node.dataset.label));
}

export const LANGUAGES = ["en", "zh"];
export { EN, ZH };
