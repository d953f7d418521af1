// Copies the address as it is when the button is pressed. Where the browser does not let a page write to the clipboard
// (no HTTPS, no permission), the link is shown and marked, ready for Ctrl+C.

export default function (component) {
  const root = component.parentElement.querySelector(".copylink");
  const [button, said, link] = ["button", "span", "input"].map((name) => root.querySelector(name));
  let timer;

  function say(text, show) {
    clearTimeout(timer);
    said.textContent = text;
    said.classList.add("said");
    link.hidden = !show;
    timer = setTimeout(() => {
      said.textContent = "Copy link";
      said.classList.remove("said");
      link.hidden = true;
    }, show ? 20000 : 2500);
  }

  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say("Copied", false);
    } catch {
      link.value = location.href;
      say("Press Ctrl+C", true);
      link.focus();
      link.select();
    }
  };
}
