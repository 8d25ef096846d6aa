// What each panel shows, for the tests to judge.
import * as data from '@grafana/data';
import { VizPanel, sceneGraph } from '@grafana/scenes';

const isVizPanel = (object) => object instanceof VizPanel;
const text = (display, value) => data.formattedValueToString(display(value));

function fields(panel) {
  const state = panel.state.$data?.state.data;
  const frames = state ? panel.applyFieldConfig(state).series : [];
  return frames.flatMap((frame) =>
    frame.fields.map((field) => {
      const values = Array.from(field.values).filter((value) => value !== null && value !== undefined && !Number.isNaN(value));
      const some = values.slice(-200);
      return {
        name: data.getFieldDisplayName(field, frame, frames),
        type: field.type,
        unit: field.config.unit ?? '',
        count: values.length,
        last: values.at(-1),
        shown: values.length && field.display ? text(field.display, values.at(-1)) : '',
        texts: field.display ? [...new Set(some.map((value) => text(field.display, value)))] : [],
        colours: field.display ? [...new Set(some.map((value) => field.display(value).color))] : [],
      };
    })
  );
}

function box(element) {
  const { x, y, width, height } = element.getBoundingClientRect();
  return { x, y, width, height };
}

const overflowing = (element) => element.scrollWidth > element.clientWidth + 1;

// Whether each panel has its answer, and stands on the page.
export function settled(scene) {
  const panels = sceneGraph.findAllObjects(scene, isVizPanel);
  const answered = (panel) => !panel.state.$data || ['Done', 'Error'].includes(panel.state.$data.state.data?.state);
  const count = document.querySelectorAll('[data-panel]').length;
  return panels.length > 0 && panels.every(answered) && count === panels.length;
}

// What a person sees change.
export const fingerprint = () =>
  [...document.querySelectorAll('[data-panel]')]
    .map((inner) => inner.innerText + [...inner.querySelectorAll('canvas')].map((canvas) => `${canvas.width}x${canvas.height}${canvas.drawnTexts?.size}`))
    .join();

export function report(scene) {
  return sceneGraph.findAllObjects(scene, isVizPanel).map((panel) => {
    const id = Number(panel.state.key.replace('panel-', ''));
    const inner = document.querySelector(`[data-panel="${id}"]`);
    const outer = inner?.closest('section') ?? inner;
    const state = panel.state.$data?.state.data;
    const legend = inner ? [...inner.querySelectorAll('[class*="LegendRow"], table tbody tr, [class*="LegendItem"]')] : [];
    return {
      id,
      title: panel.state.title,
      type: panel.state.pluginId,
      description: Boolean(panel.state.description),
      state: state?.state ?? (panel.state.$data ? 'None' : 'Done'),
      error: state?.errors?.[0]?.message ?? panel.state._pluginLoadError ?? '',
      nothing: Boolean(inner?.querySelector('[data-nothing]')),
      fields: fields(panel),
      box: outer && box(outer),
      text: outer?.innerText ?? '',
      drawn: inner ? [...inner.querySelectorAll('canvas')].flatMap((canvas) => [...(canvas.drawnTexts ?? [])]) : [],
      canvases: inner?.querySelectorAll('canvas').length ?? 0,
      legend: legend.map((row) => ({ text: row.innerText, box: box(row), size: parseFloat(getComputedStyle(row).fontSize) })),
      links: inner ? [...inner.querySelectorAll('a[href]')].map((link) => link.getAttribute('href')) : [],
      clipped: inner ? [...inner.querySelectorAll('[role="gridcell"], [role="columnheader"]')].filter(overflowing).map((cell) => cell.innerText) : [],
    };
  });
}
