// The links of the map as lines to move along: found in the SVG, and turned so that they begin at the link's first end.

const STEP = 4; // px between two points that a line is sampled at
const MOST_POINTS = 200;

export class Wires {
  constructor(film, drawing) {
    this.film = film;
    this.lines = new Array(film.links.length).fill(null);
    this.groups = new Map();
    for (const group of drawing.querySelectorAll("[data-link]")) this.groups.set(Number(group.getAttribute("data-link")), group);
    this.devices = new Map();
    for (const group of drawing.querySelectorAll("[data-device]")) this.devices.set(group.getAttribute("data-device"), group);
  }

  /** The place of a part (0 to 1) of the way from port `from` over its link: [x, y, direction], null if it is not drawn. */
  place(port, part) {
    const link = this.film.portLinks[port];
    const line = link < 0 ? null : this.line(link);
    if (!line) return null;
    const forward = this.film.links[link].ends[0] === port;
    const along = (forward ? part : 1 - part) * line.length;
    const index = Math.min(Math.floor(along / line.step), line.points.length - 2);
    const [x1, y1] = line.points[index], [x2, y2] = line.points[index + 1];
    const rest = along / line.step - index;
    const angle = Math.atan2(y2 - y1, x2 - x1) + (forward ? 0 : Math.PI);
    return [x1 + (x2 - x1) * rest, y1 + (y2 - y1) * rest, angle];
  }

  line(link) {
    if (this.lines[link]) return this.lines[link];
    const group = this.groups.get(link);
    const path = group && group.querySelector("path.wire");
    if (!path) return null;
    const length = path.getTotalLength();
    const count = Math.min(MOST_POINTS, Math.max(2, Math.ceil(length / STEP)));
    const shift = path.getCTM(), root = path.ownerSVGElement.getCTM();
    const matrix = root && shift ? root.inverse().multiply(shift) : null;
    const points = [];
    for (let i = 0; i <= count; i++) {
      let point = path.getPointAtLength((length * i) / count);
      if (matrix) point = point.matrixTransform(matrix);
      points.push([point.x, point.y]);
    }
    const line = { points: this.turned(link, points, path), length, step: length / count };
    this.lines[link] = line;
    return line;
  }

  /** The line, from the link's first end to its second: which box is nearer to where it begins? */
  turned(link, points, path) {
    const [a, b] = this.film.links[link].ends.map((port) => (port < 0 ? "" : this.film.nodeLabel(this.film.ports[port].node)));
    const boxes = [a, b].map((name) => this.devices.get(name)).map((group) => group && boxOf(group));
    if (!boxes[0] || !boxes[1] || a === b) return points;
    const own = path.getPointAtLength(0), last = path.getPointAtLength(path.getTotalLength());
    const straight = distance(boxes[0], own) + distance(boxes[1], last);
    const crossed = distance(boxes[1], own) + distance(boxes[0], last);
    return straight <= crossed ? points : points.reverse();
  }

  group(link) {
    return this.groups.get(link);
  }

  device(name) {
    return this.devices.get(name);
  }
}

/** Of a box the outline, of a host that hangs under a switch all that is drawn of it. */
function boxOf(group) {
  return (group.querySelector(".shape") || group).getBBox();
}

function distance(box, point) {
  const dx = Math.max(box.x - point.x, 0, point.x - box.x - box.width);
  const dy = Math.max(box.y - point.y, 0, point.y - box.y - box.height);
  return Math.hypot(dx, dy);
}
