// One answer: its sentences, marked, with a note of probabilities on hover, focus or tap.

const vocabulary = JSON.parse(document.getElementById("vocabulary").textContent);
/** Sentence element → [start, end, probabilities in hundredths, labels]. */
const sentenceOf = new WeakMap();
// Longer texts are folded, with a button that unfolds them.
const FOLDED_CHARACTERS = 1600;

function answerText(side, name) {
  if (side.text === null) return make("p", { class: "missing" }, "The score file holds no text of this answer.");
  const words = make("div", { class: "words", dir: "auto" });
  if (side.sentences) {
    words.setAttribute("role", "group");
    words.setAttribute("aria-label", `${name}: arrow keys move between sentences`);
    words.append(...pieces(side));
    const first = words.querySelector("mark") || words.querySelector(".s");
    if (first) first.tabIndex = 0;
  } else {
    words.append(side.text);
  }
  return folded(words, side.text);
}

/** Folded if it is long, with a button that shows the whole. */
function folded(words, text) {
  if (text.length <= FOLDED_CHARACTERS && text.split("\n").length <= 24) return words;
  words.classList.add("long");
  const button = make("button", { type: "button", class: "quiet whole" }, "Show all");
  const unfold = () => { words.classList.remove("long"); button.remove(); };
  button.addEventListener("click", unfold);
  // The keyboard may walk into the folded part.
  words.addEventListener("keydown", (event) => { if (event.key.startsWith("Arrow")) unfold(); });
  const box = document.createDocumentFragment();
  box.append(words, button);
  return box;
}

function pieces(side) {
  const found = [];
  let last = 0;
  for (const sentence of side.sentences) {
    const [start, end, , labels] = sentence;
    if (start > last) found.push(side.text.slice(last, start));
    const element = make(labels.length ? "mark" : "span", { class: styleOf(labels), tabindex: -1 }, side.text.slice(start, end));
    sentenceOf.set(element, sentence);
    found.push(element);
    if (labels.length) found.push(make("span", { class: "tags" }, " " + labels.map((label) => vocabulary.outputs[label]).join(", ")));
    last = end;
  }
  found.push(side.text.slice(last));
  return found;
}

function styleOf(labels) {
  if (!labels.length) return "s";
  return `s ${vocabulary.families[labels[0]]}${vocabulary.uncounted.includes(labels[0]) ? " uncounted" : ""}`;
}

/** Which values an answer expresses, in words. */
function valuesOf(expressed) {
  if (!expressed.length) return "expresses no value";
  return `expresses ${expressed.map(([name, value]) => `${name} ${probability(value)}`).join(", ")}`;
}

function probability(hundredths) {
  return (hundredths / 100).toFixed(2);
}

/** What the note says of a sentence. */
function noteOf([, , probabilities, labels]) {
  const detectors = probabilities.slice(vocabulary.labels).map((value, at) => `any ${vocabulary.outputs[vocabulary.labels + at]} ${probability(value)}`);
  const shown = [...Array(vocabulary.labels).keys()]
    .filter((label) => probabilities[label] >= 5 || labels.includes(label))
    .sort((a, b) => probabilities[b] - probabilities[a]);
  const rows = shown.map((label) => {
    const bar = make("i");
    bar.style.width = `${probabilities[label]}%`;
    return make("li", { class: `${vocabulary.families[label]}${labels.includes(label) ? " reached" : ""}` },
      make("span", {}, vocabulary.outputs[label], labels.includes(label) ? make("span", { class: "unseen" }, " (label given)") : null),
      make("span", { class: "track" }, bar), make("span", { class: "value" }, probability(probabilities[label])));
  });
  const rest = vocabulary.labels - shown.length;
  return [
    make("p", {}, detectors.join(" · ")),
    make("ul", {}, ...rows),
    make("p", { class: "rest" }, shown.length ? `${rest} other labels below 0.05` : "all labels below 0.05"),
  ];
}

/** One note for the whole page; it can be pointed at, and Escape closes it. */
function startTip() {
  const tip = document.getElementById("tip");
  let owner = null;
  let leaving = 0;

  function show(element) {
    clearTimeout(leaving);
    if (owner === element) return;
    hide();
    owner = element;
    tip.replaceChildren(...noteOf(sentenceOf.get(element)));
    element.setAttribute("aria-describedby", "tip");
    tip.hidden = false;
    place();
  }
  /** Below the sentence, or above it where there is no room. */
  function place() {
    const line = owner.getClientRects()[0];
    const lowest = owner.getBoundingClientRect().bottom;
    const below = lowest + 8 + tip.offsetHeight <= innerHeight;
    const left = Math.min(Math.max(12, line.left), innerWidth - tip.offsetWidth - 12);
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? lowest + 8 : Math.max(8, line.top - 8 - tip.offsetHeight)}px`;
  }
  function hide() {
    clearTimeout(leaving);
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  }
  const leave = () => { clearTimeout(leaving); leaving = setTimeout(hide, 160); };
  const sentence = (event) => (event.target instanceof Element ? event.target.closest(".list .s") : null);

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const element = sentence(event);
    if (element) show(element);
    else if (tip.contains(event.target)) clearTimeout(leaving);
    else if (owner && owner !== document.activeElement) leave();
  });
  document.addEventListener("focusin", (event) => { if (sentence(event)) show(sentence(event)); else hide(); });
  document.addEventListener("focusout", leave);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const element = sentence(event);
    if (element) walk(element, event);
  });
  // The note of a focused sentence follows it; one that was only pointed at is left behind.
  addEventListener("scroll", () => { if (owner) (owner === document.activeElement ? place : hide)(); }, { passive: true });
}

/** Arrow keys go from sentence to sentence of one answer; Tab goes on to the next answer. */
function walk(element, event) {
  const all = [...element.parentElement.querySelectorAll(".s")];
  const at = all.indexOf(element);
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || !all[to]) return;
  event.preventDefault();
  element.tabIndex = -1;
  all[to].tabIndex = 0;
  all[to].focus();
}
