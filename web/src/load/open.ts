// The sources that every environment knows: URLs, Blobs and a page's streams.
import { RemoteObject } from '../remote_object.ts';
import { type ByteSource, blobSource, streamSource } from './byte_source.ts';
import { type UrlOptions, openUrl, sizeOfUrl } from './url_source.ts';

/** `stream` is the port of serveStream(). */
export type CommonSource = { url: string } | { blob: Blob } | { stream: MessagePort };

export async function openCommon(source: CommonSource, options: UrlOptions): Promise<ByteSource> {
  if ('url' in source) return await openUrl(source.url, options);
  if ('blob' in source) return blobSource(source.blob);
  return streamSource(new RemoteObject(source.stream));
}

export async function sizeOfCommon(source: CommonSource, options: UrlOptions): Promise<number> {
  if ('url' in source) return await sizeOfUrl(source.url, options);
  return 'blob' in source ? source.blob.size : 0;
}
