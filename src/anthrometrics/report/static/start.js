// Everything that only a script can do is hidden until there is one.

for (const element of document.querySelectorAll(".js")) element.hidden = false;

const started = new WeakSet();
/** Lists of a panel are made when it is first seen; a page may hold many thousand answers. */
function startAnswers(panel) {
  for (const section of panel.querySelectorAll(".items")) {
    if (started.has(section) || !section.querySelector(".data")) continue;
    started.add(section);
    new Answers(section);
  }
}

startTheme();
startUnits();
startTip();
if (document.querySelector("[role=tab]")) startTabs(startAnswers);
else startAnswers(document);
// Paper has no tabs and no switches to open.
addEventListener("beforeprint", () => {
  startAnswers(document);
  for (const details of document.querySelectorAll("details.more")) details.open = true;
});
