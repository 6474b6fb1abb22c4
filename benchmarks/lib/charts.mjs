// Figures drawn by ECharts as SVG, in colours that are CSS variables: one drawing serves light and dark pages.
import * as echarts from 'echarts';

/** What the drawings expect of the page or picture around them. */
export const themeCss = `
:root {
  --paper: #ffffff; --ink: #1d2433; --soft: #5c667a; --rule: #e2e6ee;
  --c0: #1f6feb; --c1: #d1680f; --c2: #1a8a5a; --c3: #8b4fc8; --c4: #b8336a; --c5: #6b7280; --c6: #0e8a9d; --c7: #9a7b00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161f; --ink: #e6eaf2; --soft: #9aa5b8; --rule: #2a3140;
    --c0: #5c9dff; --c1: #f0924a; --c2: #4cc38a; --c3: #b98cf0; --c4: #f07aa6; --c5: #9ca3af; --c6: #45c4d6; --c7: #d9b93c;
  }
}`;

// ECharts computes with colours, so it gets some that stand for the variables.
const placeholders = Object.fromEntries(
  ['ink', 'soft', 'rule', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'].map((name, i) => [
    name,
    `#0102${(0xa0 + i).toString(16)}`,
  ]),
);
const color = (name) => placeholders[name];
const seriesColors = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => color(`c${i}`));
const fontFamily = 'system-ui, sans-serif';
const barHeight = 19;

// There is no browser here that could measure, and the reader's font is not known: room for a wide one.
echarts.setPlatformAPI({
  measureText: (text, font) => ({
    width: 0.66 * text.length * (parseFloat(/([\d.]+)px/.exec(font)?.[1]) || 12),
  }),
});

/** The figure as SVG text, `width` pixels wide. */
export function drawSvg(figure, width) {
  const { option, height } = figure.kind === 'bars' ? bars(figure, width) : lines(figure, width);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({
    animation: false,
    color: seriesColors,
    textStyle: { fontFamily, color: color('ink') },
    ...option,
  });
  let svg = chart.renderToSVGString();
  chart.dispose();
  for (const [name, hex] of Object.entries(placeholders))
    svg = svg.replaceAll(hex, `var(--${name})`);
  return svg;
}

/** Several figures below one another as one SVG file with a style of its own. */
export function drawPicture(figures, width) {
  let top = 0;
  const parts = figures.map((figure) => {
    const svg = drawSvg(figure, width);
    const height = Number(/height="(\d+(?:\.\d+)?)"/.exec(svg)[1]);
    const titleHeight = 34;
    const title = `<text x="12" y="${top + 24}" font-family="${fontFamily}" font-size="15" font-weight="600" fill="var(--ink)">${escapeXml(figure.title)} (${figure.unit})</text>`;
    const body = svg.replace('<svg ', `<svg x="0" y="${top + titleHeight}" `);
    top += titleHeight + height;
    return title + body;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}">` +
    `<style>${themeCss}</style><rect width="100%" height="100%" fill="var(--paper)"/>${parts.join('')}</svg>\n`
  );
}

export function escapeXml(text) {
  return String(text).replace(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c],
  );
}

function bars({ categories, series, unit }, width) {
  const hasLegend = series.length > 1;
  const top = hasLegend ? 34 : 8;
  const height = top + 40 + categories.length * (series.length * barHeight + 14);
  const isNarrow = width < 500;
  return {
    height,
    option: {
      grid: { left: 8, right: isNarrow ? 58 : 130, top, bottom: 8, containLabel: true },
      legend: legend(hasLegend),
      xAxis: { type: 'value', splitNumber: isNarrow ? 3 : 5, ...axisStyle, name: '' },
      yAxis: {
        type: 'category',
        inverse: true,
        data: categories,
        axisTick: { show: false },
        axisLine: { lineStyle: { color: color('soft') } },
        axisLabel: { color: color('ink'), fontSize: 12, ...(isNarrow ? narrowLabel : {}) },
      },
      series: series.map(({ name, values }) => ({
        name,
        type: 'bar',
        barMaxWidth: barHeight - 3,
        data: values.map((value) => value && value.median),
        label: {
          show: true,
          position: 'right',
          color: color('ink'),
          fontSize: 11,
          formatter: ({ dataIndex }) => label(values[dataIndex], unit, isNarrow),
        },
      })),
    },
  };
}

const narrowLabel = { width: 92, overflow: 'break', lineHeight: 14 };

function lines({ series, axis, unit }, width) {
  // The legend wraps; about how many lines it takes.
  const room = series.reduce((sum, { name }) => sum + 50 + 8 * name.length, 0);
  const top = 12 + 24 * Math.ceil(room / width);
  const groups = [...new Set(series.map(({ group }) => group))];
  return {
    height: top + 300,
    option: {
      grid: { left: 12, right: 24, top: top + 20, bottom: 30, containLabel: true },
      legend: legend(true),
      xAxis: {
        type: 'value',
        name: axis,
        nameLocation: 'middle',
        nameGap: 30,
        splitNumber: width < 500 ? 3 : 5,
        ...axisStyle,
      },
      yAxis: { type: 'value', name: unit, nameTextStyle: { align: 'left' }, ...axisStyle },
      series: series.map(({ name, group, isDashed, values }) => ({
        name,
        type: 'line',
        color: seriesColors[groups.indexOf(group) % seriesColors.length],
        lineStyle: { type: isDashed ? 'dashed' : 'solid' },
        symbol: 'circle',
        symbolSize: 6,
        data: values.map(({ x, y }) => [x, y.median]),
      })),
    },
  };
}

function legend(show) {
  return {
    show,
    left: 8,
    top: 4,
    itemHeight: 10,
    textStyle: { color: color('ink'), fontSize: 12 },
  };
}

const axisStyle = {
  axisLabel: { color: color('soft'), fontSize: 11 },
  nameTextStyle: { color: color('soft'), fontSize: 11 },
  axisLine: { lineStyle: { color: color('soft') } },
  splitLine: { lineStyle: { color: color('rule') } },
};

function label(value, unit, isNarrow) {
  if (!value) return '';
  const digits = value.median < 10 ? 2 : value.median < 100 ? 1 : 0;
  const text = value.median.toFixed(digits);
  if (isNarrow || value.min === value.max) return text;
  return `${text}  (${value.min.toFixed(digits)}–${value.max.toFixed(digits)})`;
}
