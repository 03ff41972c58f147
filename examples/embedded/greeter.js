// The application: a procedure that greets, and says so to whoever listens.
export async function greeter(session) {
  await session.register("com.example.greet", async ({ args: [name] }) => {
    await session.publish("com.example.greeted", [name]);
    return `Hello, ${name}!`;
  });
}
