export * as arbitrary from "./arbitrary.ts";
export { plain, tidy } from "./plain.ts";
