// Loaded before a program, this makes a signal an error that nothing expects.
process.once("SIGWINCH", () => {
  throw new Error("thrown on purpose");
});
