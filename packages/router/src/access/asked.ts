/** Asks a function that its embedder gave, which may fail by throwing or, being asynchronous, by rejecting. */
export function asked(question: () => void | Promise<void>, failed: (error: unknown) => void): void {
  try {
    question()?.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}
