// Loaded before a program, this makes it believe that its Node.js is an old one.
Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.4" } });
