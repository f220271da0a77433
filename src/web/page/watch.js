// Which parts of the workbench can be seen and how large they are, told by the browser when it has laid them out: to ask for it
// while something is drawn would have it lay out again each time.

const parts = new WeakMap();

/** What is a little beyond the edge counts as seen, so that it is there when one scrolls. */
const seeing = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) note(target, { seen: isIntersecting });
  },
  { rootMargin: '48px 0px' },
);
const measuring = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries)
    note(target, { width: Math.round(contentRect.width), height: Math.round(contentRect.height) });
});

function note(node, news) {
  const part = parts.get(node);
  if (!part || Object.entries(news).every(([key, value]) => part[key] === value)) return;
  // What is drawn may make it higher; that it is seen, or another width, is what somebody has done.
  const moved = news.seen === true || (news.width ?? part.width) !== part.width;
  Object.assign(part, news);
  if (part.seen) part.changed(moved);
}

/**
 * What is known of a node: `{seen, width, height}`. `changed` is called when it comes into sight or has another size, with whether
 * somebody waits for it to be drawn.
 */
export function watch(node, changed) {
  const part = { seen: false, width: 0, height: 0, changed };
  parts.set(node, part);
  seeing.observe(node);
  measuring.observe(node);
  return part;
}

/** None of them is there any more. */
export function forget() {
  seeing.disconnect();
  measuring.disconnect();
}
