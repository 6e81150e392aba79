// The page in a frame of its own, so that its styles and the notebook's do not meet; the address goes both ways.

// A notebook's colours are its own and not the system's: what lies behind the frame tells.
const isDark = (node) => {
  const [red, green, blue, share = 1] = getComputedStyle(node).backgroundColor.match(/[\d.]+/g).map(Number);
  if (share === 0) return node.parentElement ? isDark(node.parentElement) : undefined;
  return red + green + blue < 384;
};

const render = ({ model, el }) => {
  const frame = document.createElement("iframe");
  Object.assign(frame, { srcdoc: model.get("page"), title: "nonlin explore" });
  Object.assign(frame.style, { width: "100%", height: `${model.get("height")}px`, border: "0" });
  const open = () => {
    frame.contentWindow?.postMessage({ nonlin: "open", address: model.get("address"), dark: isDark(el) }, "*");
  };
  const heard = (event) => {
    if (event.source !== frame.contentWindow || event.data?.nonlin !== "state") return;
    if (event.data.address !== model.get("address")) {
      model.set("address", event.data.address);
      model.save_changes();
    }
  };
  frame.addEventListener("load", open);
  addEventListener("message", heard);
  model.on("change:address", open);
  el.append(frame);
  return () => removeEventListener("message", heard);
};
export default { render };
