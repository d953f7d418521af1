// What app_latency.py measures with, inside the page.
window.lab = {
  // Components draw in shadow roots: elements are looked for through them. "host inner": a host on the page, and what is in its root.
  deep(root, selector) {
    const found = [...root.querySelectorAll(selector)];
    for (const each of root.querySelectorAll("*")) if (each.shadowRoot) found.push(...this.deep(each.shadowRoot, selector));
    return found;
  },
  areas(selector) {
    return selector.split(", ").flatMap((one) => {
      const [host, inner] = one.split(" ");
      const hosts = [...document.querySelectorAll(host)];
      return inner ? hosts.flatMap((element) => this.deep(element, inner)) : hosts;
    });
  },
  // What is to be seen in an area: a few pixels of each canvas, and its text where there is none.
  seen(selector) {
    return this.areas(selector).map((area) => {
      const canvases = this.deep(area, "canvas").filter((canvas) => canvas.width && canvas.height);
      return canvases.length ? canvases.map((canvas) => this.pixels(canvas)).join() : area.innerHTML;
    }).join("|");
  },
  pixels(canvas) {
    const small = (this.small ??= new OffscreenCanvas(40, 40).getContext("2d", { willReadFrequently: true }));
    small.clearRect(0, 0, 40, 40);
    small.drawImage(canvas, 0, 0, 40, 40);
    let hash = 0;
    for (const value of small.getImageData(0, 0, 40, 40).data) hash = (Math.imul(hash, 31) + value) | 0;
    return hash;
  },
  // A picture is there: a canvas that is painted, a photograph that is loaded, or a figure of HTML.
  painted(selector) {
    const areas = this.areas(selector);
    if (!areas.length) return false;
    const blank = (canvas) => {
      const c = new OffscreenCanvas(8, 8).getContext("2d");
      c.drawImage(canvas, 0, 0, 8, 8);
      const data = [...c.getImageData(0, 0, 8, 8).data];
      return data.every((value, i) => value === data[i % 4]);
    };
    return areas.some((area) => area.matches(".bars")
      || this.deep(area, "canvas").some((canvas) => canvas.clientWidth > 60 && canvas.width && !blank(canvas))
      || this.deep(area, "img").some((image) => image.clientWidth > 200 && image.complete && image.naturalWidth));
  },
  // When the first frame came in which a condition holds. An answer that does not come in two minutes ends the measurement.
  when(condition) {
    return new Promise((resolve, reject) => {
      const last = performance.now() + 120_000;
      const look = () => {
        if (condition()) resolve(performance.now());
        else if (performance.now() < last) requestAnimationFrame(look);
        else reject(new Error(`no answer in two minutes: ${condition}`));
      };
      look();
    });
  },
  // `answer`: the milliseconds from the next event of a kind to the frame in which an area looks different.
  arm(kind, selector) {
    const before = this.seen(selector);
    this.time(kind, () => this.seen(selector) !== before && this.areas(selector).length);
  },
  // The same until the server has answered: the page's address names another token.
  armAddress(kind) {
    const before = location.search;
    this.time(kind, () => location.search !== before);
  },
  time(kind, condition) {
    this.answer = new Promise((resolve, reject) => addEventListener(kind, () => {
      const start = performance.now();
      this.when(condition).then((end) => resolve(end - start), reject);
    }, { capture: true, once: true }));
  },
};
// What a hover costs the browser: its handlers and the drawing that they ask for, without the wait for the next frame.
window.work = 0;
const later = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (call) => later((now) => {
  const start = performance.now();
  call(now);
  window.work += performance.now() - start;
});
let begun = 0;
addEventListener("pointermove", () => (begun = performance.now()), true);
addEventListener("pointermove", () => (window.work += performance.now() - begun));
