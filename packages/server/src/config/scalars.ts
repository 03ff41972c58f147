/** Values that the configuration writes in many places. A title is what the reference calls the type; see reference.ts. */
import { isUri } from "@junctor/protocol";
import { isHostRule, isNetwork, isOriginRule } from "@junctor/transport-node";
import { z } from "zod";
import { parseDuration, parseSize } from "./units.ts";
import { parseUriPattern, type UriPattern } from "./uri-pattern.ts";

export const duration = z
  .union([z.string(), z.number()])
  .meta({ title: "duration" })
  .transform((value, context) => {
    const ms = typeof value === "string" ? parseDuration(value) : undefined;
    if (ms === undefined)
      context.addIssue({ code: "custom", message: `expected a duration with its unit (ms, s, m, h, d), for example 25s` });
    return ms ?? 0;
  });

export const size = z
  .union([z.string(), z.number()])
  .meta({ title: "size" })
  .transform((value, context) => {
    const bytes = typeof value === "string" ? parseSize(value) : undefined;
    if (bytes === undefined)
      context.addIssue({ code: "custom", message: `expected a size with its unit (B, KiB, MiB, GiB), for example 1MiB` });
    return bytes ?? 0;
  });

export const procedure = z
  .string()
  .refine((text) => isUri(text), "expected the URI of a procedure: components without white space and #, joined by dots");

export const count = z.int().min(1).meta({ title: "number" });

export const uriPattern = z
  .string()
  .meta({ title: "URI pattern" })
  .transform((text, context): UriPattern => {
    const pattern = parseUriPattern(text);
    if (typeof pattern !== "string") return pattern;
    context.addIssue({ code: "custom", message: `expected a URI pattern; ${pattern}` });
    return { uri: "", match: "exact" };
  });

export const originRule = z
  .string()
  .refine(
    isOriginRule,
    "expected same-host, loopback, null, * or an origin: https://app.example.com, https://*.example.com, http://example.com:*",
  )
  .meta({ title: "origin" });

export const hostRule = z
  .string()
  .refine(isHostRule, "expected a host name without port: example.com, *.example.com or *")
  .meta({ title: "host name" });

export const proxy = z
  .string()
  .refine((text) => text === "unix" || isNetwork(text), "expected an address, a network or unix: 10.0.0.1, 10.0.0.0/8, 2001:db8::/32")
  .meta({ title: "address or network" });
