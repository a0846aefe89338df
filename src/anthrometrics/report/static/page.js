// Elements are made of names and text alone, never of markup, so that no text of a model can become an element.

/** An element with attributes and children; strings become text, null children are left out. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function number(value, digits = 2) {
  return value === null ? "–" : value.toFixed(digits).replace("-", "−");
}

function signed(value) {
  if (value === null) return "–";
  const text = number(value);
  return Number(value.toFixed(2)) > 0 ? "+" + text : text.replace(/^−(?=0\.00$)/, "");
}

function count(value) {
  return value.toLocaleString("en-US");
}

function startTheme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  system.addEventListener("change", label);
  label();
}

/** Presence or rate; every switch of one document shows and changes the same. */
function startUnits() {
  for (const place of document.querySelectorAll("[data-unit]")) {
    place.addEventListener("change", (event) => {
      if (!event.target.matches(".switch input")) return;
      place.dataset.unit = event.target.value;
      for (const input of place.querySelectorAll(".switch input")) input.checked = input.value === event.target.value;
    });
  }
}

/** Tabs after the ARIA pattern: arrow keys move, the panel follows. */
function startTabs(onShown) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const panels = tabs.map((tab) => document.getElementById(tab.getAttribute("aria-controls")));
  function show(index, focus) {
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
      panels[at].hidden = at !== index;
    });
    if (focus) tabs[index].focus();
    onShown(panels[index]);
  }
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => show(index, false));
    tab.addEventListener("keydown", (event) => {
      const last = tabs.length - 1;
      const to = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      show(to, true);
    });
  });
  for (const panel of panels) {
    panel.setAttribute("role", "tabpanel");
    panel.querySelector("h2.name").hidden = true;
  }
  if (!tabs.length) return;
  // A link into a panel opens it.
  const linked = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return target ? panels.findIndex((panel) => panel.contains(target)) : -1;
  };
  addEventListener("hashchange", () => {
    const index = linked();
    if (index >= 0 && panels[index].hidden) {
      show(index, false);
      document.getElementById(decodeURIComponent(location.hash.slice(1))).scrollIntoView();
    }
  });
  show(Math.max(0, linked()), false);
}
