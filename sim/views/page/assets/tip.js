// The small box beside the pointer.

import { el, replace } from "./dom.js";

const AWAY = 14;

export class Tip {
  constructor(box) {
    this.box = box;
  }

  show(event, title, ...lines) {
    replace(this.box, el("b", {}, title), lines.filter(Boolean).map((line) => el("span", {}, line)));
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const left = Math.min(event.clientX + AWAY, innerWidth - width - 6);
    const top = event.clientY + AWAY + height > innerHeight ? event.clientY - AWAY - height : event.clientY + AWAY;
    this.box.style.left = `${Math.max(left, 4)}px`;
    this.box.style.top = `${Math.max(top, 4)}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}
