// The web globals that this package may use. It is compiled without the DOM library and without Node.js types, so that
// anything else from either world is a type error.
declare class TextEncoder {
  encode(input: string): Uint8Array<ArrayBuffer>;
  encodeInto(input: string, target: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input: Uint8Array): string;
}
declare function btoa(text: string): string;
declare function atob(text: string): string;
declare function queueMicrotask(task: () => void): void;
