/** What this browser lacks for a database on the device, as a sentence for people; null: nothing. */

export interface Lack {
  readonly title: string;
  readonly explanation: string;
  readonly remedy: string;
}

export async function findLack(): Promise<Lack | null> {
  if (!globalThis.isSecureContext)
    return {
      title: 'This address is not secure',
      explanation: 'Browsers give private storage only to pages opened over HTTPS or on localhost, and this one came over plain HTTP.',
      remedy: `Open ${location.href.replace(/^http:/, 'https:')}, or serve the page on localhost.`,
    };
  if (typeof WebAssembly !== 'object')
    return {
      title: 'WebAssembly is switched off',
      explanation: 'The search engine on this page is WebAssembly.',
      remedy: 'Allow it in the settings, or use another browser.',
    };
  if (typeof navigator.storage?.getDirectory !== 'function')
    return {
      title: 'This browser has no private file system',
      explanation: 'Heddle keeps its data in the Origin Private File System, so that nothing is lost when a tab closes.',
      remedy: 'Chrome, Edge, Firefox and Safari have it in their current versions.',
    };
  try {
    await navigator.storage.getDirectory();
  } catch {
    return {
      title: 'Storage is closed to this window',
      explanation: 'Private windows of some browsers refuse to store anything, and this page never pretends to have kept what it has not.',
      remedy: 'Open the page in a normal window.',
    };
  }
  return null;
}

/** A function of one instruction, `i8x16.splat` and drop: valid only where SIMD is. */
const SIMD_PROBE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11);

/** Whether the sentence model can run here; without it, search by words still works. */
export const hasSimd = (): boolean => WebAssembly.validate(SIMD_PROBE);
