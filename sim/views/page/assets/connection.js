// The way to the server: a WebSocket that is opened again whenever it is lost.

const FIRST_WAIT = 400, LONGEST_WAIT = 5000; // ms before another try

export class Connection {
  /** `take(message)` is given what comes, `tell(state)` "connecting", "open", "lost" or "over". */
  constructor(path, take, tell) {
    this.url = `ws://${location.host}${path}${location.search}`;
    this.take = take;
    this.tell = tell;
    this.wait = FIRST_WAIT;
    this.asked = new Map();
    this.number = 0;
    this.open();
  }

  open() {
    this.tell("connecting");
    const socket = (this.socket = new WebSocket(this.url));
    socket.onopen = () => {
      this.wait = FIRST_WAIT;
      this.tell("open");
    };
    socket.onmessage = (event) => this.read(JSON.parse(event.data));
    socket.onclose = () => this.lost();
  }

  read(message) {
    const waiting = message.n === undefined && message.reply === undefined ? null : this.asked.get(message.n ?? message.reply);
    if (!waiting) return this.take(message);
    this.asked.delete(message.n ?? message.reply);
    if (message.error !== undefined) return waiting.reject(new Error(message.error));
    return waiting.resolve(message);
  }

  /** Ask the server to do something; a promise of its answer. */
  ask(message) {
    return new Promise((resolve, reject) => {
      if (this.socket.readyState !== WebSocket.OPEN) return reject(new Error("offline"));
      this.number += 1;
      this.asked.set(this.number, { resolve, reject });
      return this.socket.send(JSON.stringify({ ...message, n: this.number }));
    });
  }

  async lost() {
    for (const { reject } of this.asked.values()) reject(new Error("offline"));
    this.asked.clear();
    this.tell("lost");
    await new Promise((resolve) => setTimeout(resolve, this.wait));
    this.wait = Math.min(this.wait * 1.6, LONGEST_WAIT);
    if (await this.refuses()) this.tell("over");
    else this.open();
  }

  /** Whether somebody else is there by now, to whom our token means nothing. */
  async refuses() {
    try {
      const answer = await fetch(`/${location.search}`, { method: "HEAD", cache: "no-store" });
      return answer.status === 403;
    } catch {
      return false; // nobody is there
    }
  }
}
