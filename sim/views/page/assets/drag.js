// Devices that are dragged over the map, here and in all other browsers; their links follow in straight lines.

const FAR = 5; // px before it is a drag and not a click

export class Drag {
  constructor(session, model, map) {
    this.session = session;
    this.model = model;
    this.map = map;
    this.held = null;
    this.paths = new Map(); // the links as they were drawn at first
    this.moved = new Map(); // [dx, dy] by node's name, as it is drawn now
    const { section } = map;
    section.addEventListener("pointerdown", (event) => this.take(event), true);
    section.addEventListener("pointermove", (event) => this.pull(event), true);
    for (const name of ["pointerup", "pointercancel"]) section.addEventListener(name, (event) => this.drop(event), true);
    session.on("positions", () => this.paint());
  }

  take(event) {
    const group = event.button === 0 && event.isPrimary ? event.target.closest("[data-device]") : null;
    if (!group) return;
    const node = this.model.film.labelled.get(group.getAttribute("data-device"));
    if (node === undefined) return;
    const name = this.model.film.nodeName(node);
    this.held = { name, at: [event.clientX, event.clientY], from: this.moved.get(name) || [0, 0], far: false };
    event.stopPropagation(); // else the map itself would move
  }

  pull(event) {
    const { held } = this;
    if (!held) return;
    event.stopPropagation();
    const dx = event.clientX - held.at[0], dy = event.clientY - held.at[1];
    if (!held.far && Math.hypot(dx, dy) < FAR) return;
    if (!held.far) this.map.section.setPointerCapture(event.pointerId);
    held.far = true;
    const { k } = this.map.view;
    this.put(held.name, [held.from[0] + dx / k, held.from[1] + dy / k]);
  }

  drop(event) {
    const { held } = this;
    if (!held) return;
    this.held = null;
    event.stopPropagation();
    if (!held.far) {
      if (event.type === "pointerup") this.map.choose(event);
      return;
    }
    const [x, y] = this.moved.get(held.name).map(Math.round);
    this.session.ask({ move: { node: held.name, x, y } }).catch(() => this.paint());
  }

  paint() {
    const { positions } = this.session;
    for (const name of this.moved.keys()) if (!positions.has(name)) this.put(name, [0, 0]);
    for (const [name, place] of positions) if (!this.held || this.held.name !== name) this.put(name, place);
  }

  put(name, place) {
    const { film } = this.model;
    const node = film.nodeNumbers.get(name);
    const group = node === undefined ? null : this.map.wires.device(film.nodes[node].label || name);
    if (!group) return;
    if (place[0] === 0 && place[1] === 0) this.moved.delete(name);
    else this.moved.set(name, place);
    group.setAttribute("transform", `translate(${place[0]} ${place[1]})`);
    film.links.forEach((link, index) => {
      if (link.ends.some((port) => port >= 0 && film.ports[port].node === node)) this.follow(index);
    });
    this.map.draw();
  }

  /** Lead a link to where its ends are now, and take the words beside it along. */
  follow(index) {
    const { wires } = this.map, { film } = this.model;
    const group = wires.group(index);
    if (!group) return;
    if (!this.paths.has(index)) {
      const line = wires.line(index);
      if (!line) return;
      const wire = group.querySelector("path.wire"), own = wire.getCTM(), root = wire.ownerSVGElement.getCTM();
      const inside = own && root ? [own.e - root.e, own.f - root.f] : [0, 0]; // the drawing lies in a group that is moved
      this.paths.set(index, { path: wire.getAttribute("d"), inside, first: line.points[0], last: line.points[line.points.length - 1] });
    }
    const { path, inside, first, last } = this.paths.get(index);
    const [a, b] = film.links[index].ends.map((port) => this.moved.get(film.nodeName(film.ports[port].node)));
    const shifted = ([x, y], by) => (by ? [x + by[0], y + by[1]] : [x, y]);
    const [x1, y1] = shifted(first, a), [x2, y2] = shifted(last, b);
    const [dx, dy] = inside;
    const drawn = a || b ? `M${x1 - dx} ${y1 - dy}L${x2 - dx} ${y2 - dy}` : path;
    for (const one of group.querySelectorAll("path")) one.setAttribute("d", drawn);
    wires.lines[index] = null; // it is measured anew
    if (a || b) this.keepDirection(index, [x1, y1], [x2, y2]);
    for (const label of this.map.drawing.querySelectorAll(`[data-words="${index}"]`)) label.toggleAttribute("hidden", Boolean(a || b));
  }

  keepDirection(index, from, to) {
    const length = Math.max(Math.hypot(to[0] - from[0], to[1] - from[1]), 1);
    this.map.wires.lines[index] = { points: [from, to], length, step: length };
  }
}
