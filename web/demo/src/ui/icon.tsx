// The page's icons, 24 × 24, drawn with the colour of the text around them. Whoever uses one gives the words.

const PATHS = {
  chat: 'M4 5h16v11H9l-5 4Z',
  translate: 'M4 6h9M8.5 4v2M11 6c0 4-3 7-7 8M6 10c1 2 3 3.5 5 4M12 20l4-9 4 9M13.5 17h5',
  shield: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6Z',
  panel: 'M4 5h16v14H4ZM14.5 5v14',
  list: 'M4 6h16M4 12h16M4 18h10',
  close: 'M6 6l12 12M18 6L6 18',
  cube: 'M12 3l8 4.5v9L12 21l-8-4.5v-9ZM4 7.5l8 4.5 8-4.5M12 12v9',
  disk: 'M4 6c0-1.5 3.5-3 8-3s8 1.5 8 3v12c0 1.5-3.5 3-8 3s-8-1.5-8-3ZM4 6c0 1.5 3.5 3 8 3s8-1.5 8-3M4 12c0 1.5 3.5 3 8 3s8-1.5 8-3',
  sliders: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  chart: 'M4 20h16M7 16v-5M12 16V5M17 16V9',
  send: 'M5 12h13M12 6l6 6-6 6',
  stop: 'M7 7h10v10H7Z',
  copy: 'M9 9h11v11H9ZM15 9V4H4v11h5',
  edit: 'M4 20l1-4L16 5l3 3L8 19Z',
  retry: 'M20 12a8 8 0 1 1-2.5-5.800M20 4v4h-4',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  plus: 'M12 5v14M5 12h14',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  upload: 'M12 16V5M7 9l5-5 5 5M5 20h14',
  left: 'M14 6l-6 6 6 6',
  right: 'M10 6l6 6-6 6',
  swap: 'M4 9h15M15 5l4 4-4 4M20 15H5M9 11l-4 4 4 4',
  down: 'M6 10l6 6 6-6',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
