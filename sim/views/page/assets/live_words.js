// What the live page says beside the words of every page.

import { EN, ZH } from "./words.js";

Object.assign(EN, {
  live: "Live", liveConnecting: "connecting…", liveOpen: "live", livePaused: "paused", liveLost: "connection lost, trying again…", liveOver: "this run is over",
  liveOverTitle: "The server that this page belongs to has ended. Open the address that the next one prints.", offline: "There is no connection to the network.",
  netPause: "Pause network", netRun: "Run network", netStep: "Step", netStepTitle: "Let the network go on to the next event", netSpeed: "Speed of the network", toNow: "To now", toNowTitle: "Follow what happens as it happens",
  behind: "{time} behind the clock", missed: "{n:# frame|# frames} not shown", letGo: "The oldest {n:# frame was|# frames were} let go.", speedTimes: "{n}×",
  console: "Console", consoleOf: "Console of {node}", typeHere: "ping {node}", typeHelp: "help", stopIt: "Ctrl-C", switchOff: "Switch off", switchOn: "Switch on", isOff: "{node} is switched off.",
  link: "Link", cut: "Cut", mend: "Mend", bandwidth: "Bandwidth", delay: "Delay", loss: "Loss", apply: "Apply", linkUp: "up", linkDown: "down", ofLink: "Properties of the link",
  sendFrame: "Send a frame", from: "From", sendIt: "Send", frameHint: "A Scapy expression, or hex digits", frameSent: "Sent: journey {n}.", putBack: "Put devices back", others: "{n:# other looks|# others look}", dragHint: "Drag devices to move them, here and for everybody.",
});
Object.assign(ZH, {
  live: "实时", liveConnecting: "正在连接…", liveOpen: "实时", livePaused: "已暂停", liveLost: "连接断开，正在重试…", liveOver: "本次运行已结束",
  liveOverTitle: "本页所属的服务器已结束。请打开新服务器给出的地址。", offline: "与网络没有连接。",
  netPause: "暂停网络", netRun: "运行网络", netStep: "单步", netStepTitle: "让网络走到下一个事件", netSpeed: "网络速度", toNow: "到现在", toNowTitle: "跟随正在发生的事",
  behind: "落后时钟 {time}", missed: "{n} 帧未显示", letGo: "最早的 {n} 帧已放弃。", speedTimes: "{n}×",
  console: "控制台", consoleOf: "{node} 的控制台", typeHere: "ping {node}", typeHelp: "help", stopIt: "Ctrl-C", switchOff: "关机", switchOn: "开机", isOff: "{node} 已关机。",
  link: "链路", cut: "切断", mend: "接通", bandwidth: "带宽", delay: "延迟", loss: "丢包率", apply: "应用", linkUp: "接通", linkDown: "断开", ofLink: "链路属性",
  sendFrame: "发送一帧", from: "从", sendIt: "发送", frameHint: "Scapy 表达式或十六进制", frameSent: "已发送：旅程 {n}。", putBack: "设备复位", others: "另有 {n} 人在看", dragHint: "拖动设备即可移动，所有人都会看到。",
});

export const LIVE = true;
