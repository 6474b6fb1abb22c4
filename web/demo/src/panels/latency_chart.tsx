// How long each token of an answer took: percentiles in figures, all of them as a line.
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { settings } from '../state/settings.ts';
import { quantile } from '../state/quantile.ts';
import { duration } from '../ui/format.ts';

const HEIGHT = 150;
const PERCENTILES = [50, 90, 99] as const;
/** Between two lines of the grid: there is no half token. */
const TOKEN_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

export function LatencyChart({ latencies }: { latencies: readonly number[] }) {
  const place = useRef<HTMLDivElement>(null);
  const { theme } = settings.value;

  useEffect(() => {
    const element = place.current!;
    const chart = new UPlot(optionsFor(element), dataOf(latencies), element);
    const resize = new ResizeObserver(() =>
      chart.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resize.observe(element);
    // The chart is pixels: other colours of the system mean another drawing.
    const colours = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => chart.redraw();
    colours.addEventListener('change', redraw);
    return () => {
      colours.removeEventListener('change', redraw);
      resize.disconnect();
      chart.destroy();
    };
  }, [latencies, theme]);

  const figures = PERCENTILES.map((p) => `p${p} ${duration(quantile(latencies, p / 100))}`);
  return (
    <figure class="latency">
      <figcaption>
        From token to token: {figures.join(', ')}, longest {duration(Math.max(...latencies))}
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function dataOf(latencies: readonly number[]): UPlot.AlignedData {
  return [latencies.map((_, i) => i + 2), [...latencies]];
}

function optionsFor(place: HTMLElement): UPlot.Options {
  const colour = (name: string) => () => resolvedColour(place, name);
  const axis: UPlot.Axis = {
    stroke: colour('--ink-soft'),
    font: '11px Figtree, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max, 1) * 1.05] } },
    axes: [
      {
        ...axis,
        size: 24,
        incrs: TOKEN_STEPS,
        values: (_, ticks) => ticks.map((tick) => `${tick}`),
      },
      { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => `${tick} ms`) },
    ],
    series: [{}, { stroke: colour('--accent'), width: 1.5, points: { show: false } }],
  };
}

/** A canvas does not know the style sheet's variables. */
function resolvedColour(place: HTMLElement, name: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
