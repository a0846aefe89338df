// The list of answers: filter, sort, and draw one page of it. Only that page is in the document.

const DETECTORS = ["anthropomorphism", "validation", "refusal"];

class Answers {
  constructor(section) {
    this.section = section;
    this.form = section.querySelector(".filters");
    this.list = section.querySelector(".list");
    const data = JSON.parse(section.querySelector(".data").textContent);
    this.items = data.items;
    this.two = data.sides === 2;
    this.texts = this.items.some((item) => item.sides.some((side) => side.text !== null));
    this.page = 0;
    this.items.forEach((item, order) => this.prepare(item, order));
    this.listen();
    this.update();
  }

  /** What filters and sorting look at: a change for each detector, or a score where there is one answer. */
  prepare(item, order) {
    item.order = order;
    const sides = item.sides;
    const last = sides[sides.length - 1];
    item.values = DETECTORS.map((_, at) => {
      if (!this.two) return last.values[at];
      return sides[0].values[at] === null || last.values[at] === null ? null : last.values[at] - sides[0].values[at];
    });
    item.words = this.two ? last.words - sides[0].words : last.words;
  }

  listen() {
    const select = this.form.elements.label;
    if (select) {
      for (let label = 0; label < vocabulary.labels; label++) select.append(make("option", { value: label }, vocabulary.outputs[label]));
    }
    let waiting = 0;
    const changed = () => { this.page = 0; this.update(); };
    this.form.addEventListener("input", (event) => {
      clearTimeout(waiting);
      if (event.target.name === "names") this.draw();
      // Typing is followed when it pauses; anything else at once.
      else if (event.target.name === "search") waiting = setTimeout(changed, 120);
      else changed();
    });
    this.form.addEventListener("reset", () => { clearTimeout(waiting); setTimeout(changed); });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of this.section.querySelectorAll("[data-go]")) {
      button.addEventListener("click", () => this.go(this.page + Number(button.dataset.go), button));
    }
    const input = this.section.querySelector("[name=page]");
    input.addEventListener("change", () => this.go(Number(input.value) - 1, null));
  }

  get pages() {
    return Math.max(1, Math.ceil(this.found.length / this.size));
  }

  go(page, button) {
    this.page = Math.min(Math.max(0, Math.trunc(page) || 0), this.pages - 1);
    this.draw();
    // From the end of the list a new page is read from its beginning.
    if (button && button.closest(".bottom")) this.section.querySelector(".pager").scrollIntoView({ block: "start" });
  }

  update() {
    const controls = this.form.elements;
    const text = (name) => (controls[name] ? controls[name].value : "any");
    this.size = Number(text("size"));
    this.measure = text("measure");
    this.query = text("search").trim().toLowerCase();
    const least = Number(text("minimum")) || 0;
    const wanted = [];
    if (least > 0) wanted.push((item) => Math.abs(this.value(item)) >= least);
    if (text("direction") === "more") wanted.push((item) => this.value(item) > 0);
    if (text("direction") === "less") wanted.push((item) => this.value(item) < 0);
    if (text("refusal") !== "any") wanted.push(this.refusal(text("refusal")));
    if (text("label") !== "any") {
      const label = Number(text("label"));
      wanted.push((item) => item.sides.some((side) => side.sentences && side.sentences.some((s) => s[3].includes(label))));
    }
    if (text("value") !== "any") wanted.push((item) => item.sides.some((side) => side.expressed && side.expressed.some(([name]) => name === text("value"))));
    if (this.query) wanted.push((item) => this.haystack(item).includes(this.query));
    this.found = this.items.filter((item) => wanted.every((test) => test(item)));
    this.sort(text("sort"));
    this.page = Math.min(this.page, this.pages - 1);
    this.draw();
  }

  /** The change (or score) of the chosen detector, or the largest of all; 0 where there is none. */
  value(item) {
    if (this.measure !== "any") return item.values[Number(this.measure)] ?? 0;
    return item.values.reduce((most, value) => (Math.abs(value ?? 0) > Math.abs(most) ? value : most), 0);
  }

  refusal(choice) {
    if (choice === "changed") return (item) => item.sides[0].refusal !== item.sides[1].refusal;
    const [side, label] = choice.split("-").map(Number);
    return (item) => item.sides[side].refusal === label;
  }

  haystack(item) {
    item.hay ??= [item.id, item.prompt, ...item.sides.map((side) => side.text)].filter(Boolean).join("\n").toLowerCase();
    return item.hay;
  }

  sort(by) {
    const score = (side) => (this.measure === "any" ? Math.max(...side.values.map((v) => v ?? 0)) : side.values[Number(this.measure)] ?? 0);
    const keys = {
      change: (item) => Math.abs(this.value(item)),
      rise: (item) => this.value(item),
      fall: (item) => -this.value(item),
      last: (item) => score(item.sides[item.sides.length - 1]),
      lowest: (item) => -score(item.sides[0]),
      first: (item) => score(item.sides[0]),
      longer: (item) => item.words,
      shorter: (item) => -item.words,
      order: (item) => -item.order,
    };
    const ranked = this.found.map((item) => [keys[by](item), item]);
    ranked.sort(([a, one], [b, other]) => b - a || one.order - other.order);
    this.found = ranked.map(([, item]) => item);
  }

  draw() {
    const start = this.page * this.size;
    const shown = this.found.slice(start, start + this.size);
    this.list.classList.toggle("named", this.form.elements.names ? this.form.elements.names.checked : false);
    this.list.replaceChildren(...(shown.length ? shown.map((item) => this.card(item)) : [make("p", { class: "missing" }, "No answer fits these filters.")]));
    const total = this.items.length === this.found.length ? "" : ` (${count(this.items.length)} in all)`;
    this.section.querySelector(".count").textContent = shown.length
      ? `${count(start + 1)}–${count(start + shown.length)} of ${count(this.found.length)}${total}`
      : `0 of ${count(this.items.length)}`;
    const input = this.section.querySelector("[name=page]");
    input.value = this.page + 1;
    input.max = this.pages;
    this.section.querySelector(".pages").textContent = `of ${count(this.pages)}`;
    for (const button of this.section.querySelectorAll("[data-go]")) {
      button.disabled = button.dataset.go === "-1" ? this.page === 0 : this.page >= this.pages - 1;
    }
    this.section.querySelector(".bottom").hidden = this.pages === 1;
    this.mark();
  }

  card(item) {
    const title = item.id || `${count(item.order + 1)}.`;
    return make("article", { class: "card" },
      make("header", {},
        make("h3", {}, make("bdi", {}, title), item.turn ? make("small", {}, ` turn ${item.turn + 1}`) : null),
        make("ul", { class: "scores" }, ...DETECTORS.map((name, at) => this.score(item, name, at)))),
      this.prompt(item),
      make("div", { class: this.two ? "answers" : "answers single" }, ...item.sides.map((_, at) => this.answer(item, at))));
  }

  score(item, name, at) {
    const sides = item.sides.map((side) => side.values[at]);
    const chosen = this.measure === String(at) ? "chosen" : null;
    return make("li", { class: chosen }, make("span", { class: `swatch ${name}` }), `${name} `,
      this.two ? `${number(sides[0])} → ${number(sides[1])} ` : null,
      make("b", {}, this.two ? signed(item.values[at]) : number(sides[0])));
  }

  prompt(item) {
    if (item.prompt === null) return null;
    const words = make("div", { class: "words", dir: "auto" }, item.prompt);
    return make("div", { class: "prompt" }, make("span", { class: "who" }, "User"), folded(words, item.prompt));
  }

  answer(item, at) {
    const side = item.sides[at];
    const words = `${count(side.words)} ${side.words === 1 ? "word" : "words"}`;
    const refusal = side.refusal === null ? "unscored" : vocabulary.refusals[side.refusal];
    const role = this.two ? ["Base", "Tuned"][at] : "Answer";
    const changed = at === 1 && side.refusal !== item.sides[0].refusal;
    return make("div", { class: "answer" },
      make("h4", {}, role, make("span", { class: changed && "changed" }, refusal), make("span", {}, words)),
      side.expressed ? make("p", { class: "expressed" }, valuesOf(side.expressed)) : null,
      this.texts ? answerText(side, `${role} answer`) : null);
  }

  /** Mark what was searched for, where the browser can do so without touching the text. */
  mark() {
    if (!CSS.highlights) return;
    CSS.highlights.delete("found");
    if (!this.query) return;
    const ranges = [];
    const walker = document.createTreeWalker(this.list, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const text = node.data.toLowerCase();
      // Some letters change length in lower case; such text is left unmarked rather than marked in the wrong place.
      if (text.length !== node.data.length || !node.parentElement.closest(".words, bdi")) continue;
      for (let at = text.indexOf(this.query); at >= 0; at = text.indexOf(this.query, at + this.query.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + this.query.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }
}
