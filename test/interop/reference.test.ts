import { expect, test } from "vitest";
import { CASES } from "./cases.ts";
import { expected, sendable } from "./expectation.ts";
import { CONNECTIONS, type Connection, type Exception, LIBRARIES } from "./libraries.ts";
import { interopReference } from "./reference.ts";

test("docs/reference/interop.md is what the matrix says", async () => {
  await expect(interopReference()).toMatchFileSnapshot("../../docs/reference/interop.md");
});

test("every client, transport and format has the names that URIs and the line protocol want", () => {
  const names = CONNECTIONS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^(\w+\.)*\w+$/.test(name))).toEqual([]); // wampy's strict check
});

test("every exception changes what the matrix expects", () => {
  const idle = LIBRARIES.flatMap((library) =>
    library.exceptions
      .filter((exception) => !changesSomething(library.id, exception))
      .map(({ when, what, formats }) => `${library.name}, ${when}, ${formats.join(", ")}: ${what}`),
  );
  expect(idle).toEqual([]);
});

/** Whether any message of any pair would be expected otherwise without the exception. */
function changesSomething(id: string, exception: Exception): boolean {
  const without = ({ library, ...rest }: Connection): Connection => ({
    ...rest,
    library: library.id === id ? { ...library, exceptions: library.exceptions.filter((other) => other !== exception) } : library,
  });
  const its = CONNECTIONS.filter(({ library }) => library.id === id);
  return its.some((connection) =>
    CONNECTIONS.some((other) => {
      const [sender, receiver] = exception.when === "sending" ? [connection, other] : [other, connection];
      return CASES.some(
        (payload) =>
          JSON.stringify(expected(sender, receiver, payload)) !== JSON.stringify(expected(without(sender), without(receiver), payload)) ||
          JSON.stringify(sendable(sender, payload)) !== JSON.stringify(sendable(without(sender), payload)),
      );
    }),
  );
}
