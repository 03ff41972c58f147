// The web globals that this package uses; it is compiled without the DOM library and without Node.js types.
declare function setTimeout(task: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare function queueMicrotask(task: () => void): void;
declare const console: { error(...values: unknown[]): void };
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}
interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}
declare function fetch(
  url: string,
  options: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array;
    readonly credentials: "same-origin";
    readonly cache: "no-store";
    readonly signal: AbortSignal;
  },
): Promise<{
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
  text(): Promise<string>;
}>;
declare class TextEncoder {
  encode(input: string): Uint8Array;
}
declare class TextDecoder {
  decode(input: Uint8Array): string;
}
declare function atob(text: string): string;
interface CryptoKeyLike {
  readonly type: string;
}
declare const crypto: {
  getRandomValues(bytes: Uint8Array): Uint8Array;
  readonly subtle: {
    digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>;
    importKey(format: string, key: Uint8Array, algorithm: unknown, extractable: boolean, usages: string[]): Promise<CryptoKeyLike>;
    exportKey(format: "jwk", key: CryptoKeyLike): Promise<{ readonly x?: string }>;
    deriveBits(algorithm: unknown, key: CryptoKeyLike, length: number): Promise<ArrayBuffer>;
    sign(algorithm: string, key: CryptoKeyLike, data: Uint8Array): Promise<ArrayBuffer>;
    encrypt(algorithm: unknown, key: CryptoKeyLike, data: Uint8Array): Promise<ArrayBuffer>;
    decrypt(algorithm: unknown, key: CryptoKeyLike, data: Uint8Array): Promise<ArrayBuffer>;
    verify(algorithm: string, key: CryptoKeyLike, signature: Uint8Array, data: Uint8Array): Promise<boolean>;
  };
};
