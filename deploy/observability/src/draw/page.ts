import { curveSvg, escaped, numberSvg } from './chart.ts';
import type { DrawnDashboard, DrawnPanel } from './model.ts';

/** Pixels. */
export const pageWidth = 1_440;
const gap = 8;
const columnWidth = (pageWidth - 2 * gap) / 24;
const heights = { curve: 210, number: 80 };

const style = `body{margin:0;padding:${gap}px;box-sizing:border-box;width:${pageWidth}px;font-family:sans-serif;background:#f4f5f5;color:#222}
h1{font-size:19px;margin:4px 0 2px}h2{font-size:14px;margin:12px 0 4px}h3{font-size:12px;margin:4px 8px 0}
.row{display:flex;flex-wrap:wrap}.panel{background:#fff;border:1px solid #ddd;box-sizing:border-box;margin:0 0 ${gap}px;display:flex;flex-direction:column}.panel svg{margin:auto}p{font-size:12px;color:#555;margin:0}`;

/** A dashboard as one page without scripts. */
export function pageOf({ title, range, rows }: DrawnDashboard): string {
  const times = [range.start, range.end].map((at) => new Date(at * 1_000).toISOString().slice(0, 19).replace('T', ' '));
  const parts = rows.map(
    (row) =>
      `<h2>${escaped(row.title)}</h2><div class="row">${row.panels.map((panel) => panelHtml(panel, range)).join('')}</div>`,
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>${style}</style></head>
<body><h1>${escaped(title)}</h1><p>${times.join(' to ')} UTC</p>${parts.join('\n')}</body></html>
`;
}

function panelHtml(panel: DrawnPanel, range: DrawnDashboard['range']): string {
  const width = Math.floor(panel.width * columnWidth);
  const box = { width: width - 4, height: heights[panel.kind] };
  const drawn = panel.kind === 'number' ? numberSvg(panel, box) : curveSvg(panel, range, box);
  return `<div class="panel" style="width:${width}px"><h3>${escaped(panel.title)}</h3>${drawn}</div>`;
}
