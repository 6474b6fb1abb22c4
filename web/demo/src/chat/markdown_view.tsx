// A model's text, formatted. Blocks that have not changed keep their elements, and with them what a reader has selected.
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { copyText } from '../ui/copy.ts';
import { type Block, blocksOf, codeToCopy, renderBlock } from './markdown.ts';

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return (
    <div class="markdown" onClick={copyCode}>
      {blocks.map((block, i) => (
        <BlockView key={i} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => element.current!.replaceChildren(renderBlock(block)), [block.raw]);
  return <div ref={element} />;
}

function copyCode({ target }: MouseEvent): void {
  const code = codeToCopy(target);
  if (code !== null) void copyText(code);
}
