// The clipboard, which may be forbidden.
import { toast } from './toast.tsx';

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied.');
  } catch {
    toast('This browser does not let the page copy. Select the text and copy it yourself.');
  }
}
